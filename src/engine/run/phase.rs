//! Every change of a run's phase stands here, and what a commit does.
//!
//! ```text
//! Running --pause--> Pausing --last in flight settles, is put back, or is cut short----> Paused
//!    ^                  |                                                                  |
//!    +----- resume -----+------------------------------ resume ----------------------------+
//! Running | Pausing | Paused --stop, failure, abort--> Ended
//! ```
//!
//! A run that has something to undo ends by failure or abort only when that is undone: see `undoing.rs`.
//! Only a running run wakes what sleeps.

use super::super::at_work::AtWork;
use super::super::clock::Millis;
use super::super::commit::{Cause, Emission, Special};
use super::super::conflicts::ConflictWatch;
use super::super::delivery::{Delivery, InFlight};
use super::super::done::Done;
use super::super::fan_in::FanIn;
use super::super::ids::{DeliverySeq, EventTypeId, InvocationId, PayloadRef, StepId};
use super::super::journal::{Opened, Queued, Settled};
use super::super::key_space::KeySpace;
use super::super::outcome::{Outcome, RunFailure};
use super::super::run_state::RunState;
use super::super::sleeping::Sleeping;
use super::super::step_limits::StepLimits;
use super::super::waits::{Arrived, Awaited, Expiry, OpenWait, Waits};
use super::{Effect, Run};
use crate::exact_string::ExactString;

/// Where a run stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// Deliveries are invoked as they come.
    Running,
    /// Nothing new is invoked; what is in flight may settle.
    Pausing,
    /// Nothing is in flight.
    Paused,
    /// Nothing is pending, and nothing will be.
    Ended(Outcome),
}

impl Run {
    /// Applies a commit and draws the consequences: the run goes on, is paused, or ends.
    pub(super) fn apply(&mut self, cause: Cause, emitted: impl IntoIterator<Item = Emission>) {
        let mut last_step = None;
        match cause {
            Cause::Returned(invocation) => last_step = self.consume(invocation),
            Cause::Sent(invocation, count) => self.commit_sending(invocation, count),
            Cause::Closed(wait) => self.close(&wait),
            Cause::Outside => {}
        }
        let mut emitted = emitted.into_iter();
        while let Some(emission) = emitted.next() {
            if let Err(outcome) = self.emit(emission) {
                self.discard(emitted);
                self.end_or_undo(outcome);
                return;
            }
        }
        self.draw_consequences(last_step);
        self.seal();
    }

    /// The delivery of an invocation is settled, with what its handler has written. Gives its step.
    fn consume(&mut self, invocation: InvocationId) -> Option<StepId> {
        let mut settled = self.in_flight.remove(invocation)?;
        self.conflicts.forget(std::mem::take(&mut settled.readings));
        self.commit_writes(invocation, std::mem::take(&mut settled.uncommitted));
        let Delivery { seq, attempt, step, payload, .. } = settled.delivery;
        self.leave(step);
        if let Some(change) = self.change() {
            change.settled = Some(Settled { delivery: seq, invocation, attempt });
        }
        if !self.settle_collecting(&settled) && !self.keep_done(&settled) {
            self.stop_using(payload);
        }
        Some(step)
    }

    /// What a handler wrote before it sent is part of what it sends.
    fn commit_sending(&mut self, invocation: InvocationId, count: u32) {
        let Some(sender) = self.in_flight.get_mut(invocation) else { return };
        let delivery = sender.delivery.seq;
        let uncommitted = std::mem::take(&mut sender.uncommitted);
        self.commit_writes(invocation, uncommitted);
        if let Some(change) = self.change() {
            change.sent = Some((delivery, count));
        }
    }

    fn close(&mut self, wait: &ExactString) {
        let Some(wait) = self.waits.close(wait) else { return };
        wait.payloads().for_each(|payload| self.release(payload));
        if let Some(change) = self.change() {
            change.closed = Some(wait.id);
        }
    }

    /// Nothing new will be invoked; the run is paused as soon as nothing is in flight.
    pub(super) fn begin_pausing(&mut self) {
        self.phase = Phase::Pausing;
        self.draw_consequences(None);
        self.seal();
    }

