//! One event on its way to one step: the unit that is invoked, settled and delivered again.

use std::sync::Arc;

use super::additions::Additions;
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
    /// What earlier attempts have added to the state, as [`Additions`] write it. What the next attempt adds there is that
    /// again.
    pub(super) added_before: Option<Box<Arc<str>>>,
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
    /// What this attempt has added to the state, and what of it earlier ones have; made for the first addition.
    pub(super) additions: Option<Box<Additions>>,
    /// What it waits for, if it is one that collects.
    pub(super) collecting: Option<Box<Collecting>>,
    /// What this attempt has read of the state.
    pub(super) readings: Readings,
    /// Emitted by what the handler returned, to be applied when it settles.
    #[allow(clippy::box_collection)] // mostly one event is emitted, and that is not staged
    staged: Option<Box<Vec<Emission>>>,
    /// It has failed, and settles with an event in its stead.
    pub(super) has_given_up: bool,
}

// Up to here a move is a few instructions, beyond it a call.
const _: () = assert!(size_of::<InFlight>() <= 128);

impl InFlight {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            sent: 0,
            uncommitted: Uncommitted::default(),
            additions: None,
            collecting: None,
            readings: Readings::default(),
            staged: None,
            has_given_up: false,
        }
    }

    pub(super) fn stage(&mut self, emission: Emission) {
        self.staged.get_or_insert_default().push(emission);
    }

    pub(super) fn take_staged(&mut self) -> Vec<Emission> {
        self.staged.take().map_or_else(Vec::new, |staged| *staged)
    }

    /// What this attempt has added, and may still add again.
    pub(super) fn additions(&mut self) -> &mut Additions {
        let before = self.delivery.added_before.as_deref().map(AsRef::as_ref);
        self.additions.get_or_insert_with(|| Box::new(Additions::remembered(before)))
    }

    /// This attempt has set a key (WTF-8) of the state, or taken it out.
    pub(super) fn has_set(&mut self, key: &[u8]) {
        if self.additions.is_some() || self.delivery.added_before.is_some() {
            self.additions().forget_the_rest(key);
        }
    }

    /// All that this attempt has added so far is committed. Gives what is to be remembered of it, if that is anything new.
    pub(super) fn commit_additions(&mut self) -> Option<(DeliverySeq, Arc<str>)> {
        let added = self.additions.as_mut()?.take_changed()?;
        self.delivery.added_before = Some(Box::new(added.clone()));
        Some((self.delivery.seq, added))
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
