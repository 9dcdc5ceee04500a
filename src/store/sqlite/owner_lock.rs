//! One owner at a time.
//!
//! An advisory lock of the operating system, on a file beside the database that holds the owner's process number. It
//! ends with the process that holds it, however that ends; the file stays, since removing it would let two processes
//! lock two files of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Held for as long as it exists.
#[derive(Debug)]
pub(super) struct OwnerLock {
    file: File,
    path: PathBuf,
    created: bool,
}

/// Why there is no lock.
#[derive(Debug)]
pub(super) enum NotLocked {
    /// Somebody has it.
    Held { owner: Option<u32> },
    /// The file cannot be had.
    Failed(io::Error),
}

impl From<io::Error> for NotLocked {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl OwnerLock {
    /// Locks the file, which is made if it is not there.
    pub(super) fn acquire(path: &Path) -> Result<Self, NotLocked> {
        let (file, created) = open_or_create(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NotLocked::Held { owner: read_owner(path) }),
            Err(TryLockError::Error(error)) => {
                drop(file);
                if created {
                    std::fs::remove_file(path)?;
                }
                return Err(error.into());
            }
        }
        let mut lock = Self { file, path: path.to_owned(), created };
        match lock.sign() {
            Ok(()) => Ok(lock),
            Err(error) => {
                lock.undo();
                Err(error.into())
            }
        }
    }

    /// Says in the file who has the lock.
    fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }

    /// Gives the lock up after an opening that failed, and leaves no file that was not there before.
    pub(super) fn undo(self) {
        if self.created {
            // Nothing depends on it: a lock file that stays is in nobody's way.
            let _stays = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Only for those who read it: the operating system gives the lock up when the file is closed.
        let _unread = self.file.set_len(0);
    }
}

fn open_or_create(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(|file| (file, false)),
    }
    match options.create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create_new(false).open(path).map(|file| (file, false))
        }
        created => created.map(|file| (file, true)),
    }
}

/// Who holds the lock. A moment may lie between the owner's locking the file and its writing its number into it, and
/// on Windows nobody else can read a locked file.
fn read_owner(path: &Path) -> Option<u32> {
    thread::sleep(Duration::from_millis(10));
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
