//! What SQLite reports, in the words of a store.

use std::path::Path;

use rusqlite::ErrorCode;
use uuid::Uuid;

use super::super::StoreError;
use super::seal::Table;

/// Why a call failed, before it is known for which file.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// A record is not what was written.
    Damaged(String),
    /// The owner's number in the file is not ours any more.
    TakenOver,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    pub(super) fn damaged(table: Table, run: Uuid, what: &str) -> Self {
        Self::Damaged(format!("run {run}, table {}: {what}", table.name()))
    }

    /// Whether the disk or the network failed, so that what the connection holds in memory proves nothing.
    pub(super) fn is_of_the_device(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::SystemIoFailure))
    }

    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Damaged(_) | Self::TakenOver => None,
        }
    }

    pub(super) fn into_store_error(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        let code = self.code();
        let error = match self {
            Self::TakenOver => return StoreError::TakenOver { path },
            Self::Damaged(reason) => return StoreError::Corrupt { path, reason },
            Self::Sqlite(error) => error,
        };
        let reason = error.to_string();
        // Our statements fit our tables.
        if matches!(error, rusqlite::Error::SqlInputError { .. }) {
            return StoreError::Corrupt { path, reason };
        }
        match code {
            Some(ErrorCode::DiskFull) => StoreError::Full { path, reason },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { path, reason },
            Some(ErrorCode::CannotOpen) => StoreError::CannotOpen { path, reason },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                StoreError::Corrupt { path, reason }
            }
            // Whoever writes to the file by hand, past the lock beside it.
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::Locked { path, owner: None }
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => StoreError::Io { path, reason },
            // What SQLite has no better word for, such as a format that it does not know.
            Some(ErrorCode::Unknown) => StoreError::Corrupt { path, reason },
            _ => StoreError::Broken(format!("{}: {reason}", path.display())),
        }
    }
}
