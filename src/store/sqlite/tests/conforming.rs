//! The suite for all drivers.

use std::path::PathBuf;

use super::{Folder, History, SqliteOptions, SqliteStore};
use crate::store::conformance::{self, Stores};
use crate::store::{CheckpointStore, MemoryStore};

struct InMemory;

impl Stores for InMemory {
    fn create(&mut self) -> Box<dyn CheckpointStore> {
        Box::new(MemoryStore::new())
    }
}

struct InFiles {
    folder: Folder,
    history: History,
    created: u32,
}

impl InFiles {
    fn with(history: History) -> Self {
        Self { folder: Folder::new(), history, created: 0 }
    }

    fn last(&self) -> PathBuf {
        self.folder.path(&format!("{}.db", self.created))
    }

    fn open_last(&self) -> Box<dyn CheckpointStore> {
        let options = SqliteOptions { history: self.history, ..SqliteOptions::default() };
        Box::new(SqliteStore::open(&self.last(), options).unwrap())
    }
}

impl Stores for InFiles {
    fn create(&mut self) -> Box<dyn CheckpointStore> {
        self.created += 1;
        self.open_last()
    }

    fn reopen(&mut self) -> Option<Box<dyn CheckpointStore>> {
        Some(self.open_last())
    }

    fn keep_history(&self) -> bool {
        self.history == History::Full
    }
}

#[test]
fn the_store_in_memory_holds_to_every_promise() {
    conformance::check(&mut InMemory);
}

#[test]
fn a_file_holds_to_every_promise() {
    conformance::check(&mut InFiles::with(History::Full));
}

#[test]
fn a_file_without_history_holds_to_every_other_promise() {
    conformance::check(&mut InFiles::with(History::None));
}
