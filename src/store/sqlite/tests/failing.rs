//! A device that is full, or fails. What a device can do to a file at every instant is tried elsewhere, by a VFS.

use super::{Folder, open, try_open};
use crate::store::conformance::samples::{after, first, full, must_load, must_take, run_id, set};
use crate::store::{CheckpointStore, StoreError};

#[test]
fn a_full_disk_takes_nothing_of_a_batch_and_all_of_it_when_there_is_space() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let commit = full(run_id(1));
    must_take(&mut store, std::slice::from_ref(&commit));
    let pages: u32 = store.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection().pragma_update(None, "max_page_count", pages).unwrap();
    let small = after(&commit);
    let mut large = after(&small);
    large.written = vec![set("large", 9, None, &format!("\"{}\"", "x".repeat(20_000)))];
    let batch = [first(run_id(2), "orders"), small, large];
    assert!(matches!(store.commit(&batch), Err(StoreError::Full { .. })));
    assert_eq!(store.remembered_runs(), 0);
    assert_eq!(must_load(&mut store, run_id(1)).version, 1);
    assert_eq!(store.load(run_id(2)), Ok(None));
    store.connection().pragma_update(None, "max_page_count", 1_000_000).unwrap();
    must_take(&mut store, &batch);
    assert_eq!(must_load(&mut store, run_id(1)).version, 3);
}

#[test]
fn after_a_failure_of_the_device_the_file_is_opened_again_under_the_same_lock() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    let commit = full(run_id(1));
    must_take(&mut store, std::slice::from_ref(&commit));
    store.suspect();
    assert!(matches!(try_open(&path).err(), Some(StoreError::Locked { .. })));
    must_take(&mut store, &[after(&commit)]);
    store.suspect();
    assert_eq!(must_load(&mut store, run_id(1)).version, 2);
    store.suspect();
    store.close().unwrap();
    assert_eq!(must_load(&mut open(&path), run_id(1)).version, 2);
}
