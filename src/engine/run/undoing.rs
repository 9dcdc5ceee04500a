//! How a run undoes what it has done, before it fails or is aborted.
//!
//! ```text
//! waits for handlers at work whose steps can be undone --all have settled--> undoes, the last first --nothing left--> ended
//! ```
//!
//! It goes on beside the phases: a run that undoes is running, pausing or paused as any other.
//!
//! Always true while a run undoes:
//! 1. It waits for nothing from outside, nothing but compensations is invoked, and those one at a time.
//! 2. What is queued, asleep or (once the first has begun) in flight is the compensation whose number is `current`.
//! 3. Nothing is held once nothing is in flight.

use std::sync::Arc;

use super::super::clock::{Millis, TimeLimit};
use super::super::delivery::{Delivery, InFlight};
use super::super::ids::InvocationId;
use super::super::journal::Settled;
use super::super::outcome::{Outcome, RunFailure};
use super::super::run_at_rest::Ending;
use super::super::waits::OpenWait;
use super::journaling::Outgoing;
use super::phase::Phase;
use super::{Effect, Run};

/// A run is about to end.
#[derive(Debug)]
pub(super) struct Undoing {
    /// How it will.
    pub(super) outcome: Outcome,
    /// The same as the driver puts it, a JSON object, if it has.
    pub(super) error: Option<Arc<str>>,
    /// What is being undone; nothing yet while handlers at work are waited for.
    pub(super) current: Option<u64>,
}

impl Undoing {
    /// Whether handlers at work are not waited for any more.
    pub(super) fn has_begun(&self) -> bool {
        self.current.is_some()
    }
}

impl Run {
    /// How the run is about to end, if it undoes what it has done.
    #[must_use]
    pub fn ending(&self) -> Option<&Outcome> {
        self.undoing.as_ref().map(|undoing| &undoing.outcome)
    }

    /// Whether the run undoes what it has done, and then ends.
    #[must_use]
    pub fn is_undoing(&self) -> bool {
        self.undoing.is_some()
    }

    /// Whether the run undoes what it has done once nothing is at work any more.
    pub(super) fn is_about_to_undo(&self) -> bool {
        self.undoing.as_ref().is_some_and(|undoing| !undoing.has_begun())
    }

    /// Whether `invocation` is that of a compensation, and at work.
    #[must_use]
    pub fn is_compensating(&self, invocation: InvocationId) -> bool {
        self.undoing.as_ref().is_some_and(|undoing| undoing.has_begun())
            && self.in_flight.contains(invocation)
    }

    /// Why the run is about to end, a JSON object: a snapshot needs it.
    pub fn keep_ending(&mut self, error: Arc<str>) {
        if let Some(undoing) = &mut self.undoing {
            undoing.error = Some(error);
        }
    }

    /// The run ends, at once if it ends well or has nothing to undo.
    pub(super) fn end_or_undo(&mut self, outcome: Outcome) {
        self.end_or_undo_without(None, outcome);
    }

    /// The same, because of a handler that has `failed`: that one is not waited for.
    pub(super) fn end_or_undo_without(&mut self, failed: Option<InvocationId>, outcome: Outcome) {
        if matches!(self.phase, Phase::Ended(_)) || self.undoing.is_some() {
            return;
        }
        let is_awaited = |(invocation, at_work): (InvocationId, &InFlight)| {
            Some(invocation) != failed && self.can_be_undone(at_work)
        };
        let has_something_to_undo = !self.done.is_empty() || self.in_flight.iter().any(is_awaited);
        if matches!(outcome, Outcome::Completed { .. }) || !has_something_to_undo {
            self.end(outcome);
        } else {
            self.begin_undoing(failed, outcome);
        }
    }

    fn can_be_undone(&self, at_work: &InFlight) -> bool {
        self.definition.step_options(at_work.delivery.step).compensation.is_some()
    }

    /// Nothing is waited for but handlers of which something may have to be undone. A pause is over, whoever asked for it.
    fn begin_undoing(&mut self, failed: Option<InvocationId>, outcome: Outcome) {
        if let Some(journal) = &mut self.journal {
            journal.undo_after_next();
        }
        self.note_change(); // that it will end
        self.undoing = Some(Box::new(Undoing { outcome, error: None, current: None }));
        self.outbox.push_front(Outgoing { effect: Effect::Undoing, caused_by: 0 });
        self.phase = Phase::Running;
        self.notice = None;
        self.time_limit = TimeLimit::None;
        for invocation in self.in_flight.by_age() {
            let at_work = self.in_flight.get(invocation).filter(|_| Some(invocation) != failed);
            if !at_work.is_some_and(|at_work| self.can_be_undone(at_work)) {
                self.drop_in_flight(invocation);
            }
        }
        let waiting = self.limits.clear();
        let asleep = std::mem::take(&mut self.sleeping);
        let queued = std::mem::take(&mut self.queue);
        let asleep = asleep.iter().map(|(_, delivery)| delivery.payload);
        let dropped = queued.into_iter().chain(waiting).map(|delivery| delivery.payload);
        dropped.chain(asleep).for_each(|payload| self.stop_using(payload));
        let waits = std::mem::take(&mut self.waits);
        waits.iter_open().flat_map(OpenWait::payloads).for_each(|payload| self.release(payload));
        waits.iter_arrived().for_each(|arrived| self.release(arrived.payload));
        self.draw_consequences(None);
        self.seal();
    }

