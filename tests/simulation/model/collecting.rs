//! Handlers that wait for all events of a set.

use std::sync::Arc;

use super::super::expected::Waiting;
use super::super::sights::Sight;
use super::super::workload::Set;
use super::Model;
use super::working::Collecting;

impl Model {
    /// The handler asks for all events of a set, of which its own is one. Gives them if they are there and nobody has them.
    pub fn collects(&mut self, invocation: u64, set: &Set) -> Option<Vec<Arc<str>>> {
        let delivery = self.worker(invocation).delivery;
        if self.rest.pending[&delivery].gathered {
            return None;
        }
        let collecting = || Collecting { key: set.key.clone(), taken: Vec::new() };
        let mut taken = self.worker(invocation).collecting.get_or_insert_with(collecting).taken.clone();
        if taken.is_empty() {
            taken = self.waiting_in(set, delivery);
            taken.truncate(set.count as usize);
            if taken.len() < set.count as usize {
                self.seen.push(Sight::PutAside);
                return None;
            }
            self.seen.push(Sight::Collected);
            self.worker(invocation).collecting = Some(Collecting { taken: taken.clone(), ..collecting() });
        }
        Some(taken.iter().map(|delivery| self.rest.pending[delivery].event.clone()).collect())
    }

    /// Which deliveries to the same step wait in a set, the oldest first.
    fn waiting_in(&self, set: &Set, to_the_step_of: u64) -> Vec<u64> {
        let collecting = || {
            let at_work = self.at_work.values();
            at_work.filter_map(|worker| Some((worker.delivery, worker.collecting.as_ref()?)))
        };
        let is_taken = |delivery| collecting().any(|(_, other)| other.taken.contains(&delivery));
        let asks = |delivery| collecting().any(|(by, other)| by == delivery && other.key == set.key);
        let step = self.rest.pending[&to_the_step_of].step;
        let waits = |(delivery, waiting): &(&u64, &Waiting)| {
            let is_there = waiting.held.as_ref() == Some(&set.key) || asks(**delivery);
            waiting.step == step && is_there && !waiting.gathered && !is_taken(**delivery)
        };
        self.rest.pending.iter().filter(waits).map(|(delivery, _)| *delivery).collect()
    }

    /// A handler has settled that collects: what it had of its set is gone for good. Gives the key under which its own event
    /// is held, if that waits for others still, and whose events it had beside its own.
    pub(super) fn settles_collecting(
        &mut self,
        own: u64,
        settled: &Waiting,
        Collecting { key, taken }: Collecting,
    ) -> (Option<Arc<str>>, Vec<u64>) {
        let held = (!settled.gathered && !taken.contains(&own)).then_some(key);
        if held.is_some() {
            let kept = Waiting { held: held.clone(), added: None, ..settled.clone() };
            self.rest.pending.insert(own, kept);
        }
        let others: Vec<u64> = taken.into_iter().filter(|delivery| *delivery != own).collect();
        for delivery in &others {
            self.is_gathered(*delivery);
        }
        (held, others)
    }

    fn is_gathered(&mut self, delivery: u64) {
        let is_at_work = self.at_work.values().any(|worker| worker.delivery == delivery);
        let Some(waiting) = self.rest.pending.get_mut(&delivery) else { return };
        if waiting.held.is_some() {
            self.rest.pending.remove(&delivery);
        } else {
            waiting.gathered = true;
            self.seen.push(if is_at_work { Sight::GatheredAtWork } else { Sight::GatheredBetweenAttempts });
        }
    }
}
