//! The streams of runs.

use std::sync::Arc;

use super::super::{CheckpointStore, Commit, Refusal, Status, StoreError, UnixMillis};
use super::Stores;
use super::samples::{after, first, must_load, must_take, run_id};

/// Events that say where they stand.
fn events(from: u64, to: u64) -> Vec<Arc<str>> {
    (from..to).map(|n| format!("{{\"n\":{n}}}").into()).collect()
}

fn streaming(commit: Commit, streamed: Vec<Arc<str>>) -> Commit {
    Commit { streamed, ..commit }
}

#[track_caller]
fn must_have(store: &mut dyn CheckpointStore, n: u128, expected: &[Arc<str>]) {
    assert_eq!(store.stream(run_id(n), 0, 1_000), Ok(Some(expected.to_vec())));
    assert_eq!(must_load(store, run_id(n)).streamed, expected.len() as u64);
}

pub(super) fn in_order(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let one = streaming(first(run_id(1), "orders"), events(0, 2));
    let other = streaming(first(run_id(2), "orders"), events(0, 1));
    let silent = after(&one);
    let next = streaming(after(&silent), events(2, 12));
    must_take(&mut *store, &[one, other, silent, next]);
    must_have(&mut *store, 1, &events(0, 12));
    must_have(&mut *store, 2, &events(0, 1));
    must_take(&mut *store, &[first(run_id(3), "orders")]);
    must_have(&mut *store, 3, &[]);
    assert_eq!(store.stream(run_id(4), 0, 10), Ok(None), "of a run that is not there");
}

pub(super) fn pages(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = streaming(first(run_id(1), "orders"), events(0, 300));
    must_take(&mut *store, &[commit, streaming(first(run_id(2), "orders"), events(0, 3))]);
    for (from, at_most, to) in [(0, 1, 1), (0, 7, 7), (255, 10, 265), (290, 100, 300), (299, 1, 300)] {
        assert_eq!(store.stream(run_id(1), from, at_most), Ok(Some(events(from, to))));
    }
    for (from, at_most) in [(300, 10), (301, 10), (u64::MAX, usize::MAX), (0, 0)] {
        assert_eq!(store.stream(run_id(1), from, at_most), Ok(Some(Vec::new())), "{at_most} from {from}");
    }
}

pub(super) fn exact_events(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let large = format!("\"{}\"", "é".repeat(1 << 19));
    let texts = ["{ \"n\" : 1e2 }", "{\"\u{0}\":\"\\ud800\"}", "\"\u{1F600}\"", "null", &large];
    let texts = texts.map(Arc::from).to_vec();
    must_take(&mut *store, &[streaming(first(run_id(1), "orders"), texts.clone())]);
    for (from, text) in (0..).zip(&texts) {
        assert!(store.stream(run_id(1), from, 1) == Ok(Some(vec![text.clone()])), "at {from}");
    }
    // Large events come in pages of their own, if the driver likes.
    must_take(&mut *store, &[streaming(first(run_id(2), "orders"), vec![texts[4].clone(); 20])]);
    let mut read = 0;
    while read < 20 {
        let page =
            store.stream(run_id(2), read, 100).expect("the store gives streams").expect("the run is there");
        assert!(!page.is_empty() && page.iter().all(|event| *event == texts[4]), "from {read}");
        read += page.len() as u64;
    }
    assert_eq!(read, 20);
}

pub(super) fn atomic(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = streaming(first(run_id(1), "orders"), events(0, 1));
    must_take(&mut *store, std::slice::from_ref(&commit));
    let next = streaming(after(&commit), events(1, 2));
    let answers = store.commit(&[next.clone(), next.clone(), streaming(after(&next), events(2, 3))]);
    let refusal = Err(Refusal::Conflict { run: run_id(1), version: 2, found: 2 });
    assert_eq!(answers, Ok(vec![Ok(()), refusal, Ok(())]));
    must_have(&mut *store, 1, &events(0, 3));
}

pub(super) fn outlasting(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = streaming(first(run_id(1), "orders"), events(0, 2));
    let replacing = Commit { replaces: true, ..streaming(after(&commit), events(2, 3)) };
    let status = Status::Failed { error: "{}".to_owned() };
    let end = Commit { status, ..streaming(after(&replacing), events(3, 4)) };
    let again = Commit { status: Status::Running, ..streaming(after(&end), events(4, 5)) };
    must_take(&mut *store, &[commit, replacing, end]);
    must_have(&mut *store, 1, &events(0, 4));
    must_take(&mut *store, &[again]);
    must_have(&mut *store, 1, &events(0, 5));
}

pub(super) fn pruned(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let ended = Status::Completed { result: None };
    let end = Commit { status: ended, ..streaming(first(run_id(1), "orders"), events(0, 9)) };
    must_take(&mut *store, &[end, streaming(first(run_id(2), "orders"), events(0, 2))]);
    assert_eq!(store.prune(UnixMillis(i64::MAX), 10, &[]), Ok(1));
    assert_eq!(store.stream(run_id(1), 0, 10), Ok(None));
    must_take(&mut *store, &[streaming(first(run_id(1), "orders"), events(0, 1))]);
    must_have(&mut *store, 1, &events(0, 1));
    must_have(&mut *store, 2, &events(0, 2));
}

pub(super) fn reopened(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = streaming(first(run_id(1), "orders"), events(0, 3));
    must_take(&mut *store, std::slice::from_ref(&commit));
    assert_eq!(store.close(), Ok(()));
    assert_eq!(store.stream(run_id(1), 0, 10), Err(StoreError::Closed));
    let Some(mut store) = stores.reopen() else { return };
    must_have(&mut *store, 1, &events(0, 3));
    must_take(&mut *store, &[streaming(after(&commit), events(3, 4))]);
    must_have(&mut *store, 1, &events(0, 4));
}
