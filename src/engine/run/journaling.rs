//! What a run tells its journal, and what it may do before a store has it.

use super::super::clock::Millis;
use super::super::delivery::Delivery;
use super::super::ids::{DeliverySeq, InvocationId, PayloadRef};
use super::super::journal::{Again, Change, Contents, Opened, Queued, Rest, SealedAt, Standing};
use super::super::outcome::Outcome;
use super::phase::Phase;
use super::restoring::Resting;
use super::{Effect, Run};

/// Something to tell the driver, and the change that must be durable first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) effect: Effect,
    pub(super) caused_by: u64,
}

impl Run {
    /// The next change that a store must make durable, if there is one. To be asked for after every input.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.journal.as_mut()?.poll_change()
    }

    /// Changes up to `number` are durable: what waited for them may happen.
    pub fn durable(&mut self, number: u64) {
        if let Some(journal) = &mut self.journal {
            journal.mark_durable(number);
        }
    }

    /// The number of the last change; 0 for a run without a store.
    #[must_use]
    pub fn last_change(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.last())
    }

    /// Whether changes are only written all at once, when the run is paused and when it ends.
    #[must_use]
    pub fn writes_whole(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.writes_whole())
    }

    /// The number of the last change that is durable; 0 for a run without a store.
    #[must_use]
    pub fn durable_change(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.last_durable())
    }

    /// Ends the run here and not in its store, where it stays as it is.
    pub fn abandon(&mut self) {
        self.journal = None;
        self.end(Outcome::Aborted);
    }

    /// Writes all that a run has, as one change: one that a store does not know, or that is only written when it is
    /// paused.
    pub fn write_whole(&mut self) {
        if self.journal.is_none() {
            return;
        }
        let written = self.state.all_written();
        let open = self.waits.iter_open().map(Opened::from);
        let opened = open.chain(self.waits.iter_arrived().map(Opened::from)).collect();
        let queued = self
            .resting()
            .map(|Resting { delivery, due, held, done }| Queued {
                event_type: held.map(|held| held.event_type),
                due,
                held: held.map(|held| held.key.clone()),
                done,
                ..Queued::from(delivery)
            })
            .collect();
        let Some(journal) = &mut self.journal else { return };
        let change = journal.whole_change();
        change.written = written;
        change.opened = opened;
        change.queued = queued;
        self.seal();
    }

    /// The change that is being made, for a run whose changes are written one by one.
    pub(super) fn change(&mut self) -> Option<&mut Contents> {
        self.journal.as_mut()?.change()
    }

    /// Something has changed beside what is listed: how the run stands.
    pub(super) fn note_change(&mut self) {
        self.change();
    }

    /// What has changed since this was last called is one change.
    pub(super) fn seal(&mut self) {
        if !self.journal.as_ref().is_some_and(|journal| journal.has_open()) {
            return;
        }
        let at = self.sealed_at();
        if let Some(journal) = &mut self.journal {
            journal.seal(at);
        }
    }

    fn sealed_at(&self) -> SealedAt {
        let standing = match &self.phase {
            Phase::Running | Phase::Pausing => Standing::Running,
            Phase::Paused => Standing::Paused,
            Phase::Ended(outcome) => Standing::Ended(outcome.clone()),
        };
        SealedAt {
            standing,
            ending: self.undoing.as_ref().map(|undoing| undoing.outcome.clone()),
            last_delivery: DeliverySeq(self.last_delivery),
            time: self.time_limit.left(),
            rest: self.rest(),
        }
    }

    fn rest(&self) -> Rest {
        let has_ended = self.undoing.is_some() || self.outcome().is_some();
        // A run that has nothing to wait for is about to fail.
        if has_ended || !self.is_at_rest() || self.has_nothing_to_wait_for() {
            return Rest::Awake;
        }
        self.first_due().map_or(Rest::Waiting, Rest::Asleep)
    }

    /// The number of the change that is being made, or will be next; 0 for a run without a store.
    pub(super) fn next_change(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.next_number())
    }

    pub(super) fn note_again(
        &mut self,
        delivery: &Delivery,
        ended: Option<InvocationId>,
        due: Option<Millis>,
    ) {
        let Delivery { seq, attempt, sent_before, .. } = *delivery;
        if let Some(change) = self.change() {
            change.again.push(Again { ended, delivery: seq, attempt, sent: sent_before, due });
        }
    }

    pub(super) fn release(&mut self, payload: PayloadRef) {
        self.outbox.push_back(Outgoing { effect: Effect::Release(payload), caused_by: 0 });
    }

    /// Whether what the change `number` has caused may begin.
    pub(super) fn may_begin(&self, number: u64) -> bool {
        self.journal.as_ref().is_none_or(|journal| journal.lets_begin(number))
    }

    /// Whether a store has all that has changed.
    pub(super) fn is_stored(&self) -> bool {
        self.journal.as_ref().is_none_or(|journal| journal.is_all_durable())
    }
}

impl From<&Delivery> for Queued {
    fn from(delivery: &Delivery) -> Self {
        let Delivery { seq, step, payload, attempt, sent_before, gathered, ref added_before, .. } = *delivery;
        Self {
            delivery: seq,
            step,
            event_type: None,
            payload,
            attempt,
            sent: sent_before,
            due: None,
            held: None,
            gathered,
            done: None,
            added: added_before.as_deref().cloned(),
        }
    }
}
