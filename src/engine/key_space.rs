//! Values by key, in the order in which the keys were first set.
//!
//! Lookup is by comparison, not by hash: keys come from users, and a hash without a secret can be made to collide.

use std::collections::BTreeMap;

use crate::exact_string::ExactString;

/// The state of a run, or its session.
#[derive(Clone, Debug)]
pub struct KeySpace<V> {
    entries: BTreeMap<ExactString, Entry<V>>,
    next_order: u64,
}

/// A value and its place in the order.
#[derive(Clone, Debug)]
pub(super) struct Entry<V> {
    order: u64,
    value: V,
}

impl<V> Entry<V> {
    pub(super) fn value(&self) -> &V {
        &self.value
    }

    pub(super) fn into_value(self) -> V {
        self.value
    }

    pub(super) fn place(&self) -> u64 {
        self.order
    }
}

impl<V> Default for KeySpace<V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), next_order: 0 }
    }
}

impl<V> KeySpace<V> {
    /// The value at `key` (WTF-8).
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(super) fn entry(&self, key: &[u8]) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// The value at `key`, to be changed in place.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Sets `key`; one that is there already keeps its place in the order.
    pub fn set(&mut self, key: &[u8], value: V) {
        self.replace(key, value);
    }

    /// Takes `key` out and says whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.take(key).is_some()
    }

    /// Sets `key` and gives what was there, for [`KeySpace::put_back`].
    pub(super) fn replace(&mut self, key: &[u8], value: V) -> Option<Entry<V>> {
        if let Some(current) = self.entries.get_mut(key) {
            let order = current.order;
            return Some(std::mem::replace(current, Entry { order, value }));
        }
        self.entries.insert(ExactString::from_wtf8(key), Entry { order: self.next_order, value });
        self.next_order += 1;
        None
    }

    /// Takes `key` out and gives what was there, for [`KeySpace::put_back`].
    pub(super) fn take(&mut self, key: &[u8]) -> Option<Entry<V>> {
        self.entries.remove(key)
    }

    /// Undoes a [`KeySpace::replace`] or a [`KeySpace::take`], the place in the order included.
    pub(super) fn put_back(&mut self, key: &[u8], entry: Entry<V>) {
        self.entries.insert(ExactString::from_wtf8(key), entry);
    }

    /// Sets `key` at a place in the order that it has had before.
    pub fn restore(&mut self, key: ExactString, place: u64, value: V) {
        self.next_order = self.next_order.max(place + 1);
        self.entries.insert(key, Entry { order: place, value });
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&ExactString, &Entry<V>)> {
        self.entries.iter()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys and values in the order in which the keys were first set.
    #[must_use]
    pub fn in_order(&self) -> Vec<(&ExactString, &V)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by_key(|(_, entry)| entry.order);
        entries.into_iter().map(|(key, entry)| (key, &entry.value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(space: &KeySpace<u32>) -> Vec<String> {
        space.in_order().into_iter().map(|(key, _)| key.to_string()).collect()
    }

    #[test]
    fn keys_stay_in_the_order_in_which_they_were_first_set() {
        let mut space = KeySpace::default();
        for (key, value) in [("z", 1), ("__proto__", 2), ("", 3), ("z", 4)] {
            space.set(key.as_bytes(), value);
        }
        assert_eq!(keys(&space), ["z", "__proto__", ""]);
        assert_eq!(space.get(b"z"), Some(&4));
    }

    #[test]
    fn a_key_set_again_after_its_removal_comes_last() {
        let mut space = KeySpace::default();
        space.set(b"a", 1);
        space.set(b"b", 2);
        assert!(space.remove(b"a"));
        assert!(!space.remove(b"a"));
        space.set(b"a", 3);
        assert_eq!(keys(&space), ["b", "a"]);
    }
}
