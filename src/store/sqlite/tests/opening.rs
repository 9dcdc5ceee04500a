//! What can be opened, what cannot, and that nothing is left behind.

use std::fs;

use rusqlite::{Connection, StatementStatus};

use super::super::SqliteOptions;
use super::super::opening::connect_to_run;
use super::super::place::Place;
use super::super::schema::APPLICATION_ID;
use super::{Folder, open, read_only, try_open};
use crate::store::conformance::samples::{after, first, full, must_load, must_take, run_id};
use crate::store::{CheckpointStore, StoreError, UnixMillis};

#[test]
fn a_new_file_has_a_lock_beside_it_and_after_closing_nothing_more() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    must_take(&mut store, &[first(run_id(1), "orders")]);
    store.close().unwrap();
    assert_eq!(folder.names(), ["orders.db", "orders.db-lock"]);
}

#[test]
fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    open(&path).close().unwrap();
    let place = Place::find(&path).unwrap();
    let (connection, _) = connect_to_run(&place, &SqliteOptions::default()).unwrap();
    let select = || connection.prepare_cached("SELECT key FROM state WHERE run = ?1 ORDER BY place").unwrap();
    for run in 1..=3 {
        assert!(!select().exists([run]).unwrap());
    }
    assert_eq!(select().get_status(StatementStatus::RePrepare), 0);
}

#[test]
fn an_empty_file_is_a_new_store() {
    let folder = Folder::new();
    fs::write(folder.path("orders.db"), "").unwrap();
    must_take(&mut open(&folder.path("orders.db")), &[first(run_id(1), "orders")]);
}

#[test]
fn a_creation_that_was_cut_short_is_completed() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL").unwrap();
    drop(connection);
    assert!(fs::metadata(&path).unwrap().len() > 0);
    assert!(matches!(read_only(&path).err(), Some(StoreError::CannotOpen { .. })));
    must_take(&mut open(&path), &[first(run_id(1), "orders")]);
}

#[test]
fn what_is_no_database_is_refused_and_stays_as_it_was() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    for content in ["x", "SQLite format", "This is a letter, and no database at all.\n"] {
        fs::write(&path, content).unwrap();
        for error in [try_open(&path).err(), read_only(&path).err()] {
            assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{error:?}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(folder.names(), ["orders.db"]);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_stays_as_it_was() {
    let folder = Folder::new();
    let path = folder.path("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE runs (id)").unwrap();
    let before = fs::read(&path).unwrap();
    for error in [try_open(&path).err(), read_only(&path).err()] {
        assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{error:?}");
    }
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(folder.names(), ["other.db"]);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_stays_as_it_was() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    open(&path).close().unwrap();
    fs::remove_file(folder.path("orders.db-lock")).unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let before = fs::read(&path).unwrap();
    let newer = StoreError::NewerSchema { path: path.clone(), found: 7, known: 3 };
    assert_eq!(try_open(&path).err(), Some(newer.clone()));
    assert_eq!(folder.names(), ["orders.db"]);
    assert_eq!(read_only(&path).err(), Some(newer));
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_file_of_an_older_version_is_only_read_after_it_was_opened_for_running() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE runs (id)").unwrap();
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    drop(connection);
    // There has been no version 0, so this is no store either.
    assert!(matches!(read_only(&path).err(), Some(StoreError::Corrupt { .. })));
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    for n in 0..50 {
        must_take(&mut store, &[full(run_id(n))]);
    }
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [20, 90, 600, 4_096, whole.len() / 2, whole.len() - 5_000] {
        fs::write(&path, &whole[..length]).unwrap();
        for error in [try_open(&path).err(), read_only(&path).err()] {
            assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{length}: {error:?}");
        }
        assert_eq!(fs::read(&path).unwrap().len(), length);
    }
}

#[test]
fn a_path_that_can_be_no_file_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder.db")).unwrap();
    fs::write(folder.path("file"), "").unwrap();
    let paths = ["folder.db", "missing/orders.db", "file/orders.db", "..", ""].map(|name| folder.path(name));
    for path in paths.into_iter().chain([":memory:".into(), "".into(), "/".into(), "a\0b".into()]) {
        for error in [try_open(&path).err(), read_only(&path).err()] {
            assert!(matches!(error, Some(StoreError::CannotOpen { .. })), "{path:?}: {error:?}");
        }
    }
    assert_eq!(folder.names(), ["file", "folder.db"]);
}

#[cfg(unix)] // elsewhere there are no such names
#[test]
fn names_are_taken_as_they_are() {
    let folder = Folder::new();
    for name in ["file:a.db?mode=memory", "ü b%41.db", "-wal", "a'b\"c"] {
        let mut store = open(&folder.path(name));
        must_take(&mut store, &[first(run_id(1), "orders")]);
        store.close().unwrap();
        assert!(folder.path(name).is_file(), "{name}");
        must_load(&mut read_only(&folder.path(name)).unwrap(), run_id(1));
    }
}

#[test]
fn reading_only_changes_nothing_and_goes_on_beside_an_owner() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    assert!(matches!(read_only(&path).err(), Some(StoreError::CannotOpen { .. })));
    assert!(folder.names().is_empty());
    let mut store = open(&path);
    let commit = full(run_id(1));
    must_take(&mut store, std::slice::from_ref(&commit));
    let mut reader = read_only(&path).unwrap();
    assert_eq!(must_load(&mut reader, run_id(1)).version, 1);
    must_take(&mut store, &[after(&commit)]);
    assert_eq!(must_load(&mut reader, run_id(1)).version, 2);
    assert!(matches!(reader.commit(&[after(&commit)]), Err(StoreError::ReadOnly { .. })));
    assert!(matches!(reader.prune(UnixMillis(0), 1, &[]), Err(StoreError::ReadOnly { .. })));
    store.close().unwrap();
    assert_eq!(must_load(&mut reader, run_id(1)).version, 2);
}

#[test]
fn a_failed_creation_leaves_no_files() {
    let folder = Folder::new();
    let options = super::SqliteOptions { vfs: Some("there is none".to_owned()), ..Default::default() };
    super::SqliteStore::open(&folder.path("orders.db"), options).err().unwrap();
    assert!(folder.names().is_empty());
}
