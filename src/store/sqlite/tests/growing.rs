//! How large a file becomes, and how small again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::{Folder, open};
use crate::StateValue;
use crate::store::commit::Written;
use crate::store::conformance::samples::{after, first, full, must_take, pending, run_id, set, settled};
use crate::store::{CheckpointStore, Commit, Status, UnixMillis};

const VALUE: usize = 1_024;

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// A step that settles one delivery, queues one, and adds a value.
fn step(before: &Commit) -> Commit {
    let number = before.version;
    let mut commit = after(before);
    commit.settled = (number > 1).then(|| settled(number - 1));
    commit.queued =
        vec![pending(number, "charge", &format!("{{\"type\":\"Charged\",\"number\":{number:05}}}"))];
    commit.last_delivery = number;
    let value = StateValue::Json(format!("\"{}\"", "v".repeat(VALUE - 2)));
    commit.written = vec![Written { after: Some(value), ..set(&format!("key {number}"), number, None, "") }];
    commit
}

#[test]
fn a_file_grows_with_what_is_in_it_and_not_faster() {
    let folder = Folder::new();
    let empty = folder.path("empty.db");
    open(&empty).close().unwrap();
    for steps in [100_u32, 1_000, 10_000] {
        let path = folder.path(&format!("{steps}.db"));
        let mut store = open(&path);
        let mut commits = vec![first(run_id(1), "orders")];
        for _ in 0..steps {
            commits.push(step(&commits[commits.len() - 1]));
        }
        for batch in commits.chunks(500) {
            must_take(&mut store, batch);
        }
        store.close().unwrap();
        let data: usize = commits.iter().map(|commit| VALUE * commit.written.len() + events(commit)).sum();
        let grown = size(&path) - size(&empty);
        println!("{steps} steps: {grown} bytes for {data}, {} of an empty store", size(&empty));
        assert!(grown * 2 <= data as u64 * 3, "{steps} steps: {grown} bytes for {data}");
    }
}

fn events(commit: &Commit) -> usize {
    commit.queued.iter().map(|pending| pending.event.len()).sum()
}

#[test]
fn pruning_gives_the_space_back() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    for n in 0..50 {
        let mut commits = vec![full(run_id(n))];
        for _ in 0..40 {
            commits.push(step(&commits[commits.len() - 1]));
        }
        // Every other run stays.
        let last = commits.len() - 1;
        if n % 2 == 0 {
            commits[last].status = Status::Completed { result: None };
        }
        must_take(&mut store, &commits);
    }
    store.close().unwrap();
    let mut store = open(&path);
    let full_size = size(&path);
    assert_eq!(store.prune(UnixMillis(i64::MAX), 10, &[]), Ok(10));
    let smaller = size(&path);
    assert_eq!(store.prune(UnixMillis(i64::MAX), 1_000, &[]), Ok(15));
    assert_eq!(size(&folder.path("orders.db-wal")), 0);
    let smallest = size(&path);
    println!("{full_size}, {smaller}, {smallest}");
    assert!(
        smaller < full_size * 9 / 10 && smallest < full_size * 2 / 3,
        "{full_size}, {smaller}, {smallest}"
    );
}

#[test]
fn nobody_waits_for_whoever_reads() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    for n in 0..12 {
        let mut ended = full(run_id(n));
        ended.status = Status::Completed { result: None };
        must_take(&mut store, &[ended]);
    }
    let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = || reader.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 12);
    let began = Instant::now();
    for _ in 0..6 {
        assert_eq!(store.prune(UnixMillis(i64::MAX), 1, &[]), Ok(1));
        store.close().unwrap();
        store = open(&path);
    }
    // To wait at each of these for as long as for somebody who writes would take a minute.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(count(), 12, "it reads what was there when it began");
}
