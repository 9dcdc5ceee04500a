//! Time: how long a run may take, and what sleeps in it.

use super::super::expected::{Expected, Standing};
use super::super::sights::Sight;
use super::Model;

#[derive(Clone, Copy)]
pub(super) enum Clock {
    Off,
    Due(u64),
    Stopped(u64),
}

impl Model {
    /// When something happens by itself: the run must be over, or one of those that sleep wakes.
    pub fn due(&self) -> Option<u64> {
        let wakes = self.next_to_wake();
        self.over_at().into_iter().chain(wakes).min()
    }

    /// When the next of those that sleep wakes, if nothing else happens.
    pub fn next_to_wake(&self) -> Option<u64> {
        let wakes = self.rest.standing == Standing::Running && !self.is_pausing;
        self.sleepers().filter(|_| wakes).min()
    }

    /// When those that sleep are due.
    pub(super) fn sleepers(&self) -> impl Iterator<Item = u64> {
        self.rest.pending.values().filter_map(|waiting| waiting.due)
    }

    /// When the run must be over, if its time counts.
    fn over_at(&self) -> Option<u64> {
        match self.clock {
            Clock::Due(due) if self.rest.standing == Standing::Running => Some(due),
            _ => None,
        }
    }

    /// What is left of its time now.
    pub fn time_left(&self) -> Option<u64> {
        match self.clock {
            Clock::Off => None,
            Clock::Due(due) => Some(due.saturating_sub(self.now)),
            Clock::Stopped(left) => Some(left),
        }
    }

    /// The run is about to end, however long that takes.
    pub(super) fn stop_counting(&mut self) {
        self.clock = Clock::Off;
    }

    /// Time has stopped with the snapshot.
    pub fn stop_clock(&mut self) {
        if let Clock::Due(due) = self.clock {
            self.clock = Clock::Stopped(due.saturating_sub(self.now));
        }
    }

    pub fn it_is_time(&mut self) {
        if self.over_at().is_some_and(|due| due <= self.now) {
            self.ends_or_undoes(Standing::Failed, None, Expected::default());
        } else if self.next_to_wake().is_some() {
            self.wakes_as_a_change();
        }
    }

    /// Those that are due wake: they wait for an attempt, and it is the one that they slept before.
    pub(super) fn wakes(&mut self, expected: &mut Expected) -> bool {
        let (now, since) = (self.now, self.version + 1);
        let before = expected.again.len();
        let mut woken = Vec::new();
        for (delivery, waiting) in &mut self.rest.pending {
            if let Some(due) = waiting.due.take_if(|due| *due <= now) {
                waiting.since = since;
                expected.again.push((*delivery, waiting.attempt, waiting.sent, None));
                woken.push((due, self.turns[delivery], *delivery));
                self.seen.push(Sight::Woken);
            }
        }
        woken.sort_unstable();
        for (.., delivery) in woken {
            self.takes_a_turn(delivery);
        }
        expected.again.len() > before
    }

    pub(super) fn wakes_as_a_change(&mut self) {
        let mut expected = Expected::default();
        if self.wakes(&mut expected) {
            self.change(expected);
        }
    }

    /// What came due while nobody had the run is due now.
    pub(super) fn what_is_overdue_is_due(&mut self) {
        let now = self.now;
        let sleepers = self.rest.pending.values_mut().filter_map(|waiting| waiting.due.as_mut());
        sleepers.for_each(|due| *due = now.max(*due));
    }
}
