//! Which commits are taken, and what becomes of those that are not.

use super::super::{Commit, Refusal, Status};
use super::Stores;
use super::samples::{after, first, full, must_load, must_take, pending, run_id, set, settled};

pub(super) fn created_twice(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    must_take(&mut *store, std::slice::from_ref(&commit));
    let refusal = Err(Refusal::Exists { run: run_id(1) });
    assert_eq!(store.commit(&[first(run_id(1), "others")]), Ok(vec![refusal]));
    assert_eq!(must_load(&mut *store, run_id(1)).workflow, "orders");
}

pub(super) fn wrong_version(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let conflict = |version, found| Ok(vec![Err(Refusal::Conflict { run: run_id(1), version, found })]);
    let commit = first(run_id(1), "orders");
    let of_version = |version| Commit { version, creates: None, ..commit.clone() };
    assert_eq!(store.commit(&[of_version(2)]), conflict(2, 0));
    assert_eq!(store.commit(&[of_version(1)]), conflict(1, 0));
    must_take(&mut *store, std::slice::from_ref(&commit));
    for version in [0, 3, u64::MAX] {
        assert_eq!(store.commit(&[of_version(version)]), conflict(version, 1));
    }
    must_take(&mut *store, &[of_version(2)]);
    assert_eq!(store.commit(&[of_version(2)]), conflict(2, 2));
    assert_eq!(must_load(&mut *store, run_id(1)).version, 2);
}

pub(super) fn atomic(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let (one, other) = (full(run_id(1)), full(run_id(2)));
    must_take(&mut *store, &[one.clone(), other.clone()]);
    let before = must_load(&mut *store, run_id(1));
    let mut late = after(&one);
    late.version = 7;
    late.replaces = true;
    late.settled = Some(settled(1));
    late.closed = Some("approve".into());
    late.queued = vec![pending(9, "ship", "{}")];
    late.written = vec![set("n", 0, None, "9")];
    late.status = Status::Completed { result: None };
    let mut next = after(&other);
    next.settled = Some(settled(1));
    let mut third = full(run_id(3));
    third.creates = Some("third".into());
    let answers = store.commit(&[late, next, third]).expect("the store takes commits");
    let refusal = Err(Refusal::Conflict { run: run_id(1), version: 7, found: 1 });
    assert_eq!(answers, [refusal, Ok(()), Ok(())]);
    assert_eq!(must_load(&mut *store, run_id(1)), before);
    assert_eq!(must_load(&mut *store, run_id(2)).pending, other.queued[1..]);
    assert_eq!(must_load(&mut *store, run_id(3)).workflow, "third");
}

pub(super) fn one_run_in_a_batch(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commits = vec![first(run_id(1), "orders")];
    for delivery in 1..100 {
        let mut next = after(&commits[commits.len() - 1]);
        next.settled = (delivery > 1).then(|| settled(delivery - 1));
        next.queued = vec![pending(delivery, "charge", &delivery.to_string())];
        next.last_delivery = delivery;
        commits.push(next);
    }
    // One that is refused in the middle refuses those after it, whose versions then follow nothing.
    commits[60].version = 1_000;
    let answers = store.commit(&commits).expect("the store takes commits");
    let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert_eq!((taken, answers.iter().filter(|answer| answer.is_ok()).count()), (60, 60));
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.version, run.pending), (60, vec![pending(59, "charge", "59")]));
}

pub(super) fn empty_batch(stores: &mut dyn Stores) {
    assert_eq!(stores.create().commit(&[]), Ok(Vec::new()));
}
