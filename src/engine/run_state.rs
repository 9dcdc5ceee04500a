//! The saved values of a run, and what of them could still be taken back.
//!
//! A write counts for everybody at once: two steps that count up one key never lose a count. But until the handler
//! that wrote it settles or sends, it is not committed, and if the handler is cut short it is taken back: the next
//! attempt finds the state as it was. Of several writes to a key the latest committed one stands.
//!
//! Always true:
//! 1. A key has one [`Overwritten`] for each invocation whose latest write to it is not committed and came after the
//!    latest committed one, in the order of these writes. So what is kept is bounded by the handlers at work, however
//!    often they write.
//! 2. What the first of them has overwritten is the committed value.
//! 3. A length that is known is that of the array that stands at the key.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::InvocationId;
use super::json_array;
use super::key_space::{Entry, KeySpace};
use crate::exact_string::ExactString;
use crate::state_value::{NewValue, StateValue, Written};

#[derive(Debug, Default)]
pub(super) struct RunState {
    values: KeySpace<StateValue>,
    /// Of arrays that have been appended to: to count them again would cost their size.
    lengths: BTreeMap<ExactString, usize>,
    overwritten: BTreeMap<ExactString, Vec<Overwritten>>,
}

#[derive(Debug)]
struct Overwritten {
    by: InvocationId,
    before: Option<Entry<StateValue>>,
}

/// Why nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAppended {
    /// What stands there, in words.
    NoArray(&'static str),
    TooLong,
}

/// The longest string that JavaScript can make of a text: a value that is longer could not be got.
const LONGEST_STRING: usize = (1 << 29) - 24;

/// What one invocation has done to the state since it began or last sent.
#[derive(Debug, Default)]
pub(super) struct Uncommitted {
    /// The keys that it has written.
    keys: Vec<ExactString>,
    /// Who had written what it has read, and had not committed it: what comes of it depends on them.
    #[allow(clippy::box_collection)] // seldom anybody, and this moves at every hop
    read_from: Option<Box<Vec<InvocationId>>>,
}

impl Uncommitted {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.read_from.is_none()
    }

    pub(super) fn has_read_from(&self, writer: InvocationId) -> bool {
        self.read_from.as_ref().is_some_and(|writers| writers.contains(&writer))
    }

    /// The keys (WTF-8) that it has written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(ExactString::as_wtf8)
    }

    /// Whom it depends on, once.
    pub(super) fn take_read_from(&mut self) -> Vec<InvocationId> {
        self.read_from.take().map(|writers| *writers).unwrap_or_default()
    }
}

/// What commits have changed, key by key, with what stood there before the first of them.
pub(super) type Committed = BTreeMap<ExactString, Option<Entry<StateValue>>>;

impl RunState {
    pub(super) fn restored(values: KeySpace<StateValue>) -> Self {
        Self { values, ..Self::default() }
    }

    pub(super) fn values(&self) -> &KeySpace<StateValue> {
        &self.values
    }

    /// A map that has been emptied keeps a node.
    pub(super) fn give_room_back(&mut self) {
        if self.overwritten.is_empty() {
            self.overwritten = BTreeMap::new();
        }
    }

    /// Sets `key` to a copy of a value.
    pub(super) fn set(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut Uncommitted,
        key: &[u8],
        value: NewValue<'_>,
    ) {
        self.lengths.remove(key);
        if self.wrote_last(writer, key) {
            self.values.overwrite(key, value);
        } else {
            let before = self.values.replace(key, value.into());
            self.record(writer, uncommitted, key, before);
        }
    }

    /// Takes `key` out and says whether it was there.
    pub(super) fn remove(&mut self, writer: InvocationId, uncommitted: &mut Uncommitted, key: &[u8]) -> bool {
        self.note_reading(writer, uncommitted, key); // whether it was there
        self.lengths.remove(key);
        let before = self.values.take(key);
        let was_there = before.is_some();
        if was_there && !self.wrote_last(writer, key) {
            self.record(writer, uncommitted, key, before);
        }
        was_there
    }

