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

use std::collections::BTreeMap;

use super::exact_string::ExactString;
use super::ids::InvocationId;
use super::key_space::{Entry, KeySpace};
use super::state_value::{NewValue, StateValue};

#[derive(Debug, Default)]
pub(super) struct RunState {
    values: KeySpace<StateValue>,
    overwritten: BTreeMap<ExactString, Vec<Overwritten>>,
}

#[derive(Debug)]
struct Overwritten {
    by: InvocationId,
    before: Option<Entry<StateValue>>,
}

/// The keys that one invocation has written since it began or last sent.
pub(super) type UncommittedKeys = Vec<ExactString>;

impl RunState {
    pub(super) fn restored(values: KeySpace<StateValue>) -> Self {
        Self { values, overwritten: BTreeMap::new() }
    }

    pub(super) fn values(&self) -> &KeySpace<StateValue> {
        &self.values
    }

    /// Sets `key` to a copy of a value.
    pub(super) fn set(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut UncommittedKeys,
        key: &[u8],
        value: NewValue<'_>,
    ) {
        if self.wrote_last(writer, key) {
            self.values.overwrite(key, value);
        } else {
            let before = self.values.replace(key, value.into());
            self.record(writer, uncommitted, key, before);
        }
    }

    /// Takes `key` out and says whether it was there.
    pub(super) fn remove(
        &mut self,
        writer: InvocationId,
        uncommitted: &mut UncommittedKeys,
        key: &[u8],
    ) -> bool {
        let before = self.values.take(key);
        let was_there = before.is_some();
        if was_there && !self.wrote_last(writer, key) {
            self.record(writer, uncommitted, key, before);
        }
        was_there
    }

    /// The value at `key` without what could still be taken back.
    pub(super) fn committed(&self, key: &[u8]) -> Option<&StateValue> {
        match self.overwritten.get(key).and_then(|chain| chain.first()) {
            Some(first) => first.before.as_ref().map(Entry::value),
            None => self.values.get(key),
        }
    }

    /// What `writer` has written cannot be taken back any more, nor can anything that it has overwritten come back.
    pub(super) fn commit(&mut self, writer: InvocationId, uncommitted: &mut UncommittedKeys) {
        for key in uncommitted.drain(..) {
            let Some(chain) = self.overwritten.get_mut(key.as_wtf8()) else { continue };
            if let Some(position) = chain.iter().position(|write| write.by == writer) {
                chain.drain(..=position);
            }
            if chain.is_empty() {
                self.overwritten.remove(key.as_wtf8());
            }
        }
    }

    /// Takes back everything that is not committed.
    pub(super) fn take_back(&mut self) {
        for (key, chain) in std::mem::take(&mut self.overwritten) {
            match chain.into_iter().next().and_then(|first| first.before) {
                Some(entry) => self.values.put_back(key.as_wtf8(), entry),
                None => drop(self.values.take(key.as_wtf8())),
            }
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
        uncommitted: &mut UncommittedKeys,
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
            None => uncommitted.push(key),
        }
        chain.push(Overwritten { by: writer, before });
    }
}
