//! Lost updates: a handler sets a key that it has read, and another has written it in between.
//!
//! Each handler at work has its [`Readings`]: which keys it has read, and when. The clock is the number of writes to keys
//! that somebody at work has read; of each of these keys it is known when it was last written, and by which step.
//! So nothing is looked for but by key, and what is remembered is bounded by what the handlers at work have read, but
//! for the keys that have been warned of.
//!
//! Always true: a key is watched with the number of handlers at work that have read it, and not if there are none.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::definition::Definition;
use super::ids::{InvocationId, StepId};
use crate::exact_string::ExactString;

/// What is done about a lost update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateConflicts {
    /// Nothing, and nobody looks for one.
    Off,
    /// It is told, once for each key.
    #[default]
    Warn,
    /// The write is refused.
    Refuse,
}

/// A lost update, or what would be one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "lost update of the state key {key:?}: step {reader:?} read it, and step {writer:?} wrote it since; use \
     ctx.state.update(), increment() or append(), which read and write in one go, or get it again before you set it"
)]
pub struct StateConflict {
    /// The key.
    pub key: ExactString,
    /// The step that has read the key, and writes it now.
    pub reader: String,
    /// The step that has written it since; another delivery to the same step has the same name.
    pub writer: String,
}

/// What one handler has read since it was invoked.
#[derive(Debug, Default)]
#[allow(clippy::box_collection)] // many handlers read nothing, and this moves at every hop
pub(super) struct Readings(Option<Box<BTreeMap<ExactString, Reading>>>);

#[derive(Debug)]
struct Reading {
    at: u64,
    /// Who had written the key since, when the reader added to it without looking at it.
    missed: Option<StepId>,
}

/// How a handler writes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// What stands there is its own, so it knows it.
    Whole,
    /// What it has not seen still stands there.
    Adding,
}

/// Watches over what the handlers of one run read and write.
#[derive(Debug, Default)]
pub(super) struct ConflictWatch {
    policy: StateConflicts,
    clock: u64,
    watched: BTreeMap<ExactString, Watched>,
    warned: BTreeSet<ExactString>,
    untold: Option<Box<StateConflict>>,
}

#[derive(Debug, Default)]
struct Watched {
    readers: usize,
    last_write: Option<Write>,
    /// The last one of somebody else, for when the handler fails and its write is taken back.
    write_before: Option<Write>,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    at: u64,
    by: InvocationId,
    step: StepId,
}

impl Watched {
    /// Who has written the key last, if that was after it was read.
    fn writer_since(&self, reading: &Reading) -> Option<StepId> {
        let since = self.last_write.filter(|write| write.at > reading.at);
        since.map(|write| write.step).or(reading.missed)
    }
}

impl ConflictWatch {
    pub(super) fn new(policy: StateConflicts) -> Self {
        Self { policy, ..Self::default() }
    }

    /// A handler has seen what stands at `key`.
    pub(super) fn read(&mut self, readings: &mut Readings, key: &[u8]) {
        if self.policy == StateConflicts::Off {
            return;
        }
        let readings = readings.0.get_or_insert_default();
        if let Some(reading) = readings.get_mut(key) {
            *reading = Reading { at: self.clock, missed: None };
            return;
        }
        let key = ExactString::from_wtf8(key);
        self.watched.entry(key.clone()).or_default().readers += 1;
        readings.insert(key, Reading { at: self.clock, missed: None });
    }

    /// The handler of `step` is about to set `key`, or to take it out: refused, told later, or nobody's concern.
    pub(super) fn check(
        &mut self,
        readings: &Readings,
        step: StepId,
        key: &[u8],
        definition: &Definition,
    ) -> Result<(), Box<StateConflict>> {
        let Some(reading) = readings.0.as_ref().and_then(|readings| readings.get(key)) else { return Ok(()) };
        let writer = self.watched.get(key).and_then(|watched| watched.writer_since(reading));
        let Some(writer) = writer else { return Ok(()) };
        let conflict = Box::new(StateConflict {
            key: ExactString::from_wtf8(key),
            reader: definition.step_name(step).to_owned(),
            writer: definition.step_name(writer).to_owned(),
        });
        if self.policy == StateConflicts::Refuse {
            return Err(conflict);
        }
        if self.warned.insert(conflict.key.clone()) {
            self.untold = Some(conflict);
        }
        Ok(())
    }

    /// A handler of a step has written `key`.
    pub(super) fn wrote(
        &mut self,
        readings: &mut Readings,
        (by, step): (InvocationId, StepId),
        key: &[u8],
        writing: Writing,
    ) {
        if self.watched.is_empty() {
            return;
        }
        let Some(watched) = self.watched.get_mut(key) else { return };
        self.clock += 1;
        if let Some(reading) = readings.0.as_mut().and_then(|readings| readings.get_mut(key)) {
            let missed = watched.writer_since(reading).filter(|_| writing == Writing::Adding);
            *reading = Reading { at: self.clock, missed };
        }
        if watched.last_write.is_some_and(|last| last.by != by) {
            watched.write_before = watched.last_write;
        }
        watched.last_write = Some(Write { at: self.clock, by, step });
    }

    /// What a handler has written at `key` is taken back: as if it had not been written.
    pub(super) fn take_back(&mut self, writer: InvocationId, key: &[u8]) {
        let Some(watched) = self.watched.get_mut(key) else { return };
        if watched.last_write.is_some_and(|last| last.by == writer) {
            watched.last_write = watched.write_before.take();
        }
    }

    /// A handler goes by nothing that it has read at `key`.
    pub(super) fn disregard(&mut self, readings: &mut Readings, key: &[u8]) {
        let known = readings.0.as_mut().and_then(|readings| readings.remove_entry(key));
        if let Some((key, _)) = known {
            self.unwatch(key);
        }
    }

    /// A handler has settled.
    pub(super) fn forget(&mut self, readings: Readings) {
        for key in readings.0.into_iter().flat_map(|readings| readings.into_keys()) {
            self.unwatch(key);
        }
    }

    /// No handler is at work.
    pub(super) fn forget_all(&mut self) {
        self.watched.clear();
    }

    /// Whether the last write was a lost update that is to be told.
    pub(super) fn has_untold(&self) -> bool {
        self.untold.is_some()
    }

    /// The lost update that the last write was, if that is to be told.
    pub(super) fn take_untold(&mut self) -> Option<Box<StateConflict>> {
        self.untold.take()
    }

    fn unwatch(&mut self, key: ExactString) {
        if let Entry::Occupied(mut watched) = self.watched.entry(key) {
            watched.get_mut().readers -= 1;
            if watched.get().readers == 0 {
                watched.remove();
            }
        }
    }
}
