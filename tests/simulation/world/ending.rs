//! Nothing goes wrong any more, and then everything must come to its end, and that to what was foretold.

use super::super::expected::Standing;
use super::super::history;
use super::super::hosted::Hosted;
use super::super::sights::Sight;
use super::{Slot, World};

/// How often a run may be looked after, when nothing goes wrong any more, until it must be over.
const PATIENCE: usize = 20_000;

impl World {
    /// Nothing goes wrong any more: every run must come to its end, and nothing be left to do.
    pub(super) fn comes_to_rest(&mut self) {
        for _ in 0..PATIENCE {
            if self.auditor.violation.is_some() {
                return;
            }
            let mut is_over = self.writer.is_idle();
            while !self.writer.is_idle() {
                self.writer.write(4, &mut self.disk, &mut self.auditor, &mut self.chance);
                self.report();
            }
            for index in 0..self.slots.len() {
                if self.slots[index].hosted.as_ref().is_none_or(|hosted| hosted.is_lost) {
                    self.take_up(index);
                }
                self.with(index, Hosted::drain);
                self.with(index, |hosted, around| {
                    if hosted.snapshot.is_some() {
                        hosted.go_on(around);
                    } else if hosted.has_work() {
                        hosted.work(around);
                    } else {
                        hosted.answer(around);
                    }
                });
                let slot = &self.slots[index];
                is_over &= slot.hosted.as_ref().is_none_or(|hosted| hosted.has_ended || hosted.is_lost);
            }
            self.now += self.chance.below(2);
            let is_at_work = |slot: &Slot| slot.hosted.as_ref().is_some_and(Hosted::has_work);
            if !self.slots.iter().any(is_at_work) {
                self.now = self.now.max(self.next_to_wake().unwrap_or(0));
            }
            self.it_is_time();
            if is_over {
                self.ends_as_it_must();
                return;
            }
        }
        self.auditor.check(false, || "I7: a run does not go on, although nothing goes wrong".to_owned());
    }

    fn ends_as_it_must(&mut self) {
        for index in 0..self.slots.len() {
            self.auditor.compares(index, &mut self.disk.store);
            let rest = &self.auditor.ledger(index).rest;
            let (standing, settled) = (rest.standing.clone(), rest.settled);
            let is_ended = self.is_over(index);
            self.auditor.check(is_ended, || format!("I7: run {index} stands as {standing:?}"));
            match standing {
                Standing::Completed(_) => self.auditor.sees(Sight::Completed),
                Standing::Cancelled => self.auditor.sees(Sight::Cancelled),
                _ => self.auditor.sees(Sight::Failed),
            }
            let workload = &self.slots[index].workload;
            let whole = workload.whole_tree();
            let may_end_early = workload.may_end_early() || workload.limit.is_some();
            self.auditor.check(settled.count <= whole.count, || {
                format!("run {index} has settled {} of {} deliveries", settled.count, whole.count)
            });
            if standing == Standing::Failed && !may_end_early {
                self.auditor.check(settled == whole, || {
                    format!("run {index} has settled {settled:?}, and had to settle {whole:?}")
                });
            }
            if let Some(wrong) = history::is_wrong(&mut self.disk.store, index) {
                self.auditor.check(false, || format!("I4: run {index}: {wrong}"));
            }
        }
    }
}
