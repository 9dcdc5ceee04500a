//! The saved values of a run, and what of them could still be taken back.
//!
//! A write counts for everybody at once: two steps that count up one key never lose a count. But until the handler
//! that wrote it settles or sends, it is not committed, and if the handler is cut short it is taken back: the next
//! attempt finds the state as it was. Of several writes to a key the latest committed one stands.
//!
//! Always true: once nothing is in flight, nothing can be taken back and nothing is kept for it.

use std::collections::BTreeMap;

use super::exact_string::ExactString;
use super::ids::InvocationId;
use super::key_space::{Entry, KeySpace};
use super::state_value::StateValue;

#[derive(Debug, Default)]
pub(super) struct RunState {
    values: KeySpace<StateValue>,
    /// Counts writes, so that of two one can be called the later.
    last_write: u64,
    /// Of keys with a write that could be taken back.
    stamps: BTreeMap<ExactString, Stamp>,
}

#[derive(Debug, Default)]
struct Stamp {
    /// Who wrote the value that stands, if that can be taken back.
    writer: Option<InvocationId>,
    /// The latest write that cannot be taken back.
    committed: u64,
    /// How many writes can.
    uncommitted: u32,
}

/// What one invocation has written since it began or last sent.
pub(super) type UncommittedWrites = Vec<UncommittedWrite>;

#[derive(Debug)]
pub(super) struct UncommittedWrite {
    key: ExactString,
    number: u64,
    before: Option<Entry<StateValue>>,
}

impl RunState {
    pub(super) fn restored(values: KeySpace<StateValue>) -> Self {
        Self { values, ..Self::default() }
    }

    pub(super) fn values(&self) -> &KeySpace<StateValue> {
        &self.values
    }

    /// Sets `key` to a JSON text.
    pub(super) fn set_json(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut UncommittedWrites,
        key: &[u8],
        json: &str,
    ) {
        if self.wrote_last(writer, key) {
            self.values.set_json(key, json);
        } else {
            let before = self.values.replace(key, StateValue::Json(json.to_owned()));
            self.record(writer, uncommitted, key, before);
        }
    }

    /// Sets `key` to a copy of `bytes`.
    pub(super) fn set_bytes(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut UncommittedWrites,
        key: &[u8],
        bytes: &[u8],
    ) {
        if self.wrote_last(writer, key) {
            self.values.set_bytes(key, bytes);
        } else {
            let before = self.values.replace(key, StateValue::Bytes(bytes.to_vec()));
            self.record(writer, uncommitted, key, before);
        }
    }

    /// Takes `key` out and says whether it was there.
    pub(super) fn remove(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut UncommittedWrites,
        key: &[u8],
    ) -> bool {
        let before = self.values.take(key);
        let was_there = before.is_some();
        if was_there && !self.wrote_last(writer, key) {
            self.record(writer, uncommitted, key, before);
        }
        was_there
    }

    /// The value at `key` without what could still be taken back; `in_flight` is all that could.
    pub(super) fn committed<'a>(
        &'a self,
        key: &[u8],
        in_flight: impl Iterator<Item = &'a UncommittedWrite>,
    ) -> Option<&'a StateValue> {
        let committed = self.stamps.get(key).map_or(0, |stamp| stamp.committed);
        let first_uncommitted = in_flight
            .filter(|write| write.key.as_wtf8() == key && write.number > committed)
            .min_by_key(|write| write.number);
        match first_uncommitted {
            Some(write) => write.before.as_ref().map(Entry::value),
            None => self.values.get(key),
        }
    }

    /// What was written cannot be taken back any more.
    pub(super) fn commit(&mut self, uncommitted: &mut UncommittedWrites) {
        for write in uncommitted.drain(..) {
            let Some(stamp) = self.stamps.get_mut(write.key.as_wtf8()) else { continue };
            stamp.committed = stamp.committed.max(write.number);
            stamp.writer = None;
            stamp.uncommitted -= 1;
            if stamp.uncommitted == 0 {
                self.stamps.remove(write.key.as_wtf8());
            }
        }
    }

    /// Takes back the writes of everything that was in flight, the latest first.
    pub(super) fn take_back(&mut self, mut uncommitted: UncommittedWrites) {
        uncommitted.sort_unstable_by_key(|write| std::cmp::Reverse(write.number));
        for UncommittedWrite { key, number, before } in uncommitted {
            let key = key.as_wtf8();
            if self.stamps.get(key).is_some_and(|stamp| stamp.committed > number) {
                continue;
            }
            match before {
                Some(entry) => self.values.put_back(key, entry),
                None => drop(self.values.take(key)),
            }
        }
        self.stamps.clear();
    }

    /// Whether the value that stands is the writer's own, and not committed: then it is written in place.
    fn wrote_last(&self, writer: InvocationId, key: &[u8]) -> bool {
        self.stamps.get(key).is_some_and(|stamp| stamp.writer == Some(writer))
    }

    fn record(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut UncommittedWrites,
        key: &[u8],
        before: Option<Entry<StateValue>>,
    ) {
        self.last_write += 1;
        let key = ExactString::from_wtf8(key);
        uncommitted.push(UncommittedWrite { key: key.clone(), number: self.last_write, before });
        let stamp = self.stamps.entry(key).or_default();
        stamp.writer = Some(writer);
        stamp.uncommitted += 1;
    }
}
