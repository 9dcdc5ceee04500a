//! The deliveries whose handlers are at work, by the numbers of their invocations.
//!
//! One comes and one goes at every hop. Both cost the same whether one handler is at work or a hundred thousand are, and
//! where there was room before they allocate nothing. Whoever depends on an order asks for one.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::delivery::InFlight;
use super::ids::InvocationId;

#[derive(Debug, Default)]
pub(super) struct AtWork(HashMap<InvocationId, InFlight, FxBuildHasher>);

impl AtWork {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, invocation: InvocationId) -> bool {
        self.0.contains_key(&invocation)
    }

    pub(super) fn get(&self, invocation: InvocationId) -> Option<&InFlight> {
        self.0.get(&invocation)
    }

    pub(super) fn get_mut(&mut self, invocation: InvocationId) -> Option<&mut InFlight> {
        self.0.get_mut(&invocation)
    }

    pub(super) fn insert(&mut self, invocation: InvocationId, in_flight: InFlight) {
        self.0.insert(invocation, in_flight);
    }

    pub(super) fn remove(&mut self, invocation: InvocationId) -> Option<InFlight> {
        self.0.remove(&invocation)
    }

    pub(super) fn give_room_back(&mut self) {
        self.0.shrink_to_fit();
    }

    /// The invocations, the oldest first.
    pub(super) fn by_age(&self) -> Vec<InvocationId> {
        let mut invocations: Vec<_> = self.0.keys().copied().collect();
        invocations.sort_unstable();
        invocations
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (InvocationId, &InFlight)> {
        self.0.iter().map(|(invocation, in_flight)| (*invocation, in_flight))
    }

    /// In no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut InFlight> {
        self.0.values_mut()
    }

    /// Takes all, the youngest first.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = (InvocationId, InFlight)> + use<> {
        let mut all: Vec<_> = self.0.drain().collect();
        all.sort_unstable_by_key(|(invocation, _)| *invocation);
        all.into_iter().rev()
    }
}
