//! What is too large, and what is remembered.

use super::{Folder, open};
use crate::store::commit::{Added, PendingDelivery, Written};
use crate::store::conformance::samples::{
    after, first, full, must_load, must_take, pending, request, run_id, set, settled,
};
use crate::store::{CheckpointStore, Commit, Refusal, Status};

#[test]
fn a_record_that_is_too_large_refuses_its_commit_and_no_other() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let large = "x".repeat(600);
    let mut commit = full(run_id(1));
    commit.queued[0].event = large.as_str().into();
    must_take(&mut store, &[commit.clone(), first(run_id(2), "orders")]);
    store.longest_record = 500;
    let changes: [fn(&mut Commit, &str); 9] = [
        |commit, large| commit.queued = vec![pending(9, "ship", large)],
        |commit, large| commit.opened = vec![request(large)],
        |commit, large| commit.written = vec![set("large", 9, None, large)],
        |commit, large| commit.written = vec![Written { after: None, ..set("n", 0, Some(large), "") }],
        |commit, large| commit.status = Status::Failed { error: large.to_owned() },
        |commit, _| commit.settled = Some(settled(1)),
        |commit, large| commit.added = vec![Added { delivery: 1, results: large.into() }],
        |commit, large| {
            let added = Some(large.into());
            commit.queued = vec![PendingDelivery { added, ..pending(9, "ship", "{}") }];
        },
        |commit, large| {
            commit.settled = Some(settled(1));
            commit.held = Some(large.into());
        },
    ];
    let before = must_load(&mut store, run_id(1));
    for (version, change) in (2..).zip(changes) {
        let mut too_large = after(&commit);
        change(&mut too_large, &large);
        let mut other = first(run_id(2), "orders");
        (other.version, other.creates) = (version, None);
        let answers = store.commit(&[too_large, other]).unwrap();
        assert!(matches!(answers[..], [Err(Refusal::TooLarge { .. }), Ok(())]), "{answers:?}");
        assert_eq!(must_load(&mut store, run_id(1)), before);
    }
    let mut new = first(run_id(3), "orders");
    new.written = vec![Written { after: None, ..set("n", 0, Some(&large), "") }];
    assert!(matches!(store.commit(&[new]).unwrap()[..], [Err(Refusal::TooLarge { .. })]));
    assert_eq!(store.load(run_id(3)), Ok(None));
}

#[test]
fn a_record_that_would_grow_too_large_refuses_its_commit() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let large = "x".repeat(600);
    let mut commit = full(run_id(1));
    commit.queued = vec![pending(1, "ship", &large), pending(2, "ship", "{}")];
    commit.last_delivery = 2;
    let mut carrying = first(run_id(2), "orders");
    carrying.queued = vec![pending(1, "ship", &large)];
    carrying.last_delivery = 1;
    must_take(&mut store, &[commit.clone(), carrying.clone()]);
    store.longest_record = 1_000;
    let add = |commit: &Commit, delivery| {
        let mut adding = after(commit);
        adding.added = vec![Added { delivery, results: large.as_str().into() }];
        adding
    };
    let mut holding = after(&commit);
    holding.settled = Some(settled(1));
    holding.held = Some(large.as_str().into());
    for too_large in [add(&commit, 1), holding, add(&carrying, 1)] {
        let answers = store.commit(&[too_large]).unwrap();
        assert!(matches!(answers[..], [Err(Refusal::TooLarge { .. })]), "{answers:?}");
    }
    must_take(&mut store, &[add(&commit, 2)]);
}

#[test]
fn only_unfinished_runs_that_were_touched_are_remembered() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    for n in 0..20 {
        let commit = full(run_id(n));
        let mut end = after(&commit);
        end.status = Status::Completed { result: None };
        must_take(&mut store, &[commit, end]);
    }
    must_load(&mut store, run_id(1));
    assert_eq!(store.remembered_runs(), 0);
    must_take(&mut store, &[full(run_id(100))]);
    assert_eq!(store.remembered_runs(), 1);
    store.close().unwrap();
    let mut store = open(&folder.path("orders.db"));
    must_load(&mut store, run_id(100));
    assert_eq!(store.remembered_runs(), 1);
}

#[test]
fn many_runs_are_not_all_remembered() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let created: Vec<_> = (0..50_010).map(|n| first(run_id(n), "orders")).collect();
    must_take(&mut store, &created);
    assert!(store.remembered_runs() < 100);
    must_take(&mut store, &[after(&created[0]), after(&created[50_009])]);
}
