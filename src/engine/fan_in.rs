//! Events that wait for others, until there are all that a step wants.
//!
//! A handler that collects puts its event aside. The event counts at once, and stays pending when the handler returns;
//! whoever completes the set takes all of its events, and they are gone when that handler settles. Until then nothing
//! is lost: if it is cut short, they wait again.
//!
//! Always true: an event waits only while its delivery is held, or in flight and collecting; and it waits in one group.

use std::collections::BTreeMap;

use super::delivery::Delivery;
use super::ids::{DeliverySeq, EventTypeId, PayloadRef, StepId};
use crate::exact_string::ExactString;

/// Which events wait for each other: those of one step, under one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) step: StepId,
    pub(super) key: ExactString,
}

/// A delivery that has settled and whose event is needed still.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) delivery: Delivery,
    pub(super) key: ExactString,
    pub(super) event_type: EventTypeId,
}

/// What the handler of an invocation collects.
#[derive(Clone, Debug)]
pub(super) struct Collecting {
    pub(super) group: Group,
    pub(super) event_type: EventTypeId,
    /// What it has taken, in the order in which it wants it.
    pub(super) taken: Vec<Taken>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) delivery: DeliverySeq,
    pub(super) event_type: EventTypeId,
    pub(super) payload: PayloadRef,
}

type Waiting = BTreeMap<EventTypeId, BTreeMap<DeliverySeq, PayloadRef>>;

#[derive(Debug, Default)]
pub(super) struct FanIn {
    waiting: BTreeMap<Group, Waiting>,
    held: BTreeMap<DeliverySeq, Held>,
}

impl FanIn {
    /// An event waits from now on.
    pub(super) fn wait(&mut self, group: &Group, event: Taken) {
        let waiting = match self.waiting.get_mut(group) {
            Some(waiting) => waiting,
            None => self.waiting.entry(group.clone()).or_default(),
        };
        waiting.entry(event.event_type).or_default().insert(event.delivery, event.payload);
    }

    /// An event waits no more.
    pub(super) fn forget(&mut self, group: &Group, event_type: EventTypeId, delivery: DeliverySeq) {
        let Some(waiting) = self.waiting.get_mut(group) else { return };
        if let Some(of_type) = waiting.get_mut(&event_type) {
            of_type.remove(&delivery);
            if of_type.is_empty() {
                waiting.remove(&event_type);
            }
        }
        if waiting.is_empty() {
            self.waiting.remove(group);
        }
    }

    /// Takes what is wanted, by type and in the order in which it was emitted, if all of it waits.
    pub(super) fn take(&mut self, group: &Group, wanted: &[(EventTypeId, u32)]) -> Option<Vec<Taken>> {
        let waiting = self.waiting.get(group)?;
        let is_there = |(event_type, count): &(EventTypeId, u32)| {
            waiting.get(event_type).is_some_and(|events| events.len() >= *count as usize)
        };
        if !wanted.iter().all(is_there) {
            return None;
        }
        let mut taken = Vec::new();
        for (event_type, count) in wanted {
            let events = waiting[event_type].iter().take(*count as usize);
            taken.extend(events.map(|(delivery, payload)| Taken {
                delivery: *delivery,
                event_type: *event_type,
                payload: *payload,
            }));
        }
        for event in &taken {
            self.forget(group, event.event_type, event.delivery);
        }
        Some(taken)
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held.insert(held.delivery.seq, held);
    }

    pub(super) fn is_held(&self, delivery: DeliverySeq) -> bool {
        self.held.contains_key(&delivery)
    }

    pub(super) fn let_go(&mut self, delivery: DeliverySeq) -> Option<Held> {
        self.held.remove(&delivery)
    }

    pub(super) fn into_held(self) -> impl Iterator<Item = Held> {
        self.held.into_values()
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }
}
