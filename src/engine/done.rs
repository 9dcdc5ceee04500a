//! Deliveries that have settled and can be undone, in the order in which they have.

use std::collections::BTreeMap;

use super::delivery::Delivery;
use super::ids::DeliverySeq;

/// By a number that grows from one that settles to the next. What was read from outside may have one number twice.
#[derive(Debug, Default)]
pub(super) struct Done {
    last: u64,
    deliveries: BTreeMap<(u64, DeliverySeq), Delivery>,
}

impl Done {
    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// A delivery has settled. Gives its number.
    pub(super) fn add(&mut self, delivery: Delivery) -> u64 {
        self.put_back(self.last.saturating_add(1), delivery);
        self.last
    }

    /// A delivery has had this number before.
    pub(super) fn put_back(&mut self, number: u64, delivery: Delivery) {
        self.last = self.last.max(number);
        self.deliveries.insert((number, delivery.seq), delivery);
    }

    /// The one that is to be undone first: it has settled last.
    pub(super) fn take_last(&mut self) -> Option<(u64, Delivery)> {
        self.deliveries.pop_last().map(|((number, _), delivery)| (number, delivery))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Delivery)> {
        self.deliveries.iter().map(|((number, _), delivery)| (*number, delivery))
    }
}