    /// A handler at work is not waited for, and leaves nothing behind.
    pub(super) fn drop_in_flight(&mut self, invocation: InvocationId) {
        let Some(mut dropped) = self.in_flight.remove(invocation) else { return };
        self.leave(dropped.delivery.step);
        self.discard(dropped.take_staged());
        dropped.additions = None; // there is no next attempt
        self.take_back_writes(invocation, &mut dropped);
        self.take_back_collecting(&mut dropped);
        self.conflicts.forget(std::mem::take(&mut dropped.readings));
        self.stop_using(dropped.delivery.payload);
    }

    /// A delivery that has settled is kept if it can be undone: says whether it is. Not one that has failed, nor one that
    /// has only put its event aside, nor what undoes another.
    pub(super) fn keep_done(&mut self, settled: &InFlight) -> bool {
        if !self.can_be_undone(settled)
            || settled.has_given_up
            || self.undoing.as_ref().is_some_and(|undoing| undoing.has_begun())
        {
            return false;
        }
        let has_acted = match &settled.collecting {
            Some(collecting) => !collecting.taken.is_empty(),
            None => !settled.delivery.gathered,
        };
        if has_acted {
            let first = Delivery {
                attempt: 1,
                sent_before: 0,
                added_before: None,
                gathered: false,
                ..settled.delivery.clone()
            };
            let number = self.done.add(first);
            if let Some(change) = self.change() {
                change.done = Some(number);
            }
        }
        has_acted
    }

    /// A handler that was waited for, or a compensation, has failed for good: the others go on.
    pub(super) fn fail_while_undoing(&mut self, invocation: InvocationId) {
        if let Some(at_work) = self.in_flight.get(invocation).filter(|_| self.is_compensating(invocation)) {
            let Delivery { seq, attempt, .. } = at_work.delivery;
            if let Some(change) = self.change() {
                change.settled = Some(Settled { delivery: seq, invocation, attempt });
            }
        }
        self.drop_in_flight(invocation);
        self.draw_consequences(None);
        self.seal();
    }

    /// A run at rest was undoing what it has done. What settled last may have been called to be undone if the run was
    /// `lost`, which counts as an attempt if it `is_uncounted`, or waits for its time.
    pub(super) fn go_on_undoing(
        &mut self,
        Ending { error, is_abort }: Ending,
        asleep: Option<(u64, Millis)>,
        lost: bool,
        is_uncounted: bool,
    ) {
        let outcome = if is_abort { Outcome::Aborted } else { Outcome::Failed(RunFailure::Earlier) };
        let mut current = None;
        if let Some((number, mut delivery)) = self.done.take_last() {
            let due = asleep.filter(|(of, _)| *of == number).map(|(_, due)| due);
            if due.is_some() || lost {
                current = Some(number);
            }
            match due {
                Some(due) => self.sleeping.put(due, delivery),
                None if lost => {
                    if is_uncounted {
                        delivery.attempt = delivery.attempt.saturating_add(1);
                        self.note_again(&delivery, None, None);
                    }
                    self.queue.push_back(delivery);
                }
                None => self.done.put_back(number, delivery),
            }
        }
        self.undoing = Some(Box::new(Undoing { outcome, error: Some(error), current }));
    }

    /// Nothing is in flight: the next compensation begins as soon as may be, unless one waits for its time, and if there is
    /// none the run ends.
    pub(super) fn undo_next(&mut self) {
        if !self.queue.is_empty() || !self.sleeping.is_empty() {
            return;
        }
        let Some(undoing) = &mut self.undoing else { return };
        if let Some((number, delivery)) = self.done.take_last() {
            undoing.current = Some(number);
            self.note_change(); // that what came before is over
            let caused_by = self.next_change();
            self.enqueue(Delivery { caused_by, ..delivery });
        } else {
            let outcome = undoing.outcome.clone();
            self.end(outcome);
        }
    }
}
