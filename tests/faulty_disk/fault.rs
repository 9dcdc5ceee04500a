//! Which operation fails, and how.

use rusqlite::ffi;

use super::Operation;

/// An operation that fails, by its number; the first one is 1.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub at: u64,
    /// Every later one fails as well, until the fault is lifted.
    pub lasting: bool,
    pub failure: Failure,
    pub after_failed_sync: AfterFailedSync,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No space is left: what needs space fails, and a write gets half of its bytes down.
    Full,
    /// The device reports errors; a write gets half of its bytes down.
    Device,
}

/// What becomes of data that a failed sync should have brought to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailedSync {
    /// The next sync brings it there.
    StaysUnsynced,
    /// Some of it is on the disk, and that is what a program reads from now on.
    CacheIsDropped,
    /// Some of it is on the disk. A program reads all that it wrote, and no later sync writes it: the system takes it
    /// for written.
    TakenForWritten,
}

impl Fault {
    pub(super) fn hits(&self, number: u64) -> bool {
        if self.lasting { number >= self.at } else { number == self.at }
    }
}

impl Failure {
    /// What `SQLite`'s own VFS would answer, if the operation fails at all.
    pub(super) fn answer_to(self, operation: &Operation) -> Option<i32> {
        match (self, operation) {
            (Self::Full, Operation::Delete { .. } | Operation::Truncate { .. }) => None,
            (Self::Full, Operation::Write { .. }) => Some(ffi::SQLITE_FULL),
            (Self::Device, Operation::Write { .. }) => Some(ffi::SQLITE_IOERR_WRITE),
            (Self::Device, Operation::Truncate { .. }) => Some(ffi::SQLITE_IOERR_TRUNCATE),
            (Self::Device, Operation::Delete { .. }) => Some(ffi::SQLITE_IOERR_DELETE),
            (_, Operation::Create { .. }) => Some(ffi::SQLITE_CANTOPEN),
            (_, Operation::Sync { .. } | Operation::SyncFailed { .. }) => Some(ffi::SQLITE_IOERR_FSYNC),
        }
    }
}
