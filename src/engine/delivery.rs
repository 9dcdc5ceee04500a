//! One event on its way to one step: the unit that is invoked, settled and delivered again.

use super::commit::Emission;
use super::conflicts::Readings;
use super::fan_in::Collecting;
use super::ids::{DeliverySeq, InvocationId, PayloadRef, StepId};
use super::run_state::Uncommitted;

/// A delivery that waits to be invoked.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) seq: DeliverySeq,
    /// Its place in the queue: later ones are greater. One that has slept comes after all that was queued before it woke.
    pub(super) turn: u64,
    pub(super) step: StepId,
    pub(super) payload: PayloadRef,
    /// 1 for the first invocation.
    pub(super) attempt: u32,
    /// Another delivery has had its event for a fan-in, while its own handler was at work.
    pub(super) gathered: bool,
    /// How many events earlier attempts have sent. The first so many sends of the next attempt are those again.
    pub(super) sent_before: u32,
    /// The number of the change that must be durable before it is invoked: the one that queued it, or that
    /// ended the last pause; 0 for a run without a store.
    pub(super) caused_by: u64,
}

/// A delivery whose handler has been invoked and has not settled. It moves at every hop: what most handlers have nothing
/// of is not kept within it.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) delivery: Delivery,
    /// How many events this attempt has sent.
    pub(super) sent: u32,
    /// What this attempt has done to the state and could still be taken back.
    pub(super) uncommitted: Uncommitted,
    /// What it waits for, if it is one that collects.
    pub(super) collecting: Option<Box<Collecting>>,
    /// What this attempt has read of the state.
    pub(super) readings: Readings,
    /// Emitted by what the handler returned, to be applied when it settles.
    pub(super) staged: Vec<Emission>,
    /// It has failed, and settles with an event in its stead.
    pub(super) has_given_up: bool,
}

impl InFlight {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            sent: 0,
            uncommitted: Uncommitted::default(),
            collecting: None,
            readings: Readings::default(),
            staged: Vec::new(),
            has_given_up: false,
        }
    }

    /// The same delivery, to be invoked once more.
    pub(super) fn again(self) -> Delivery {
        let InFlight { delivery, sent, .. } = self;
        Delivery {
            attempt: delivery.attempt.saturating_add(1),
            sent_before: delivery.sent_before.max(sent),
            ..delivery
        }
    }
}

/// What the driver must do for one delivery: call the handler of `step` with the event `payload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// To be named when the handler settles, sends or writes.
    pub id: InvocationId,
    /// What is attempted: the same for each attempt.
    pub delivery: DeliverySeq,
    /// The step whose handler to call.
    pub step: StepId,
    /// The event to call it with.
    pub payload: PayloadRef,
    /// 1, or more if an earlier invocation was cut short.
    pub attempt: u32,
}
