//! What is special about this driver. What it has in common with others is in the suite of `conformance`.

mod carrying;
mod compatibility;
mod conforming;
mod damage;
mod documented;
mod failing;
mod growing;
mod limits;
mod opening;
mod owning;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{History, SqliteOptions, SqliteStore};
use crate::store::StoreError;

/// A folder for one test's stores.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn open(path: &Path) -> SqliteStore {
    try_open(path).unwrap()
}

fn try_open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions::default())
}

fn read_only(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions { read_only: true, ..SqliteOptions::default() })
}