    /// Puts items behind those of the array at `key`, which is empty if there is none, and gives its length.
    ///
    /// Of one writer, only the first time since it began or last sent costs the size of the array: what stood there
    /// is kept for taking back.
    pub(super) fn append(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut Uncommitted,
        key: &[u8],
        more: &str,
    ) -> Result<usize, NotAppended> {
        self.note_reading(writer, uncommitted, key);
        let length = self.length_at(key)? + json_array::count(more);
        if self.size_at(key) + more.len() > LONGEST_STRING {
            return Err(NotAppended::TooLong);
        }
        if !self.wrote_last(writer, key) {
            let grown = match self.values.get(key) {
                Some(StateValue::Json(array)) => extended(array, more),
                _ => extended("[]", more),
            };
            let before = self.values.replace(key, StateValue::Json(grown));
            self.record(writer, uncommitted, key, before);
        } else if let Some(StateValue::Json(array)) = self.values.get_mut(key) {
            json_array::extend(array, more);
        } else {
            self.values.set(key, StateValue::Json(extended("[]", more)));
        }
        match self.lengths.get_mut(key) {
            Some(known) => *known = length,
            None => _ = self.lengths.insert(ExactString::from_wtf8(key), length),
        }
        Ok(length)
    }

    fn length_at(&self, key: &[u8]) -> Result<usize, NotAppended> {
        if let Some(&known) = self.lengths.get(key) {
            return Ok(known);
        }
        match self.values.get(key) {
            None => Ok(0),
            Some(StateValue::Bytes(_)) => Err(NotAppended::NoArray("bytes")),
            Some(StateValue::Json(json)) => match json_array::items(json) {
                Some(items) => Ok(json_array::count(items)),
                None => Err(NotAppended::NoArray(kind_of(json))),
            },
        }
    }

    fn size_at(&self, key: &[u8]) -> usize {
        match self.values.get(key) {
            Some(StateValue::Json(json)) => json.len(),
            _ => 0,
        }
    }

    /// The value at `key` without what could still be taken back.
    pub(super) fn committed(&self, key: &[u8]) -> Option<&StateValue> {
        self.committed_entry(key).map(Entry::value)
    }

    fn committed_entry(&self, key: &[u8]) -> Option<&Entry<StateValue>> {
        match self.overwritten.get(key).and_then(|chain| chain.first()) {
            Some(first) => first.before.as_ref(),
            None => self.values.entry(key),
        }
    }

    /// `reader` looks at `key`.
    pub(super) fn note_reading(&self, reader: InvocationId, uncommitted: &mut Uncommitted, key: &[u8]) {
        if let Some(last) = self.overwritten.get(key).and_then(|chain| chain.last()) {
            depend_on(last.by, reader, uncommitted);
        }
    }

    /// `reader` looks at which keys there are.
    pub(super) fn note_reading_all(&self, reader: InvocationId, uncommitted: &mut Uncommitted) {
        for last in self.overwritten.values().filter_map(|chain| chain.last()) {
            depend_on(last.by, reader, uncommitted);
        }
    }

    /// What `writer` has written cannot be taken back any more, nor can anything that it has overwritten come back.
    /// Notes in `committed`, if somebody wants to know, what that has changed.
    pub(super) fn commit(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut Uncommitted,
        mut committed: Option<&mut Committed>,
    ) {
        for key in uncommitted.keys.drain(..) {
            let Some(chain) = self.overwritten.get_mut(key.as_wtf8()) else { continue };
            if let Some(position) = chain.iter().position(|write| write.by == writer) {
                let first = chain.drain(..=position).next();
                if let (Some(committed), Some(Overwritten { before, .. })) = (committed.as_mut(), first) {
                    // Of several commits the first knows what stood there.
                    committed.entry(key.clone()).or_insert(before);
                }
            }
            if chain.is_empty() {
                self.overwritten.remove(key.as_wtf8());
            }
        }
    }

    /// What commits have changed, as a store is told.
    pub(super) fn written(&self, committed: Committed) -> impl Iterator<Item = Written> {
        committed.into_iter().filter_map(|(key, before)| {
            let after = self.committed_entry(key.as_wtf8());
            let place = after.or(before.as_ref()).map(Entry::place)?;
            let after = after.map(|entry| entry.value().clone());
            Some(Written { key, place, before: before.map(Entry::into_value), after })
        })
    }

