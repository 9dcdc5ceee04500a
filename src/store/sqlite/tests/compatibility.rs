//! Files of every version that was ever released must open.
//!
//! Each version has a file in `__test__/fixtures`. The test makes that of a new version, to be committed with it.

use std::path::PathBuf;

use super::super::schema::{MIGRATIONS, newest_version};
use super::{Folder, open, read_only};
use crate::store::commit::Rest;
use crate::store::conformance::samples::{
    after, first, full, must_load, must_take, pending, run_id, set, settled,
};
use crate::store::query::RunOrder;
use crate::store::{CheckpointStore, Commit, RunQuery, Status, StatusKind, StoredRun, UnixMillis};

fn fixture(version: u32) -> PathBuf {
    let name = format!("__test__/fixtures/store-schema-{version}.db");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A run in every status, each with two commits.
fn runs() -> Vec<[Commit; 2]> {
    let error = "{\"message\":\"no\"}".to_owned();
    let statuses = [
        Status::Running,
        Status::Paused,
        Status::Completed { result: Some("{\"ok\":true}".to_owned()) },
        Status::Failed { error: error.clone() },
        Status::Cancelled { error },
    ];
    let run = |(n, status)| {
        let commit = full(run_id(n));
        let mut next = after(&commit);
        next.settled = Some(settled(1));
        next.queued = vec![pending(3, "ship", "{\"type\":\"Charged\"}")];
        next.written = vec![set("n", 0, Some("{ \"n\" : 1e2 }"), "7")];
        next.last_delivery = 3;
        next.rest = match status {
            Status::Running => Rest::Asleep(UnixMillis(70)),
            Status::Paused => Rest::Waiting,
            _ => Rest::Awake,
        };
        next.status = status;
        [commit, next]
    };
    (1..).zip(statuses).map(run).collect()
}

fn make_the_file_of_a_new_version() {
    let path = fixture(newest_version(MIGRATIONS));
    if path.exists() {
        return;
    }
    let mut store = open(&path);
    for commits in runs() {
        must_take(&mut store, &commits);
    }
    store.close().unwrap();
    std::fs::remove_file(path.with_extension("db-lock")).unwrap();
}

#[test]
fn a_file_of_every_version_opens_and_its_runs_go_on() {
    make_the_file_of_a_new_version();
    let mut model = crate::store::MemoryStore::new();
    for commits in runs() {
        must_take(&mut model, &commits);
    }
    for version in 1..=newest_version(MIGRATIONS) {
        let folder = Folder::new();
        let path = folder.path("orders.db");
        std::fs::copy(fixture(version), &path).unwrap();
        if version == newest_version(MIGRATIONS) {
            assert_eq!(must_load(&mut read_only(&path).unwrap(), run_id(1)).version, 2);
        }
        let mut store = open(&path);
        let mut expected = |version, run| {
            let run = must_load(&mut model, run);
            // Files of version 1 know neither.
            if version == 1 { StoredRun { parent: None, code: None, ..run } } else { run }
        };
        for [commit, _] in runs() {
            assert_eq!(
                must_load(&mut store, commit.run),
                expected(version, commit.run),
                "schema version {version}"
            );
        }
        for [commit, _] in runs() {
            assert_eq!(store.history(commit.run), model.history(commit.run), "schema version {version}");
        }
        for status in StatusKind::ALL {
            let order = RunOrder::OldestFirst;
            let query = RunQuery { workflow: None, status: Some(status), order, after: None, limit: 10 };
            let mut expected = model.runs(&query).unwrap();
            if version == 1 {
                expected.runs.iter_mut().for_each(|run| run.parent = None);
            }
            if version < 3 {
                expected.runs.iter_mut().for_each(|run| run.rest = Rest::Awake);
            }
            assert_eq!(store.runs(&query), Ok(expected), "schema version {version}");
        }
        must_take(&mut store, &[after(&runs()[0][1]), first(run_id(9), "orders")]);
    }
}
