//! What handlers read and write in the state of their run.
//!
//! A handler may read what another has written and not committed. Then its own commit holds what it has read as well:
//! nothing is kept without its cause. What has been added by a handler that is at work still is then remembered with its
//! delivery, since it may be called again. What a handler sets after another has written it is a lost update, and is looked for.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use thiserror::Error;

use super::super::conflicts::{StateConflict, Writing};
use super::super::delivery::InFlight;
use super::super::ids::{DeliverySeq, InvocationId};
use super::super::key_space::KeySpace;
use super::super::run_state::{Committed, NotAppended, Uncommitted};
use super::{DeliveryError, Run};
use crate::exact_string::ExactString;
use crate::state_value::{NewValue, StateValue};

/// Why a key was not set, or not taken out.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WriteError {
    /// Nothing is taken from the handler.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// It would be a lost update.
    #[error("{0}; the key keeps what it has")]
    Conflict(#[from] Box<StateConflict>),
}

/// Why nothing was appended.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AppendError {
    /// Nothing is taken from the handler.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// There is something else at the key.
    #[error("the state key {key:?} holds {found}, not an array that could be appended to")]
    NoArray {
        /// The key.
        key: ExactString,
        /// What stands there.
        found: &'static str,
    },
    /// JavaScript could not get the value any more.
    #[error("the array at the state key {key:?} would become longer as JSON than a string can be")]
    TooLong {
        /// The key.
        key: ExactString,
    },
}

impl Run {
    /// Sets a key (WTF-8) of the state to a copy of a value on behalf of a handler.
    pub fn set(&mut self, writer: InvocationId, key: &[u8], value: NewValue<'_>) -> Result<(), WriteError> {
        self.write(writer, key, value)?.has_set(key);
        Ok(())
    }

    /// As [`Run::set`], for a value that comes of the one that stands there, and is what the addition gives. An attempt that
    /// is not the first asks [`Run::remembered`] before.
    pub fn add(&mut self, writer: InvocationId, key: &[u8], value: NewValue<'_>) -> Result<(), WriteError> {
        self.write(writer, key, value)?.additions().add(key, value);
        Ok(())
    }

    fn write(
        &mut self,
        writer: InvocationId,
        key: &[u8],
        value: NewValue<'_>,
    ) -> Result<&mut InFlight, WriteError> {
        let otherwise = self.why_not_in_flight();
        let at_work = self.in_flight.get_mut(writer).ok_or(otherwise)?;
        let step = at_work.delivery.step;
        self.conflicts.check(&at_work.readings, step, key, &self.definition)?;
        self.state.set(writer, &mut at_work.uncommitted, key, value);
        self.conflicts.wrote(&mut at_work.readings, (writer, step), key, Writing::Whole);
        Ok(at_work)
    }

    /// A handler is about to add to a key (WTF-8) of the state. Gives what that has given to an earlier attempt, if one has
    /// done it for good: then it is not to be done again.
    /// Otherwise [`Run::add`], [`Run::append`] or [`Run::refused`] follows.
    pub fn remembered(
        &mut self,
        writer: InvocationId,
        key: &[u8],
    ) -> Result<Option<StateValue>, DeliveryError> {
        let at_work = self.in_flight_mut(writer)?;
        if at_work.delivery.added_before.is_none() {
            return Ok(None);
        }
        Ok(at_work.additions().next(key))
    }

    /// Takes a key (WTF-8) out of the state on behalf of a handler and says whether it was there.
    pub fn remove(&mut self, writer: InvocationId, key: &[u8]) -> Result<bool, WriteError> {
        let Some(at_work) = self.in_flight.get_mut(writer) else {
            return Err(self.why_not_in_flight().into());
        };
        let step = at_work.delivery.step;
        if self.state.values().get(key).is_some() {
            self.conflicts.check(&at_work.readings, step, key, &self.definition)?;
        }
        let was_there = self.state.remove(writer, &mut at_work.uncommitted, key);
        if was_there {
            self.conflicts.wrote(&mut at_work.readings, (writer, step), key, Writing::Whole);
        }
        at_work.has_set(key);
        Ok(was_there)
    }

    /// Puts items, a text as it stands between the brackets of a JSON array, behind those of the array at a key (WTF-8), and
    /// gives its length. A key that is not there counts as an empty array. As for [`Run::add`], an attempt that is not the
    /// first asks before.
    pub fn append(&mut self, writer: InvocationId, key: &[u8], items: &str) -> Result<usize, AppendError> {
        let Some(at_work) = self.in_flight.get_mut(writer) else {
            return Err(self.why_not_in_flight().into());
        };
        let length = self.state.append(writer, &mut at_work.uncommitted, key, items).map_err(|why| {
            let key = ExactString::from_wtf8(key);
            match why {
                NotAppended::NoArray(found) => AppendError::NoArray { key, found },
                NotAppended::TooLong => AppendError::TooLong { key },
            }
        })?;
        let step = at_work.delivery.step;
        self.conflicts.wrote(&mut at_work.readings, (writer, step), key, Writing::Adding);
        at_work.additions().add(key, NewValue::Json(&length.to_string()));
        Ok(length)
    }

