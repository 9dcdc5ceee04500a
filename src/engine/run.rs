//! One execution of a workflow.
//!
//! Feed it: [`Run::start`] or [`Run::resume`] first, then handlers' outcomes ([`Run::settle`], [`Run::send`],
//! [`Run::fail_step`]) or that one was not called ([`Run::put_back`]), answers ([`Run::respond`]) and wishes
//! ([`Run::pause`], [`Run::abort`], ...), in any order.
//! Drain it: after every input, [`Run::poll_effect`] until it gives nothing, and wake it at [`Run::wake_at`].
//! An effect that is not drained stays; a driver that has no time now may come back for it.
//!
//! Always true:
//! 1. A delivery is asleep, queued, in flight or settled, in this order. It goes back only from in flight: to the queue,
//!    when a pause does not wait for it or its handler was never called, or to sleep, when its handler has failed and is
//!    to be called again. One that has settled may be held: its event waits for others.
//! 2. `queue` is sorted by the turns of its deliveries. An attempt that was cut short or put back, or has failed, has no
//!    way back: the next one has another [`InvocationId`].
//! 3. A running run has something queued, asleep, in flight or waited for; one that has not is stalled, which is an end.
//! 4. A run that has ended stays as it ended.
//! 5. What is `done` has settled and keeps its payload until the run ends. While the run is `undoing`, only that is
//!    invoked, one at a time, and when nothing is left of it the run ends.

mod answering;
mod collecting;
mod handling;
mod journaling;
mod lifecycle;
mod phase;
mod restoring;
#[cfg(test)]
mod stories;
mod streaming;
mod undoing;
mod writing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::at_work::AtWork;
use super::child_at_rest::ChildAtRest;
use super::clock::{Millis, TimeLimit};
use super::commit::{Cause, Emission};
use super::conflicts::{ConflictWatch, StateConflicts};
use super::definition::Definition;
use super::delivery::{Delivery, InFlight, Invocation};
use super::done::Done;
use super::fan_in::FanIn;
use super::ids::{EventTypeId, InvocationId, PayloadRef, RunId};
use super::journal::{Durability, Journal};
use super::key_space::KeySpace;
use super::outcome::Outcome;
use super::run_state::RunState;
use super::sleeping::Sleeping;
use super::step_limits::StepLimits;
use super::waits::Waits;
use crate::state_value::StateValue;

pub use answering::{Incoming, ReceiveError, RespondError};
pub use handling::DeliveryError;
use journaling::Outgoing;
pub use lifecycle::{Interrupted, LifecycleError, PauseError};
use phase::Phase;
pub use restoring::SnapshotRefusal;
use undoing::Undoing;
pub use writing::{AppendError, WriteError};

/// What a run is started with, beside its input.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The longest time that the run may spend running; no limit if `None`.
    pub time_limit: Option<Duration>,
    /// When the run is written to a store; it has none if `None`.
    pub durability: Option<Durability>,
    /// What is done about a lost update of the state.
    pub state_conflicts: StateConflicts,
    /// Whether the stream goes to the store with the run; not under [`Durability::Exit`].
    pub keeps_stream: bool,
}

/// What the driver must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The engine will not name this payload again.
    Release(PayloadRef),
    /// Put this payload, an input request, on the run's stream.
    Publish(PayloadRef),
    /// Put this payload, which a handler has written to a stream that is kept, on the stream; the engine will not name it
    /// again.
    Stream(PayloadRef),
    /// Call a handler.
    Invoke(Invocation),
    /// Call what undoes a step, with the event that the step was called with.
    Compensate(Invocation),
    /// The run is about to end as [`Run::ending`] says, and undoes before what it has done. What comes of handlers at work
    /// matters only where a step can be undone.
    Undoing,
    /// What was in flight has settled: the run is paused and can be taken as a snapshot.
    Paused,
    /// The run has ended: see [`Run::outcome`]. No payload but that of the outcome is named any more.
    Ended,
}

/// One execution of a workflow: what is pending, what is saved, and in which phase it is.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    definition: Arc<Definition>,
    /// The version of the workflow that the run has begun with, or was migrated to, if that is known.
    workflow_version: Option<Arc<str>>,
    phase: Phase,
    last_delivery: u64,
    last_turn: u64,
    queue: VecDeque<Delivery>,
    sleeping: Sleeping,
    fan_in: FanIn,
    limits: StepLimits,
    last_invocation: u64,
    in_flight: AtWork,
    done: Done,
    undoing: Option<Box<Undoing>>,
    waits: Waits,
    /// How many deliveries still use a payload; only of payloads that more than one step received.
    shared_payloads: BTreeMap<PayloadRef, u32>,
    time_limit: TimeLimit,
    state: RunState,
    conflicts: ConflictWatch,
    session: KeySpace<serde_json::Value>,
    /// What it rests with, beside what is its own.
    children: Vec<ChildAtRest>,
    journal: Option<Box<Journal>>,
    keeps_stream: bool,
    /// What the driver has not been told of: payloads, and then the latest change of phase.
    outbox: VecDeque<Outgoing>,
    notice: Option<Effect>,
}

