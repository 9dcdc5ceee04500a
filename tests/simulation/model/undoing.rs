//! How a run undoes what it has done before it fails or is cancelled: what settled last first, one at a time.

use super::super::expected::{Expected, Standing, Waiting};
use super::super::sights::Sight;
use super::Model;

impl Model {
    /// Whether the run is about to end.
    pub fn is_undoing(&self) -> bool {
        self.rest.ending.is_some()
    }

    /// Whether it has begun to undo, and does not wait for handlers that were at work.
    pub(super) fn has_begun_to_undo(&self) -> bool {
        self.current.is_some()
    }

    /// Which delivery is being undone.
    pub fn is_compensation(&self, delivery: u64) -> bool {
        self.current == Some(delivery)
    }

    /// The run ends so, once what it has done is undone. A handler that has `failed` is not waited for.
    pub(super) fn ends_or_undoes(&mut self, standing: Standing, failed: Option<u64>, expected: Expected) {
        if self.is_ended() || self.is_undoing() {
            return;
        }
        let dropped: Vec<u64> = self
            .at_work
            .iter()
            .filter(|(invocation, worker)| {
                Some(**invocation) == failed || !self.can_be_undone(&self.rest.pending[&worker.delivery])
            })
            .map(|(invocation, _)| *invocation)
            .collect();
        let is_any_done = self.rest.pending.values().any(|waiting| waiting.done.is_some());
        if !is_any_done && dropped.len() == self.at_work.len() {
            self.end(standing);
            return self.change(expected);
        }
        self.seen.push(Sight::Undoing);
        self.rest.ending = Some(standing);
        self.rest.standing = Standing::Running;
        self.is_pausing = false;
        self.stop_counting();
        for invocation in dropped {
            self.is_dropped(invocation);
        }
        if self.is_at_work() {
            self.seen.push(Sight::AwaitedToUndo);
        }
        let awaited: Vec<u64> = self.at_work.values().map(|worker| worker.delivery).collect();
        // What waits for others may still be collected by those.
        self.rest.pending.retain(|delivery, waiting| !waiting.is_to_be_done() || awaited.contains(delivery));
        self.rest.waits.clear();
        self.conclude(expected);
    }

    /// What is undone first of what is done, if the run undoes.
    pub(super) fn undone_first(&self) -> Option<u64> {
        let done = self.rest.pending.iter().filter(|_| self.is_undoing());
        done.max_by_key(|(_, waiting)| waiting.done).map(|(delivery, _)| *delivery)
    }

    /// Handlers were waited for whose process is lost.
    pub(super) fn forgets_what_was_awaited(&mut self) {
        if self.is_undoing() {
            self.rest.pending.retain(|_, waiting| waiting.done.is_some());
        }
    }

    pub(super) fn can_be_undone(&self, waiting: &Waiting) -> bool {
        self.workload.definition.step_options(waiting.step).compensation.is_some()
    }

    /// A delivery has settled: the number that it is kept by, to be undone.
    pub(super) fn keeps_to_undo(&mut self, delivery: u64, waiting: Waiting) -> Option<u64> {
        if !self.can_be_undone(&waiting) || self.has_begun_to_undo() {
            return None;
        }
        let number = 1 + self.rest.pending.values().filter_map(|waiting| waiting.done).max().unwrap_or(0);
        let kept = Waiting {
            attempt: 1,
            sent: 0,
            due: None,
            gathered: false,
            done: Some(number),
            added: None,
            ..waiting
        };
        self.rest.pending.insert(delivery, kept);
        Some(number)
    }

    /// Nothing is at work: what was done last is undone next, and when there is nothing left the run ends. Says whether
    /// that is a change.
    pub(super) fn undoes_next(&mut self) -> bool {
        if self.current.is_some_and(|current| self.rest.pending.contains_key(&current)) {
            return false;
        }
        let since = self.version + 1;
        if let Some(delivery) = self.undone_first() {
            self.rest.pending.get_mut(&delivery).expect("it is pending").since = since;
            self.current = Some(delivery);
            self.takes_a_turn(delivery);
        } else if let Some(standing) = self.rest.ending.clone() {
            self.end(standing);
        }
        true
    }

    /// A handler that was waited for, or a compensation, has thrown for the last time.
    pub fn throws_while_undoing(&mut self, invocation: u64) {
        let delivery = self.at_work[&invocation].delivery;
        let mut expected = Expected::default();
        let mut is_change = false;
        if self.is_compensation(delivery) {
            self.seen.push(Sight::NotUndone);
            self.takes_back_for_good(invocation);
            self.at_work.remove(&invocation);
            let Waiting { step, event, attempt, .. } =
                self.rest.pending.remove(&delivery).expect("what is at work is pending");
            expected.settled = Some((delivery, attempt, step, event));
            expected.is_compensation = true;
            is_change = true;
        } else {
            is_change |= self.is_dropped(invocation);
        }
        self.concludes_undoing(expected, is_change);
    }

    /// What follows while the run undoes, and the change, if it is one.
    pub(super) fn concludes_undoing(&mut self, expected: Expected, mut is_change: bool) {
        if !self.is_at_work() {
            self.rest.pending.retain(|_, waiting| waiting.held.is_none()); // nobody collects any more
            if self.is_pausing {
                self.is_pausing = false;
                self.rest.standing = Standing::Paused;
                is_change = true;
            } else if self.rest.standing == Standing::Running {
                is_change |= self.undoes_next();
            }
        }
        if is_change {
            self.change(expected);
        }
    }

    /// A handler at work is not waited for, and leaves nothing behind. Says whether others had read what it has written,
    /// so that this is committed.
    pub(super) fn is_dropped(&mut self, invocation: u64) -> bool {
        let is_read = self.takes_back_for_good(invocation);
        let worker = self.at_work.remove(&invocation).expect("the handler is at work");
        self.rest.pending.remove(&worker.delivery);
        is_read
    }
}
