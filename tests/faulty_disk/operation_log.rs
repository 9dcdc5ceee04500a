//! All that was done to the files of a disk, in order.

use std::sync::Arc;

/// A file, apart from its name: a name that is deleted and created again is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A change of the disk.
#[derive(Clone, Debug)]
pub enum Operation {
    Create {
        file: FileId,
        name: String,
    },
    Delete {
        name: String,
        directory_too: bool,
    },
    Write {
        file: FileId,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Truncate {
        file: FileId,
        length: usize,
    },
    /// Also makes names durable if the directory was synced with the file.
    Sync {
        file: FileId,
        directory_too: bool,
    },
    /// What of the unsynced writes is on the disk now and forever, the seed says.
    SyncFailed {
        file: FileId,
        seed: u64,
    },
}

/// A line of the log.
#[derive(Clone, Debug)]
pub enum Entry {
    Did(Operation),
    /// Something that the test wants to find again.
    Mark(u64),
}

/// The log, and what was there before its first line.
#[derive(Clone, Debug, Default)]
pub struct OperationLog {
    /// Files that were there, by name, with what they held.
    pub found: Vec<(FileId, String, Vec<u8>)>,
    pub entries: Vec<Entry>,
}

impl OperationLog {
    /// The first file of that name.
    pub fn file_named(&self, name: &str) -> Option<FileId> {
        let found = self.found.iter().find(|(_, found, _)| found == name).map(|(file, ..)| *file);
        found.or_else(|| {
            self.entries.iter().find_map(|entry| match entry {
                Entry::Did(Operation::Create { file, name: created }) if created == name => Some(*file),
                _ => None,
            })
        })
    }
}
