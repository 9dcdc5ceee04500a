//! What is left of a run that has ended.

use super::super::{Status, UnixMillis};
use super::Stores;
use super::samples::{after, first, full, must_load, must_take, pending, request, run_id, set};

/// The ways in which a run ends.
fn endings() -> [Status; 4] {
    let error = "{\"message\":\"no\"}".to_owned();
    [
        Status::Completed { result: None },
        Status::Completed { result: Some("[1, 2]".to_owned()) },
        Status::Failed { error: error.clone() },
        Status::Cancelled { error },
    ]
}

pub(super) fn nothing_left(stores: &mut dyn Stores) {
    let mut store = stores.create();
    for (n, status) in (1..).zip(endings()) {
        let commit = full(run_id(n));
        let mut end = after(&commit);
        end.status = status;
        end.queued = vec![pending(9, "ship", "{}")];
        end.opened = vec![request("late")];
        must_take(&mut *store, &[commit, end]);
        let run = must_load(&mut *store, run_id(n));
        assert!(run.pending.is_empty() && run.waits.is_empty(), "{run:?}");
    }
    let mut at_once = full(run_id(9));
    at_once.status = Status::Completed { result: None };
    must_take(&mut *store, &[at_once]);
    let run = must_load(&mut *store, run_id(9));
    assert!(run.pending.is_empty() && run.waits.is_empty(), "{run:?}");
    assert_eq!(run.finished_at, Some(UnixMillis(1_000)));
}

pub(super) fn outcome_and_state(stores: &mut dyn Stores) {
    let mut store = stores.create();
    for (n, status) in (1..).zip(endings()) {
        let commit = full(run_id(n));
        let mut end = after(&commit);
        end.status = status.clone();
        end.written = vec![set("last", 5, None, "true")];
        must_take(&mut *store, &[commit, end]);
        let run = must_load(&mut *store, run_id(n));
        assert_eq!((run.status, run.state.len()), (status, 3));
        assert_eq!(run.finished_at, Some(UnixMillis(1_010)));
    }
}

pub(super) fn goes_on(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    commit.status = Status::Failed { error: "{}".to_owned() };
    let mut note = after(&commit);
    note.written = vec![set("note", 0, None, "1")];
    must_take(&mut *store, &[commit, note.clone()]);
    assert_eq!(must_load(&mut *store, run_id(1)).finished_at, Some(UnixMillis(1_000)));
    let mut retried = after(&note);
    retried.status = Status::Running;
    retried.queued = vec![pending(1, "charge", "{}")];
    must_take(&mut *store, std::slice::from_ref(&retried));
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.status, run.finished_at, run.pending), (Status::Running, None, retried.queued));
    assert_eq!(store.prune(UnixMillis(i64::MAX), 10, &[]), Ok(0));
}
