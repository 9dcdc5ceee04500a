//! How much is tried, and where.

#![allow(dead_code)] // each test takes what it needs of this

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many times as much as in continuous integration is tried: `BLAZEN_CRASH_ROUNDS`, 1 if it is not set.
pub fn rounds() -> usize {
    number("BLAZEN_CRASH_ROUNDS").map_or(1, |rounds| usize::try_from(rounds).unwrap())
}

/// What all chance comes from: `BLAZEN_CRASH_SEED`, always the same if it is not set.
pub fn seed() -> u64 {
    number("BLAZEN_CRASH_SEED").unwrap_or(0x00B1_A2E4)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, which is no number")))
}

/// A folder in memory where there is one, which is gone with this value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        let name = format!("blazen-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where a store in it lies.
    pub fn store(&self) -> PathBuf {
        self.0.join(STORE)
    }
}

/// The name of the file of every store.
pub const STORE: &str = "runs.db";

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}
