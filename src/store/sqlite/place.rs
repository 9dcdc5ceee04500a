//! Where a store's files are.
//!
//! SQLite is always given an absolute path without links, so that whoever opens the same file meets the same lock.
//! Nothing but SQLite ever opens the file itself: on Unix, closing it would give up the locks that SQLite holds on it
//! anywhere in this process.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::super::StoreError;

/// What SQLite and this driver put beside the file, by the end of the name.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that may be there or not, in a folder that is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// As it was asked for, for messages.
    pub(super) given: PathBuf,
    file: PathBuf,
}

impl Place {
    /// Looks at what is there.
    pub(super) fn find(given: &Path) -> Result<Self, StoreError> {
        let cannot_open =
            |reason: &str| StoreError::CannotOpen { path: given.to_owned(), reason: reason.to_owned() };
        if given.as_os_str() == ":memory:" {
            return Err(cannot_open("SQLite's :memory: would not be durable; use a MemoryStore"));
        }
        let Some(name) = given.file_name() else { return Err(cannot_open("the path names no file")) };
        let file = match fs::canonicalize(given) {
            Ok(file) if file.is_dir() => return Err(cannot_open("it is a directory")),
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if given.is_symlink() {
                    return Err(cannot_open("it is a link to a file that is not there"));
                }
                folder_of(given).map_err(|error| cannot_open(&format!("its folder: {error}")))?.join(name)
            }
            Err(error) => return Err(cannot_open(&error.to_string())),
        };
        Ok(Self { given: given.to_owned(), file })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.beside("-lock")
    }

    pub(super) fn exists(&self) -> bool {
        self.file.exists()
    }

    /// Whether there is a log of commits that may not be in the file yet.
    pub(super) fn has_log(&self) -> bool {
        fs::metadata(self.beside("-wal")).is_ok_and(|log| log.len() > 0)
    }

    /// Takes away what a failed creation has left.
    pub(super) fn remove_files(&self) {
        for end in BESIDE {
            let _was_not_there = fs::remove_file(self.beside(end));
        }
        let _was_not_there = fs::remove_file(&self.file);
    }

    /// SQLite takes a file of one byte for an empty one, and would write over it.
    pub(super) fn refuse_single_byte(&self) -> Result<(), StoreError> {
        if fs::metadata(&self.file).is_ok_and(|file| file.len() == 1) {
            let reason = "it is not a database".to_owned();
            return Err(StoreError::Corrupt { path: self.given.clone(), reason });
        }
        Ok(())
    }

    pub(super) fn cannot_open(&self, reason: &str) -> StoreError {
        StoreError::CannotOpen { path: self.given.clone(), reason: reason.to_owned() }
    }

    /// What happened to a file beside it.
    pub(super) fn error_beside(&self, beside: &Path, error: &io::Error) -> StoreError {
        let (path, reason) = (self.given.clone(), format!("{}: {error}", beside.display()));
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { path, reason }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path, reason },
            _ => StoreError::CannotOpen { path, reason },
        }
    }

    /// The file as a URI that tells SQLite that nobody will change it.
    pub(super) fn immutable_uri(&self) -> String {
        let mut uri = "file:".to_owned();
        for byte in self.file.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                    uri.push(char::from(*byte));
                }
                _ => {
                    let _infallible = write!(uri, "%{byte:02x}");
                }
            }
        }
        uri.push_str("?immutable=1");
        uri
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut path = OsString::from(&self.file);
        path.push(end);
        path.into()
    }
}

fn folder_of(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::canonicalize(folder.unwrap_or(Path::new(".")))
}
