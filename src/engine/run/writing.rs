//! What handlers read and write in the state of their run.
//!
//! A handler may read what another has written and not committed. Then its own commit holds what it has read as well:
//! nothing is kept without its cause.

use smallvec::{SmallVec, smallvec};

use super::super::ids::InvocationId;
use super::super::key_space::KeySpace;
use super::super::run_state::{Committed, RunState, Uncommitted};
use super::{DeliveryError, Run};
use crate::state_value::{NewValue, StateValue};

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

    /// The value at a key (WTF-8) of the state, for a handler.
    pub fn get(&mut self, reader: InvocationId, key: &[u8]) -> Result<Option<&StateValue>, DeliveryError> {
        self.expect_not_ended()?;
        if let Some(in_flight) = self.in_flight.get_mut(&reader) {
            self.state.note_reading(reader, &mut in_flight.uncommitted, key);
        }
        Ok(self.state.values().get(key))
    }

    /// The saved values, for a handler that looks at which there are.
    pub fn keys(&mut self, reader: InvocationId) -> Result<&KeySpace<StateValue>, DeliveryError> {
        self.expect_not_ended()?;
        if let Some(in_flight) = self.in_flight.get_mut(&reader) {
            self.state.note_reading_all(reader, &mut in_flight.uncommitted);
        }
        Ok(self.state.values())
    }

    /// The value at a key (WTF-8) of the state as it would be if everything in flight were cut short.
    #[must_use]
    pub fn committed(&self, key: &[u8]) -> Option<&StateValue> {
        self.state.committed(key)
    }

    /// Commits what `writer` has written, and what that depends on; the journal takes note.
    pub(super) fn commit_writes(&mut self, writer: InvocationId, uncommitted: Uncommitted) {
        if uncommitted.is_empty() {
            return;
        }
        let mut committed = self.change().map(|_| Committed::new());
        let mut left: SmallVec<[_; 1]> = smallvec![(writer, uncommitted)];
        while let Some((writer, mut uncommitted)) = left.pop() {
            for other in uncommitted.take_read_from() {
                if let Some(in_flight) = self.in_flight.get_mut(&other) {
                    left.push((other, std::mem::take(&mut in_flight.uncommitted)));
                }
            }
            self.state.commit(writer, &mut uncommitted, committed.as_mut());
        }
        if let (Some(committed), Some(change)) =
            (committed, self.journal.as_mut().and_then(|journal| journal.change()))
        {
            change.written.extend(self.state.written(committed));
        }
    }

    /// What a failed attempt has written is taken back, unless another handler has read it: what that commits may come of
    /// it, so it is committed.
    pub(super) fn take_back_writes(&mut self, writer: InvocationId, uncommitted: Uncommitted) {
        if uncommitted.is_empty() {
            return;
        }
        if self.in_flight.values().any(|other| other.uncommitted.has_read_from(writer)) {
            self.commit_writes(writer, uncommitted);
        } else {
            self.state.take_back_of(writer, uncommitted);
        }
    }

    fn write<T>(
        &mut self,
        writer: InvocationId,
        write: impl FnOnce(&mut RunState, &mut Uncommitted) -> T,
    ) -> Result<T, DeliveryError> {
        match self.in_flight.get_mut(&writer) {
            Some(in_flight) => Ok(write(&mut self.state, &mut in_flight.uncommitted)),
            None => Err(self.why_not_in_flight()),
        }
    }
}
