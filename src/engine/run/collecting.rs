//! Handlers that wait for several events.

use std::collections::BTreeSet;

use super::super::delivery::{Delivery, InFlight};
use super::super::fan_in::{Collecting, Group, Held, Taken};
use super::super::ids::{DeliverySeq, EventTypeId, InvocationId, PayloadRef};
use super::super::run_at_rest::HeldEvent;
use super::{DeliveryError, Run};
use crate::exact_string::ExactString;

impl Run {
    /// The handler of `invocation` puts its event, of type `event_type`, aside under a key. Gives the events that are
    /// `wanted` (types, each with how many), once all of them are there: then they are this handler's.
    pub fn collect(
        &mut self,
        invocation: InvocationId,
        key: &ExactString,
        event_type: EventTypeId,
        wanted: &[(EventTypeId, u32)],
    ) -> Result<Option<Vec<PayloadRef>>, DeliveryError> {
        let otherwise = self.why_not_in_flight();
        let collector = self.in_flight.get_mut(invocation).ok_or(otherwise)?;
        let delivery = &collector.delivery;
        if delivery.gathered {
            return Ok(None); // another handler has had its event, and this one was cut short afterwards
        }
        let group = Group { step: delivery.step, key: key.clone() };
        let own = Taken { delivery: delivery.seq, event_type, payload: delivery.payload };
        let collecting = match collector.collecting.as_deref_mut() {
            Some(collecting) if collecting.group != group => return Err(DeliveryError::CollectsElsewhere),
            Some(collecting) => collecting,
            None => {
                self.fan_in.wait(&group, own);
                collector.collecting.insert(Box::new(Collecting { group, event_type, taken: Vec::new() }))
            }
        };
        if collecting.taken.is_empty() {
            match self.fan_in.take(&collecting.group, wanted) {
                Some(taken) => collecting.taken = taken,
                None => return Ok(None),
            }
        }
        Ok(Some(collecting.taken.iter().map(|event| event.payload).collect()))
    }

    /// A handler that has collected settles: what it has taken is gone for good. Says whether its own event is needed
    /// still; then its delivery is held.
    pub(super) fn settle_collecting(&mut self, settled: &InFlight) -> bool {
        let Some(collecting) = settled.collecting.as_deref() else { return false };
        let own = settled.delivery.seq;
        let mut at_work = BTreeSet::new();
        for Taken { delivery, .. } in collecting.taken.iter().filter(|event| event.delivery != own) {
            match self.fan_in.let_go(*delivery) {
                Some(held) => self.stop_using(held.delivery.payload),
                None => _ = at_work.insert(*delivery),
            }
            if let Some(change) = self.change() {
                change.gathered.push(*delivery);
            }
        }
        self.mark_gathered(&at_work);
        let is_needed =
            !settled.delivery.gathered && !collecting.taken.iter().any(|event| event.delivery == own);
        if is_needed {
            self.fan_in.hold(Held {
                delivery: Delivery { added_before: None, ..settled.delivery.clone() },
                key: collecting.group.key.clone(),
                event_type: collecting.event_type,
            });
            if let Some(change) = self.change() {
                change.held = Some(collecting.group.key.clone());
            }
        }
        is_needed
    }

    /// The handler of `invocation` has failed for good: what it has done is taken back, and its event is wanted no more.
    pub(super) fn give_up_work(&mut self, invocation: InvocationId) {
        if let Some(mut failed) = self.in_flight.remove(invocation) {
            failed.additions = None; // there is no next attempt
            self.take_back_writes(invocation, &mut failed);
            self.take_back_collecting(&mut failed);
            self.in_flight.insert(invocation, failed);
        }
    }

    /// A handler that has collected is cut short, or has failed: what it has taken waits again, and its own event does
    /// when it is called again.
    pub(super) fn take_back_collecting(&mut self, cut_short: &mut InFlight) {
        let Some(collecting) = cut_short.collecting.take() else { return };
        let own = cut_short.delivery.seq;
        let group = &collecting.group;
        self.fan_in.forget(group, collecting.event_type, own);
        let at_work: BTreeSet<DeliverySeq> = self
            .in_flight
            .iter()
            .filter(|(_, other)| other.collecting.is_some())
            .map(|(_, other)| other.delivery.seq)
            .collect();
        for event in collecting.taken {
            let waits = self.fan_in.is_held(event.delivery) || at_work.contains(&event.delivery);
            if waits && event.delivery != own {
                self.fan_in.wait(group, event);
            }
        }
    }

    /// Nothing collects any more: what waits for others is wanted by nobody.
    pub(super) fn give_up_collecting(&mut self) {
        for held in std::mem::take(&mut self.fan_in).into_held() {
            self.stop_using(held.delivery.payload);
        }
    }

    /// A run at rest held this delivery. A type that the workflow does not know any more is wanted by nobody.
    pub(super) fn go_on_holding(&mut self, delivery: Delivery, HeldEvent { key, event_type }: HeldEvent) {
        let event_type = self.definition.event_type(&event_type).unwrap_or(EventTypeId(u32::MAX));
        let group = Group { step: delivery.step, key };
        let event = Taken { delivery: delivery.seq, event_type, payload: delivery.payload };
        self.fan_in.wait(&group, event);
        self.fan_in.hold(Held { delivery, key: group.key, event_type });
    }

    /// The events of these have been had by another handler, and are not to be collected again.
    fn mark_gathered(&mut self, deliveries: &BTreeSet<DeliverySeq>) {
        if deliveries.is_empty() {
            return;
        }
        let in_flight = self.in_flight.iter_mut().map(|other| &mut other.delivery);
        let waiting = self.queue.iter_mut().chain(self.sleeping.iter_mut()).chain(self.limits.waiting_mut());
        for delivery in in_flight.chain(waiting) {
            if deliveries.contains(&delivery.seq) {
                delivery.gathered = true;
            }
        }
    }
}
