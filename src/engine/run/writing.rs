//! What handlers write to the state of their run.

use super::super::ids::InvocationId;
use super::super::run_state::{RunState, UncommittedKeys};
use super::super::state_value::{NewValue, StateValue};
use super::{DeliveryError, Run};

impl Run {
    /// Sets a key (WTF-8) of the state to a copy of a value on behalf of a handler.
    pub fn set(
        &mut self,
        writer: InvocationId,
        key: &[u8],
        value: NewValue<'_>,
    ) -> Result<(), DeliveryError> {
        self.write(writer, |state, uncommitted| state.set(writer, uncommitted, key, value))
    }

    /// Takes a key (WTF-8) out of the state on behalf of a handler and says whether it was there.
    pub fn remove(&mut self, writer: InvocationId, key: &[u8]) -> Result<bool, DeliveryError> {
        self.write(writer, |state, uncommitted| state.remove(writer, uncommitted, key))
    }

    /// The value at a key (WTF-8) of the state as it would be if everything in flight were cut short.
    #[must_use]
    pub fn committed(&self, key: &[u8]) -> Option<&StateValue> {
        self.state.committed(key)
    }

    fn write<T>(
        &mut self,
        writer: InvocationId,
        write: impl FnOnce(&mut RunState, &mut UncommittedKeys) -> T,
    ) -> Result<T, DeliveryError> {
        match self.in_flight.get_mut(&writer) {
            Some(in_flight) => Ok(write(&mut self.state, &mut in_flight.uncommitted)),
            None => Err(self.why_not_in_flight()),
        }
    }
}
