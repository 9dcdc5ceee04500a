//! Opening a file: for running, with a lock, or for reading.
//!
//! It costs nothing that grows with the file. A file that cannot be opened stays as it was, and one that was not there
//! is not there afterwards.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::super::StoreError;
use super::failure::Failure;
use super::owner_lock::{NotLocked, OwnerLock};
use super::place::Place;
use super::pruning::write_log_back;
use super::schema::{APPLICATION_ID, MIGRATIONS, migrate, newest_version};
use super::store::SqliteOptions;

/// How long to wait for somebody who writes to the file by hand.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Pages of the log after which a commit writes them back into the file.
const LOG_PAGES: u32 = 4_000;

/// To how many bytes the log is cut after a transaction that made it large.
const LOG_BYTES_KEPT: u32 = 64 * 1024 * 1024;

/// Measured: with pages of 8,192 bytes a lone commit is a fifth slower and an empty store twice as large, while a full
/// one is a seventh smaller.
const PAGE_BYTES: u32 = 4_096;

/// A file that is open for running.
pub(super) struct Owned {
    pub(super) connection: Connection,
    pub(super) lock: OwnerLock,
    pub(super) epoch: i64,
}

/// Opens a file for running, makes it if it is not there, and brings it up to date.
pub(super) fn open_to_run(place: &Place, options: &SqliteOptions) -> Result<Owned, StoreError> {
    place.refuse_single_byte()?;
    let lock = lock(place)?;
    let existed = place.exists();
    let opened = connect_to_run(place, options).and_then(|(mut connection, found)| {
        if found < newest_version(MIGRATIONS) {
            migrate(&mut connection, found, MIGRATIONS)
                .map_err(|error| Failure::from(error).into_store_error(&place.given))?;
        }
        // What a crash has left in the log was perhaps never on the disk, only in the memory of the system: no new
        // commit may depend on it.
        write_log_back(&connection).map_err(|error| error.into_store_error(&place.given))?;
        let epoch = raise_epoch(&mut connection).map_err(|error| error.into_store_error(&place.given))?;
        Ok((connection, epoch))
    });
    match opened {
        Ok((connection, epoch)) => Ok(Owned { connection, lock, epoch }),
        Err(error) => {
            if !existed {
                place.remove_files();
            }
            lock.undo();
            Err(error)
        }
    }
}

/// Connects to a file for running, whose lock is held, and says which version its schema has: 0 if there is none yet.
pub(super) fn connect_to_run(
    place: &Place,
    options: &SqliteOptions,
) -> Result<(Connection, u32), StoreError> {
    let in_words = |error: Failure| error.into_store_error(&place.given);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = connect(place.file(), flags, options).map_err(in_words)?;
    let found = match version(&connection).map_err(in_words)? {
        Version::Schema(found) => found,
        Version::Empty => {
            lay_out(&connection).map_err(|error| in_words(error.into()))?;
            0
        }
    };
    refuse_newer(place, found)?;
    let mode = keep_a_log(&connection).map_err(|error| in_words(error.into()))?;
    if mode != "wal" {
        return Err(place.cannot_open("its file system has no shared memory, which SQLite's log needs"));
    }
    Ok((connection, found))
}

/// What can only be chosen for an empty file.
fn lay_out(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// The answer comes before the file is changed: only who asks for the next row is told when that fails.
fn switch_to_a_log(connection: &Connection) -> Result<String, rusqlite::Error> {
    let mut pragma = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = pragma.raw_query();
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

fn keep_a_log(connection: &Connection) -> Result<String, rusqlite::Error> {
    let mode = switch_to_a_log(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS, writing to the disk's own cache is not enough; elsewhere these do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    Ok(mode)
}

/// Opens a file for reading. It may be open for running elsewhere.
pub(super) fn open_to_read(place: &Place, options: &SqliteOptions) -> Result<Connection, StoreError> {
    if !place.exists() {
        return Err(place.cannot_open("it is not there"));
    }
    place.refuse_single_byte()?;
    let found = match connect_to_read(place, options) {
        // To read its log, SQLite makes a file beside it. Without a log it need not, if nobody writes, and where
        // that file cannot be made nobody does.
        Err(failure) if is_of_the_folder(&failure) && !place.has_log() => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            connect(place.immutable_uri(), flags, options).and_then(with_version)
        }
        found => found,
    };
    let (connection, version) = found.map_err(|error| error.into_store_error(&place.given))?;
    match version {
        Version::Empty => Err(place.cannot_open("it is empty: nothing was stored in it yet")),
        Version::Schema(found) if found < newest_version(MIGRATIONS) => {
            let reason = format!("it has the older schema version {found}; open it for running once");
            Err(place.cannot_open(&reason))
        }
        Version::Schema(found) => refuse_newer(place, found).map(|()| connection),
    }
}

fn connect_to_read(place: &Place, options: &SqliteOptions) -> Result<(Connection, Version), Failure> {
    connect(place.file(), OpenFlags::SQLITE_OPEN_READ_ONLY, options).and_then(with_version)
}

fn with_version(connection: Connection) -> Result<(Connection, Version), Failure> {
    let version = version(&connection)?;
    Ok((connection, version))
}

fn is_of_the_folder(failure: &Failure) -> bool {
    matches!(failure.code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn connect(
    file: impl AsRef<std::path::Path>,
    flags: OpenFlags,
    options: &SqliteOptions,
) -> Result<Connection, Failure> {
    // The driver is called by one thread at a time, so SQLite need not guard against more.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match options.vfs.as_deref() {
        None => Connection::open_with_flags(file, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(file, flags, vfs)?,
    };
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise a statement is compiled anew whenever it is bound to other values, which might suit another plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn lock(place: &Place) -> Result<OwnerLock, StoreError> {
    let path = place.lock_file();
    OwnerLock::acquire(&path).map_err(|error| match error {
        NotLocked::Held { owner } => StoreError::Locked { path: place.given.clone(), owner },
        NotLocked::Failed(error) => place.error_beside(&path, &error),
    })
}

/// What is in a file.
enum Version {
    Empty,
    Schema(u32),
}

fn version(connection: &Connection) -> Result<Version, Failure> {
    let is_empty: bool =
        connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (is_empty, application, u32::try_from(version)) {
        (true, 0, Ok(0)) => Ok(Version::Empty),
        (false, APPLICATION_ID, Ok(version @ 1..)) => Ok(Version::Schema(version)),
        _ => Err(Failure::Damaged("it is an SQLite database, but not a store of blazen".to_owned())),
    }
}

fn refuse_newer(place: &Place, found: u32) -> Result<(), StoreError> {
    let known = newest_version(MIGRATIONS);
    if found <= known {
        return Ok(());
    }
    Err(StoreError::NewerSchema { path: place.given.clone(), found, known })
}

fn raise_epoch(connection: &mut Connection) -> Result<i64, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let raised: Option<i64> = transaction
        .query_row(
            "UPDATE meta SET value = value + 1 WHERE name = 'owner_epoch' RETURNING value",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let epoch = raised.ok_or_else(|| Failure::Damaged("table meta has no owner_epoch".to_owned()))?;
    transaction.commit()?;
    Ok(epoch)
}