    /// All that is committed, as a store is told that knows nothing of it.
    pub(super) fn all_written(&self) -> Vec<Written> {
        // What an uncommitted removal has taken out is only known from what it has overwritten.
        let keys = self.values.entries().map(|(key, _)| key).chain(self.overwritten.keys());
        let keys: BTreeSet<&ExactString> = keys.collect();
        let written = keys.into_iter().filter_map(|key| {
            let entry = self.committed_entry(key.as_wtf8())?;
            Some(Written {
                key: key.clone(),
                place: entry.place(),
                before: None,
                after: Some(entry.value().clone()),
            })
        });
        written.collect()
    }

    /// Takes back everything that is not committed.
    pub(super) fn take_back(&mut self) {
        self.lengths.clear();
        for (key, chain) in std::mem::take(&mut self.overwritten) {
            self.restore(&key, chain.into_iter().next().and_then(|first| first.before));
        }
    }

    /// Takes back what `writer` has not committed. What others have written over it stands.
    pub(super) fn take_back_of(&mut self, writer: InvocationId, uncommitted: Uncommitted) {
        for key in uncommitted.keys {
            self.lengths.remove(key.as_wtf8());
            let Some(chain) = self.overwritten.get_mut(key.as_wtf8()) else { continue };
            let Some(position) = chain.iter().position(|write| write.by == writer) else { continue };
            let Overwritten { before, .. } = chain.remove(position);
            let is_empty = chain.is_empty();
            match chain.get_mut(position) {
                Some(next) => next.before = before,
                None => self.restore(&key, before),
            }
            if is_empty {
                self.overwritten.remove(key.as_wtf8());
            }
        }
    }

    fn restore(&mut self, key: &ExactString, before: Option<Entry<StateValue>>) {
        match before {
            Some(entry) => self.values.put_back(key.as_wtf8(), entry),
            None => drop(self.values.take(key.as_wtf8())),
        }
    }

    /// Whether the value that stands is the writer's own, and not committed: then it is written in place.
    fn wrote_last(&self, writer: InvocationId, key: &[u8]) -> bool {
        let last = self.overwritten.get(key).and_then(|chain| chain.last());
        last.is_some_and(|last| last.by == writer)
    }

    fn record(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut Uncommitted,
        key: &[u8],
        before: Option<Entry<StateValue>>,
    ) {
        let key = ExactString::from_wtf8(key);
        let chain = self.overwritten.entry(key.clone()).or_default();
        match chain.iter().position(|write| write.by == writer) {
            // Somebody has overwritten the writer's earlier value, which nobody needs now: what is taken back in its
            // stead is what the earlier write had overwritten.
            Some(earlier) => {
                let superseded = chain.remove(earlier);
                chain[earlier].before = superseded.before;
            }
            None => uncommitted.keys.push(key),
        }
        chain.push(Overwritten { by: writer, before });
    }
}

fn extended(array: &str, more: &str) -> String {
    let mut grown = String::with_capacity(array.len() + more.len() + 1);
    grown.push_str(array);
    json_array::extend(&mut grown, more);
    grown
}

/// What a JSON text that is no array is.
fn kind_of(json: &str) -> &'static str {
    match json.trim_ascii_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn depend_on(writer: InvocationId, reader: InvocationId, uncommitted: &mut Uncommitted) {
    if writer == reader {
        return;
    }
    let writers = uncommitted.read_from.get_or_insert_default();
    if !writers.contains(&writer) {
        writers.push(writer);
    }
}

impl KeySpace<StateValue> {
    /// Sets `key`, in the memory that its old value had where that fits.
    fn overwrite(&mut self, key: &[u8], value: NewValue<'_>) {
        match (self.get_mut(key), value) {
            (Some(StateValue::Json(current)), NewValue::Json(json))
                if fits(current.capacity(), json.len()) =>
            {
                current.clear();
                current.push_str(json);
            }
            (Some(StateValue::Bytes(current)), NewValue::Bytes(bytes))
                if fits(current.capacity(), bytes.len()) =>
            {
                current.clear();
                current.extend_from_slice(bytes);
            }
            _ => self.set(key, value.into()),
        }
    }
}

/// Whether a value of `needed` bytes should be written into `capacity`: it fits, and wastes no more than half.
fn fits(capacity: usize, needed: usize) -> bool {
    needed <= capacity && capacity / 2 <= needed.max(32)
}
