//! Deliveries that wait for their time: delayed events, and attempts after a failed one.

use std::collections::BTreeMap;

use super::clock::Millis;
use super::delivery::Delivery;

/// By the time at which they are due, and then by their turns: in the order in which they were emitted.
#[derive(Debug, Default)]
pub(super) struct Sleeping(BTreeMap<(Millis, u64), Delivery>);

impl Sleeping {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(&mut self, due: Millis, delivery: Delivery) {
        self.0.insert((due, delivery.turn), delivery);
    }

    /// When the first of them is due.
    pub(super) fn first_due(&self) -> Option<Millis> {
        self.0.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes those that are due by `now`.
    pub(super) fn take_due(&mut self, now: Millis) -> Vec<Delivery> {
        if self.first_due().is_none_or(|first| first > now) {
            return Vec::new();
        }
        let later = self.0.split_off(&(Millis(now.0.saturating_add(1)), 0));
        std::mem::replace(&mut self.0, later).into_values().collect()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.0.values_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Millis, &Delivery)> {
        self.0.iter().map(|((due, _), delivery)| (*due, delivery))
    }
}
