//! What handlers do: they send, return, and throw.

use std::collections::BTreeSet;
use std::sync::Arc;

use blazen::engine::{FailedAttempt, RetryPolicy};

use super::super::expected::{Expected, Standing, Waiting};
use super::super::sights::Sight;
use super::super::workload::Emitted;
use super::Model;
use super::adding::Additions;

pub(super) struct Worker {
    pub(super) delivery: u64,
    sent: u32,
    staged: Vec<Emitted>,
    /// Whose uncommitted writes it has read.
    pub(super) read_from: BTreeSet<u64>,
    pub(super) additions: Additions,
    pub(super) collecting: Option<Collecting>,
}

/// The set that a handler collects, and which deliveries it has taken of it.
pub(super) struct Collecting {
    pub(super) key: Arc<str>,
    pub(super) taken: Vec<u64>,
}

impl Model {
    pub fn begins(&mut self, invocation: u64, delivery: u64) {
        let additions = Additions::after(self.rest.pending[&delivery].added.as_ref());
        let (staged, read_from) = (Vec::new(), BTreeSet::new());
        let worker = Worker { delivery, sent: 0, staged, read_from, additions, collecting: None };
        self.at_work.insert(invocation, worker);
    }

    pub fn stages(&mut self, invocation: u64, emitted: Emitted) {
        self.worker(invocation).staged.push(emitted);
    }

    /// Whether the event is a new one, and not one that an earlier attempt has sent.
    pub fn sends(&mut self, invocation: u64, emitted: Emitted) -> bool {
        let Some(expected) = self.sends_anew(invocation) else { return false };
        self.emit(vec![emitted], expected);
        true
    }

    /// The same of an event that is delivered when it is due.
    pub fn sends_later(&mut self, invocation: u64, type_name: &str, event: &Arc<str>, due: u64) -> bool {
        let Some(mut expected) = self.sends_anew(invocation) else { return false };
        self.seen.push(Sight::SentLater);
        self.queue(type_name, event, Some(due), &mut expected);
        self.conclude(expected);
        true
    }

    fn sends_anew(&mut self, invocation: u64) -> Option<Expected> {
        let worker = self.worker(invocation);
        worker.sent += 1;
        let (sent, delivery) = (worker.sent, worker.delivery);
        let pending = self.rest.pending.get_mut(&delivery).expect("what is at work is pending");
        if sent <= pending.sent || self.rest.ending.is_some() {
            return None;
        }
        pending.sent = sent;
        self.commit(invocation);
        Some(Expected { sent: Some((delivery, sent)), ..Expected::default() })
    }

    pub fn settles(&mut self, invocation: u64, last: Option<Emitted>) {
        self.settles_and_is_kept(invocation, last, true);
    }

    fn settles_and_is_kept(&mut self, invocation: u64, last: Option<Emitted>, is_done: bool) {
        self.commit(invocation);
        let Worker { delivery, staged, collecting, .. } =
            self.at_work.remove(&invocation).expect("the handler is at work");
        self.added.retain(|added| *added != delivery); // it is not attempted again
        let waiting = self.rest.pending.remove(&delivery).expect("what is at work is pending");
        let settled = Some((delivery, waiting.attempt, waiting.step, waiting.event.clone()));
        let is_compensation = self.is_undoing() && self.is_compensation(delivery);
        let (mut done, mut held, mut gathered) = (None, None, Vec::new());
        if is_compensation {
            self.seen.push(Sight::Undone);
        } else {
            self.rest.settled.add(waiting.step, &waiting.event);
            let has_acted = collecting.as_ref().map_or(!waiting.gathered, |set| !set.taken.is_empty());
            if let Some(collecting) = collecting {
                (held, gathered) = self.settles_collecting(delivery, &waiting, collecting);
            }
            if is_done && has_acted && held.is_none() {
                done = self.keeps_to_undo(delivery, waiting);
            }
        }
        let emitted = if self.is_undoing() { Vec::new() } else { staged.into_iter().chain(last).collect() };
        let expected = Expected { settled, is_compensation, done, held, gathered, ..Expected::default() };
        self.emit(emitted, expected);
    }

    /// The handler has thrown. Says whether it is called again.
    pub fn tries_again(&mut self, invocation: u64, failed: &FailedAttempt) -> bool {
        let delivery = self.worker(invocation).delivery;
        let Waiting { step, attempt, .. } = self.rest.pending[&delivery];
        let options = self.workload.definition.step_options(step);
        let policy = if self.is_undoing() {
            options.compensation.filter(|_| self.is_compensation(delivery))
        } else {
            options.retry
        };
        let Some(policy) = policy.filter(|policy| failed.retryable && attempt < policy.max_attempts) else {
            return false;
        };
        let due = self.now + wait_after(attempt, &policy, failed);
        self.takes_back(invocation);
        self.at_work.remove(&invocation);
        let waiting = self.rest.pending.get_mut(&delivery).expect("what is at work is pending");
        waiting.attempt += 1;
        waiting.due = Some(due);
        let again = vec![(delivery, waiting.attempt, waiting.sent, waiting.due)];
        self.seen.push(Sight::AttemptedAgain);
        self.conclude(Expected { again, ..Expected::default() });
        true
    }

    /// The handler has thrown for the last time, and `last` is emitted in its stead.
    pub fn gives_up(&mut self, invocation: u64, last: Emitted) {
        self.takes_back_for_good(invocation);
        self.worker(invocation).staged.clear();
        self.seen.push(Sight::GivenUp);
        self.settles_and_is_kept(invocation, Some(last), false);
    }

    /// The handler has thrown for the last time, and the run fails.
    pub fn throws(&mut self, invocation: u64) {
        if self.is_undoing() {
            self.throws_while_undoing(invocation);
        } else {
            self.ends_or_undoes(Standing::Failed, Some(invocation), Expected::default());
        }
    }

    pub fn has_at_work(&self, invocation: u64) -> bool {
        self.at_work.contains_key(&invocation)
    }

    pub(super) fn worker(&mut self, invocation: u64) -> &mut Worker {
        self.at_work.get_mut(&invocation).expect("the handler is at work")
    }
}

/// How long a handler rests, up to the next whole millisecond.
fn wait_after(attempt: u32, policy: &RetryPolicy, failed: &FailedAttempt) -> u64 {
    let grown =
        (1..attempt).fold(policy.initial_delay, |wait, _| wait.mul_f64(policy.factor).min(policy.max_delay));
    let drawn = || grown.min(policy.max_delay).mul_f64(1.0 - policy.jitter * failed.chance);
    let wait = failed.retry_after.unwrap_or_else(drawn);
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).expect("a short time")
}