impl Run {
    /// Begins a run with `input`, a payload that holds its `blazen::StartEvent`.
    #[must_use]
    pub fn start(
        definition: Arc<Definition>,
        id: RunId,
        input: PayloadRef,
        options: RunOptions,
        now: Millis,
    ) -> Self {
        let mut run =
            Self::empty(definition, id, TimeLimit::starting(options.time_limit, None, now), options);
        run.journal = options.durability.map(|durability| Box::new(Journal::new(durability, 0)));
        run.apply(Cause::Outside, [Emission::Event { event_type: EventTypeId::START, payload: input }]);
        run
    }

    /// The run goes by this version of its workflow, which its snapshots tell.
    #[must_use]
    pub fn by_version(self, version: Option<Arc<str>>) -> Self {
        Self { workflow_version: version, ..self }
    }

    /// The next thing to do, if there is one.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let next = self.next_outgoing().or_else(|| self.next_notice()).or_else(|| self.next_invocation());
        if next.is_none() && self.is_at_rest() {
            self.give_room_back();
        }
        next
    }

    /// When [`Run::time_is_now`] must be called at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        if !self.is_on_the_clock() {
            return None;
        }
        let is_running = matches!(self.phase, Phase::Running);
        let own = self.first_due().filter(|_| is_running);
        own.into_iter().chain(self.time_limit.due()).min()
    }

    /// The identity of the run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The steps that this run goes by.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// How the run has ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The saved values. Those of a run that has ended are gone.
    pub fn state(&self) -> Result<&KeySpace<StateValue>, DeliveryError> {
        self.expect_not_ended()?;
        Ok(self.state.values())
    }

    /// The values that stay in this process. Those of a run that has ended are gone.
    pub fn session(&self) -> Result<&KeySpace<serde_json::Value>, DeliveryError> {
        self.expect_not_ended()?;
        Ok(&self.session)
    }

    /// The values that stay in this process, for a handler to write to.
    pub fn session_mut(
        &mut self,
        writer: InvocationId,
    ) -> Result<&mut KeySpace<serde_json::Value>, DeliveryError> {
        self.expect_in_flight(writer)?;
        Ok(&mut self.session)
    }

    fn expect_not_ended(&self) -> Result<(), DeliveryError> {
        if self.outcome().is_some() { Err(DeliveryError::Ended) } else { Ok(()) }
    }

    fn empty(definition: Arc<Definition>, id: RunId, time_limit: TimeLimit, options: RunOptions) -> Self {
        Self {
            id,
            definition,
            workflow_version: None,
            phase: Phase::Running,
            last_delivery: 0,
            last_turn: 0,
            queue: VecDeque::new(),
            sleeping: Sleeping::default(),
            fan_in: FanIn::default(),
            limits: StepLimits::default(),
            last_invocation: 0,
            in_flight: AtWork::default(),
            done: Done::default(),
            undoing: None,
            waits: Waits::default(),
            shared_payloads: BTreeMap::new(),
            time_limit,
            state: RunState::default(),
            conflicts: ConflictWatch::new(options.state_conflicts),
            session: KeySpace::default(),
            children: Vec::new(),
            journal: None,
            keeps_stream: options.keeps_stream,
            outbox: VecDeque::new(),
            notice: None,
        }
    }

    /// When the first of what sleeps is due, or of what is waited for expires.
    fn first_due(&self) -> Option<Millis> {
        self.sleeping.first_due().into_iter().chain(self.waits.first_due()).min()
    }

    fn is_at_rest(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }

    /// A run at rest may be so for long, and be one of many: it keeps no room for what it may do later.
    fn give_room_back(&mut self) {
        self.queue.shrink_to_fit();
        self.outbox.shrink_to_fit();
        self.in_flight.give_room_back();
        self.waits.give_room_back();
        self.state.give_room_back();
        if let Some(journal) = &mut self.journal {
            journal.give_room_back();
        }
    }

    fn next_outgoing(&mut self) -> Option<Effect> {
        let first = self.outbox.front()?;
        if !self.may_begin(first.caused_by) {
            return None;
        }
        self.outbox.pop_front().map(|outgoing| outgoing.effect)
    }

    fn next_notice(&mut self) -> Option<Effect> {
        if self.is_stored() { self.notice.take() } else { None }
    }

    /// The next delivery that may begin.
    fn next_delivery(&mut self) -> Option<Delivery> {
        if !matches!(self.phase, Phase::Running) {
            return None;
        }
        while self.may_begin(self.queue.front()?.caused_by) {
            let delivery = self.queue.pop_front()?;
            let Some(limit) = self.definition.step_options(delivery.step).concurrency else {
                return Some(delivery);
            };
            if let Some(delivery) = self.limits.enter(delivery, limit) {
                return Some(delivery);
            }
        }
        None
    }

    fn next_invocation(&mut self) -> Option<Effect> {
        let delivery = self.next_delivery()?;
        self.last_invocation += 1;
        let invocation = Invocation {
            id: InvocationId(self.last_invocation),
            delivery: delivery.seq,
            step: delivery.step,
            payload: delivery.payload,
            attempt: delivery.attempt,
        };
        self.in_flight.insert(invocation.id, InFlight::new(delivery));
        let call = if self.undoing.is_some() { Effect::Compensate } else { Effect::Invoke };
        Some(call(invocation))
    }
}
