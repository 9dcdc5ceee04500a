//! The state: a list of what was written, and what of it is committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::sights::Sight;
use super::Model;
use super::adding::Additions;

pub(super) struct Write {
    pub(super) by: u64,
    pub(super) key: Arc<str>,
    pub(super) value: Option<Arc<str>>,
    pub(super) is_committed: bool,
}

impl Model {
    pub fn get(&mut self, reader: u64, key: &str) -> Option<Arc<str>> {
        let last = self.writes.iter().rev().find(|write| &*write.key == key);
        if let Some(write) = last.filter(|write| !write.is_committed && write.by != reader)
            && let Some(worker) = self.at_work.get_mut(&reader)
        {
            worker.read_from.insert(write.by);
        }
        last.map_or_else(|| self.rest.state.get(key).cloned(), |write| write.value.clone())
    }

    pub fn keys(&mut self, reader: u64) -> BTreeSet<Arc<str>> {
        let written: BTreeSet<Arc<str>> = self.writes.iter().map(|write| write.key.clone()).collect();
        let keys: BTreeSet<_> = written.into_iter().chain(self.rest.state.keys().cloned()).collect();
        keys.into_iter().filter(|key| self.get(reader, key).is_some()).collect()
    }

    pub fn set(&mut self, writer: u64, key: &Arc<str>, value: Option<Arc<str>>) {
        self.forgets_what_it_adds(writer, key);
        self.write_down(writer, key, value);
    }

    pub(super) fn write_down(&mut self, writer: u64, key: &Arc<str>, value: Option<Arc<str>>) {
        self.writes.push(Write { by: writer, key: key.clone(), value, is_committed: false });
    }

    /// Whether the key was there.
    pub fn remove(&mut self, writer: u64, key: &Arc<str>) -> bool {
        let was_there = self.get(writer, key).is_some();
        if was_there {
            self.write_down(writer, key, None);
        }
        self.forgets_what_it_adds(writer, key);
        was_there
    }

    /// What the writer has written cannot be taken back any more, nor can anything that it has read.
    pub(super) fn commit(&mut self, first: u64) {
        let has_written = self.writes.iter().any(|write| write.by == first && !write.is_committed);
        if !has_written && self.at_work[&first].read_from.is_empty() {
            return; // what it has forgotten of its additions, its next attempt forgets again
        }
        let mut writers = vec![first];
        while let Some(writer) = writers.pop() {
            if let Some(worker) = self.at_work.get_mut(&writer) {
                writers.extend(std::mem::take(&mut worker.read_from));
                for write in self.writes.iter_mut().filter(|write| write.by == writer && !write.is_committed)
                {
                    if writer != first {
                        self.seen.push(Sight::DirtyReadCommitted);
                    }
                    write.is_committed = true;
                }
                self.keeps_what_it_has_added(writer);
            }
        }
        self.fold_writes();
    }

    /// The writer has failed. What it has written is taken back, unless another handler has read it.
    /// Says whether that was so, and it had written or read anything.
    pub(super) fn takes_back(&mut self, failed: u64) -> bool {
        let has_written = self.writes.iter().any(|write| write.by == failed && !write.is_committed);
        if self.at_work.iter().any(|(_, other)| other.read_from.contains(&failed)) {
            if has_written {
                self.seen.push(Sight::FailedWritesCommitted);
            }
            let has_read = self.at_work.get(&failed).is_some_and(|worker| !worker.read_from.is_empty());
            self.commit(failed);
            return has_written || has_read;
        }
        if has_written {
            self.seen.push(Sight::FailedWritesTakenBack);
        }
        if let Some(worker) = self.at_work.get_mut(&failed) {
            worker.read_from.clear();
        }
        self.writes.retain(|write| write.by != failed || write.is_committed);
        self.fold_writes();
        false
    }

    /// The same of a writer that is not called again, so that nobody asks any more what it has added.
    pub(super) fn takes_back_for_good(&mut self, failed: u64) -> bool {
        self.worker(failed).additions = Additions::default();
        self.takes_back(failed)
    }

    /// Of several writes to a key the latest committed one stands.
    pub(super) fn fold_writes(&mut self) {
        for write in self.writes.iter().filter(|write| write.is_committed) {
            match &write.value {
                Some(value) => self.rest.state.insert(write.key.clone(), value.clone()),
                None => self.rest.state.remove(&write.key),
            };
        }
        let first_left = self.writes.iter().position(|write| !write.is_committed);
        self.writes.drain(..first_left.unwrap_or(self.writes.len()));
    }
}