    /// Nothing has come of what a handler was about to add to a key (WTF-8) of the state.
    pub fn refused(&mut self, writer: InvocationId, key: &[u8]) {
        if let Some(at_work) = self.in_flight.get_mut(writer) {
            at_work.additions().refuse(key);
        }
    }

    /// Whether the last [`Run::set`] or [`Run::remove`] was a lost update that is to be told.
    #[must_use]
    pub fn has_conflict(&self) -> bool {
        self.conflicts.has_untold()
    }

    /// The lost update that the last [`Run::set`] or [`Run::remove`] was, if that is to be told: take it at once.
    pub fn take_conflict(&mut self) -> Option<Box<StateConflict>> {
        self.conflicts.take_untold()
    }

    /// The value at a key (WTF-8) of the state, for a handler.
    pub fn get(&mut self, reader: InvocationId, key: &[u8]) -> Result<Option<&StateValue>, DeliveryError> {
        self.expect_not_ended()?;
        if let Some(in_flight) = self.in_flight.get_mut(reader) {
            self.state.note_reading(reader, &mut in_flight.uncommitted, key);
            self.conflicts.read(&mut in_flight.readings, key);
        }
        Ok(self.state.values().get(key))
    }

    /// As [`Run::get`], for bookkeeping: to set the key is a lost update only if the handler has got it otherwise.
    pub fn peek(&mut self, reader: InvocationId, key: &[u8]) -> Result<Option<&StateValue>, DeliveryError> {
        self.expect_not_ended()?;
        if let Some(in_flight) = self.in_flight.get_mut(reader) {
            self.state.note_reading(reader, &mut in_flight.uncommitted, key);
        }
        Ok(self.state.values().get(key))
    }

    /// What a handler has got at a key (WTF-8) does not matter to what it will set there.
    pub fn disregard(&mut self, reader: InvocationId, key: &[u8]) {
        if let Some(in_flight) = self.in_flight.get_mut(reader) {
            self.conflicts.disregard(&mut in_flight.readings, key);
        }
    }

    /// The saved values, for a handler that looks at which there are.
    pub fn keys(&mut self, reader: InvocationId) -> Result<&KeySpace<StateValue>, DeliveryError> {
        self.expect_not_ended()?;
        if let Some(in_flight) = self.in_flight.get_mut(reader) {
            self.state.note_reading_all(reader, &mut in_flight.uncommitted);
        }
        Ok(self.state.values())
    }

    /// The value at a key (WTF-8) of the state as it would be if everything in flight were cut short.
    #[must_use]
    pub fn committed(&self, key: &[u8]) -> Option<&StateValue> {
        self.state.committed(key)
    }

    /// Commits what `writer` has written, and what that depends on; the journal takes note, also of what those of them that
    /// are at work have added.
    pub(super) fn commit_writes(&mut self, writer: InvocationId, uncommitted: Uncommitted) {
        if uncommitted.is_empty() {
            return;
        }
        let mut committed = self.change().map(|_| Committed::new());
        let mut left: SmallVec<[_; 1]> = smallvec![(writer, uncommitted)];
        while let Some((writer, mut uncommitted)) = left.pop() {
            for other in uncommitted.take_read_from() {
                if let Some(in_flight) = self.in_flight.get_mut(other) {
                    left.push((other, std::mem::take(&mut in_flight.uncommitted)));
                }
            }
            self.state.commit(writer, &mut uncommitted, committed.as_mut());
            let added = self.in_flight.get_mut(writer).and_then(InFlight::commit_additions);
            self.note_added(added);
        }
        if let (Some(committed), Some(change)) =
            (committed, self.journal.as_mut().and_then(|journal| journal.change()))
        {
            change.has_written(self.state.written(committed));
        }
    }

    /// What a failed attempt has written is taken back, unless another handler has read it: what that commits may come of
    /// it, so it is committed.
    pub(super) fn take_back_writes(&mut self, writer: InvocationId, failed: &mut InFlight) {
        let uncommitted = std::mem::take(&mut failed.uncommitted);
        if uncommitted.is_empty() {
            return;
        }
        if self.in_flight.iter().any(|(_, other)| other.uncommitted.has_read_from(writer)) {
            self.commit_writes(writer, uncommitted);
            self.note_added(failed.commit_additions());
        } else {
            for key in uncommitted.keys() {
                self.conflicts.take_back(writer, key);
            }
            self.state.take_back_of(writer, uncommitted);
        }
    }

    fn note_added(&mut self, added: Option<(DeliverySeq, Arc<str>)>) {
        if let (Some(added), Some(change)) = (added, self.change()) {
            change.added.push(added);
        }
    }
}
