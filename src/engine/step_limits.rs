//! How many handlers of a step may be at work at a time, and the deliveries that wait for one to return.
//!
//! Always true: a delivery waits here only while as many as may be of its step are at work.

use std::collections::{BTreeMap, VecDeque};

use super::delivery::Delivery;
use super::ids::StepId;

/// Of the steps that have a limit.
#[derive(Debug, Default)]
pub(super) struct StepLimits {
    steps: BTreeMap<StepId, Limited>,
}

#[derive(Debug, Default)]
struct Limited {
    at_work: u32,
    waiting: VecDeque<Delivery>,
}

impl StepLimits {
    /// Lets a delivery of a step with a limit begin, or keeps it until one of that step has left.
    pub(super) fn enter(&mut self, delivery: Delivery, limit: u32) -> Option<Delivery> {
        let step = self.steps.entry(delivery.step).or_default();
        if step.at_work >= limit {
            step.waiting.push_back(delivery);
            return None;
        }
        step.at_work += 1;
        Some(delivery)
    }

    /// A handler of a step with a limit is at work no more. Gives the delivery that has waited for that.
    pub(super) fn leave(&mut self, step: StepId) -> Option<Delivery> {
        let limited = self.steps.get_mut(&step)?;
        limited.at_work = limited.at_work.saturating_sub(1);
        let next = limited.waiting.pop_front();
        if limited.at_work == 0 && limited.waiting.is_empty() {
            self.steps.remove(&step);
        }
        next
    }

    /// Nothing is at work any more: gives all that has waited.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        std::mem::take(&mut self.steps).into_values().flat_map(|limited| limited.waiting)
    }

    pub(super) fn waiting_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.steps.values_mut().flat_map(|limited| limited.waiting.iter_mut())
    }
}
