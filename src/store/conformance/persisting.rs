//! What a store is after it was closed.

use super::super::query::RunOrder;
use super::super::{Refusal, RunQuery, Status, StoreError, UnixMillis};
use super::Stores;
use super::samples::{after, first, full, must_load, must_take, pending, run_id, settled};

fn all() -> RunQuery {
    RunQuery { workflow: None, status: None, order: RunOrder::NewestFirst, after: None, limit: 10 }
}

pub(super) fn reopened(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut ended = full(run_id(2));
    ended.status = Status::Completed { result: Some("1".to_owned()) };
    must_take(&mut *store, &[commit.clone(), ended]);
    let before = (store.load(run_id(1)), store.load(run_id(2)), store.history(run_id(1)), store.runs(&all()));
    assert_eq!(store.close(), Ok(()));
    let Some(mut store) = stores.reopen() else { return };
    let found = (store.load(run_id(1)), store.load(run_id(2)), store.history(run_id(1)), store.runs(&all()));
    assert_eq!(found, before);
    let again = store.commit(std::slice::from_ref(&commit));
    assert_eq!(again, Ok(vec![Err(Refusal::Exists { run: run_id(1) })]));
    let mut next = after(&commit);
    next.settled = Some(settled(1));
    next.queued = vec![pending(3, "ship", "{}")];
    must_take(&mut *store, &[next]);
    assert_eq!(must_load(&mut *store, run_id(1)).pending.len(), 2);
    assert_eq!(store.close(), Ok(()));
    let mut store = stores.reopen().expect("a store that was opened again can be once more");
    assert_eq!(must_load(&mut *store, run_id(1)).version, 2);
}

pub(super) fn closed(stores: &mut dyn Stores) {
    let mut store = stores.create();
    must_take(&mut *store, &[first(run_id(1), "orders")]);
    assert_eq!(store.close(), Ok(()));
    assert_eq!(store.close(), Err(StoreError::Closed));
    assert_eq!(store.commit(&[]), Err(StoreError::Closed));
    assert_eq!(store.load(run_id(1)), Err(StoreError::Closed));
    assert_eq!(store.history(run_id(1)), Err(StoreError::Closed));
    assert_eq!(store.runs(&all()), Err(StoreError::Closed));
    assert_eq!(store.prune(UnixMillis(0), 1, &[]), Err(StoreError::Closed));
}