    /// Deliveries are invoked again.
    pub(super) fn go_on(&mut self, now: Millis) {
        if matches!(self.phase, Phase::Paused) {
            self.note_change(); // that it is not paused any more
            let caused_by = self.next_change();
            self.queue.iter_mut().for_each(|delivery| delivery.caused_by = caused_by);
        }
        self.time_limit = self.time_limit.counting(now);
        self.phase = Phase::Running;
        self.notice = None;
        self.wake_what_is_due(now);
        self.give_up_waiting(now);
        self.draw_consequences(None);
        self.seal();
    }

    /// What is due is asleep no more. From then on it may have been attempted, so that is a change of its own.
    pub(super) fn wake_what_is_due(&mut self, now: Millis) {
        let due = self.sleeping.take_due(now);
        if due.is_empty() {
            return;
        }
        let caused_by = self.next_change();
        for delivery in due {
            self.note_again(&delivery, None, None);
            let turn = self.next_turn();
            self.queue.push_back(Delivery { turn, caused_by, ..delivery });
        }
        self.seal();
    }

    /// A handler has failed, and will be called again: its delivery sleeps until then, and its writes are taken back.
    pub(super) fn put_to_sleep(&mut self, invocation: InvocationId, due: Millis) {
        let Some(failed) = self.withdraw(invocation) else { return };
        let delivery = failed.again();
        self.note_again(&delivery, Some(invocation), Some(due));
        self.sleeping.put(due, delivery);
        self.draw_consequences(None);
        self.seal();
    }

    /// The run is paused from the beginning.
    pub(super) fn stay_paused(&mut self, now: Millis) {
        self.time_limit = self.time_limit.stopped(now);
        self.phase = Phase::Paused;
        self.notice = Some(Effect::Paused);
    }

    /// A handler of a step is at work no more: of a step with a limit the next one may be called.
    pub(super) fn leave(&mut self, step: StepId) {
        if self.definition.step_options(step).concurrency.is_some()
            && let Some(next) = self.limits.leave(step)
        {
            self.enqueue(next);
        }
    }

    /// What is in flight will not be waited for: it goes back to the queue, and its writes are taken back.
    pub(super) fn take_back_in_flight(&mut self) {
        for (invocation, mut cut_short) in self.in_flight.take_all() {
            self.take_back_collecting(&mut cut_short);
            self.discard(cut_short.take_staged());
            self.make_again(invocation, cut_short);
        }
        self.state.take_back();
        self.conflicts.forget_all();
        self.draw_consequences(None);
        self.seal();
    }

    /// The same for some of what is in flight, each of which is in flight. The youngest comes first: it may have read what
    /// an older one has written, and not the other way round.
    pub(super) fn take_back(&mut self, invocations: &[InvocationId]) {
        for &invocation in invocations.iter().rev() {
            let Some(cut_short) = self.withdraw(invocation) else { continue };
            self.make_again(invocation, cut_short);
        }
        self.draw_consequences(None);
        self.seal();
    }

    /// An attempt that was cut short goes back to the queue, unless the run is about to undo: then it is left at that, as
    /// nobody knows whether it is done.
    fn make_again(&mut self, invocation: InvocationId, cut_short: InFlight) {
        if self.is_about_to_undo() {
            self.stop_using(cut_short.delivery.payload);
            return;
        }
        let delivery = cut_short.again();
        self.note_again(&delivery, Some(invocation), None);
        self.enqueue(delivery);
    }

    /// An attempt is over, and nothing comes of it: what it has written is taken back.
    fn withdraw(&mut self, invocation: InvocationId) -> Option<InFlight> {
        let mut withdrawn = self.in_flight.remove(invocation)?;
        self.leave(withdrawn.delivery.step);
        self.discard(withdrawn.take_staged());
        self.take_back_writes(invocation, &mut withdrawn);
        self.take_back_collecting(&mut withdrawn);
        self.conflicts.forget(std::mem::take(&mut withdrawn.readings));
        Some(withdrawn)
    }

    /// The handler of `invocation` has not been called: its delivery goes back to the queue, and this was no attempt at it.
    pub(super) fn take_back_unbegun(&mut self, invocation: InvocationId) {
        let Some(InFlight { delivery, .. }) = self.in_flight.remove(invocation) else { return };
        self.leave(delivery.step);
        if self.is_about_to_undo() {
            self.stop_using(delivery.payload);
        } else {
            self.enqueue(delivery);
        }
    }

