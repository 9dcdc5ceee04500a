//! The driver that is put to the test.

#![allow(dead_code)] // each test takes what it needs of this

use std::path::Path;

use blazen::store::{CheckpointStore, History, SqliteOptions, SqliteStore, StoreError};

/// A store of any driver.
pub type Store = Box<dyn CheckpointStore>;

/// How a store is opened: at a path, under a VFS.
pub type Open = fn(&Path, Option<String>) -> Result<Store, StoreError>;

/// Opens a store that keeps history.
pub fn open_sqlite(path: &Path, vfs: Option<String>) -> Result<Store, StoreError> {
    let options = SqliteOptions { read_only: false, history: History::Full, vfs };
    Ok(Box::new(SqliteStore::open(path, options)?))
}

/// Opens a store to look at it.
pub fn open_read_only(path: &Path) -> Result<Store, StoreError> {
    let options = SqliteOptions { read_only: true, history: History::Full, vfs: None };
    Ok(Box::new(SqliteStore::open(path, options)?))
}