    /// The run is over, once and for all. Of what the driver has not been told, only what was published counts still.
    pub(super) fn end(&mut self, outcome: Outcome) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.note_change(); // that it has ended
        self.queue.clear();
        self.sleeping = Sleeping::default();
        self.fan_in = FanIn::default();
        self.limits = StepLimits::default();
        self.in_flight = AtWork::default();
        self.waits = Waits::default();
        self.shared_payloads.clear();
        self.done = Done::default();
        self.undoing = None;
        self.outbox.retain(|outgoing| matches!(outgoing.effect, Effect::Publish(_) | Effect::Stream(_)));
        if let Some(journal) = self.journal.as_mut().filter(|journal| journal.writes_whole()) {
            journal.whole_change().written = self.state.all_written();
        }
        // What it has kept may be large, and the object that owns the run is collected late.
        self.state = RunState::default();
        self.conflicts = ConflictWatch::default();
        self.session = KeySpace::default();
        self.children = Vec::new();
        self.phase = Phase::Ended(outcome);
        self.notice = Some(Effect::Ended);
        self.seal();
    }

    pub(super) fn draw_consequences(&mut self, last_step: Option<StepId>) {
        if !self.in_flight.is_empty() {
            return;
        }
        if self.undoing.is_some() {
            self.give_up_collecting();
        }
        match self.phase {
            Phase::Pausing => {
                let waiting = self.limits.clear();
                waiting.for_each(|delivery| self.enqueue(delivery));
                self.note_change(); // that it is paused
                self.phase = Phase::Paused;
                self.notice = Some(Effect::Paused);
            }
            Phase::Running if self.undoing.is_some() => self.undo_next(),
            Phase::Running if self.has_nothing_to_wait_for() => {
                self.end_or_undo(Outcome::Failed(RunFailure::Stalled {
                    workflow: self.definition.name().to_owned(),
                    last_step: last_step.map(|step| self.definition.step_name(step).to_owned()),
                    held: self.fan_in.held().count(),
                }));
            }
            _ => {}
        }
    }

    pub(super) fn has_nothing_to_wait_for(&self) -> bool {
        self.queue.is_empty() && self.waits.is_empty() && self.sleeping.is_empty()
    }

    fn emit(&mut self, emission: Emission) -> Result<(), Outcome> {
        match emission {
            Emission::Event { event_type, payload } => self.deliver(event_type, payload, None),
            Emission::Stop { payload } => Err(Outcome::Completed { stop: payload }),
            Emission::Special(special) => self.emit_special(*special),
        }
    }

    fn emit_special(&mut self, special: Special) -> Result<(), Outcome> {
        match special {
            Special::Later { event_type, payload, due } => self.deliver(event_type, payload, Some(due)),
            Special::InputRequest { request_id, payload, expiry } => self.ask(request_id, payload, expiry),
            Special::Expect { id, event_type, expiry } => self.expect(id, event_type, expiry),
            Special::Keep { id, event_type, payload } => {
                self.keep(Arrived { id, event_type, payload });
                Ok(())
            }
            Special::Unknown { event_type } => Err(self.unrouted(event_type)),
        }
    }

    /// Queues one delivery for each step that accepts the event, or puts it to sleep until it is due.
    fn deliver(
        &mut self,
        event_type: EventTypeId,
        payload: PayloadRef,
        due: Option<Millis>,
    ) -> Result<(), Outcome> {
        let steps = self.definition.routes(event_type);
        let caused_by = self.next_change();
        for &step in steps {
            self.last_delivery += 1;
            let seq = DeliverySeq(self.last_delivery);
            let turn = self.last_turn + 1;
            self.last_turn = turn;
            let delivery = Delivery {
                seq,
                turn,
                step,
                payload,
                attempt: 1,
                gathered: false,
                sent_before: 0,
                added_before: None,
                caused_by,
            };
            match due {
                None => self.queue.push_back(delivery),
                Some(due) => self.sleeping.put(due, delivery),
            }
            if let Some(change) = self.journal.as_mut().and_then(|journal| journal.change()) {
                change.queued.push(Queued {
                    delivery: seq,
                    step,
                    event_type: Some(event_type),
                    payload,
                    attempt: 1,
                    sent: 0,
                    due,
                    held: None,
                    gathered: false,
                    done: None,
                    added: None,
                });
            }
        }
        match steps.len() {
            0 => {
                self.release(payload);
                let name = self.definition.event_type_name(event_type).unwrap_or("?").to_owned();
                Err(self.unrouted(name))
            }
            1 => Ok(()),
            several => {
                let uses = u32::try_from(several).expect("fewer than 2^32 steps");
                self.shared_payloads.insert(payload, uses);
                Ok(())
            }
        }
    }

    pub(super) fn next_turn(&mut self) -> u64 {
        self.last_turn += 1;
        self.last_turn
    }

    /// Queues a delivery that has been queued before, where it belongs: it is among the oldest, or among the newest.
    pub(super) fn enqueue(&mut self, delivery: Delivery) {
        let place = self.queue.partition_point(|queued| queued.turn < delivery.turn);
        self.queue.insert(place, delivery);
    }

    fn ask(
        &mut self,
        request_id: ExactString,
        payload: PayloadRef,
        expiry: Option<Expiry>,
    ) -> Result<(), Outcome> {
        if self.definition.routes(EventTypeId::INPUT_RESPONSE).is_empty() {
            let workflow = self.definition.name().to_owned();
            return Err(Outcome::Failed(RunFailure::NobodyTakesAnswers { workflow, request_id }));
        }
        if self.waits.is_taken(&request_id) {
            return Err(Outcome::Failed(RunFailure::DuplicateRequest { request_id }));
        }
        self.open_wait(OpenWait { id: request_id, awaited: Awaited::Answer(payload), expiry });
        self.publish(payload);
        Ok(())
    }

    /// The run waits for an event from outside, unless it has come before.
    fn expect(
        &mut self,
        id: ExactString,
        event_type: EventTypeId,
        expiry: Option<Expiry>,
    ) -> Result<(), Outcome> {
        let wait = OpenWait { id, awaited: Awaited::Event(event_type), expiry };
        let Some(arrived) = self.waits.take_arrived(event_type) else {
            self.open_wait(wait);
            return Ok(());
        };
        wait.payloads().for_each(|payload| self.release(payload));
        if let Some(change) = self.change() {
            change.closed = Some(arrived.id);
        }
        self.deliver(event_type, arrived.payload, None)
    }

    fn open_wait(&mut self, wait: OpenWait) {
        if let Some(change) = self.change() {
            change.opened.push(Opened::from(&wait));
        }
        self.waits.open(wait);
    }

    fn keep(&mut self, arrived: Arrived) {
        if let Some(change) = self.change() {
            change.opened.push(Opened::from(&arrived));
        }
        self.waits.keep(arrived);
    }

    /// What is waited for in vain is waited for no more.
    pub(super) fn give_up_waiting(&mut self, now: Millis) {
        while let Some(wait) = self.waits.expired(now) {
            let (id, awaited) = (wait.id.clone(), wait.awaited);
            let Some((event_type, payload)) = wait.expiry.and_then(|expiry| expiry.event) else {
                let failure = self.expired(id, awaited);
                return self.end_or_undo(Outcome::Failed(failure));
            };
            self.waits.hand_over_expiry(&id);
            let expiry = Emission::Event { event_type, payload };
            self.apply(Cause::Closed(id), [expiry]);
        }
    }

    fn expired(&self, id: ExactString, awaited: Awaited) -> RunFailure {
        match awaited {
            Awaited::Answer(_) => RunFailure::Unanswered { request_id: id },
            Awaited::Event(event_type) => {
                let event_type = self.definition.event_type_name(event_type).unwrap_or("?").to_owned();
                RunFailure::NeverCame { event_type }
            }
        }
    }

    fn unrouted(&self, event_type: String) -> Outcome {
        let nearest = self.definition.nearest_event_type(&event_type).map(str::to_owned);
        let workflow = self.definition.name().to_owned();
        if self.definition.is_empty() {
            return Outcome::Failed(RunFailure::NoSteps { workflow });
        }
        Outcome::Failed(RunFailure::Unrouted { workflow, event_type, nearest })
    }

    pub(super) fn stop_using(&mut self, payload: PayloadRef) {
        if let Some(uses) = self.shared_payloads.get_mut(&payload) {
            *uses -= 1;
            if *uses > 0 {
                return;
            }
            self.shared_payloads.remove(&payload);
        }
        self.release(payload);
    }
}
