//! Commits to check with.

use uuid::Uuid;

use super::super::commit::{Code, Parent, PendingDelivery, Settled, Wait, WaitKind, Written};
use super::super::{CheckpointStore, Commit, StoredRun, UnixMillis};
use crate::{ExactString, StateValue};

/// The `n`th run.
pub(in crate::store) fn run_id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// The commit that creates a run and changes nothing else.
pub(in crate::store) fn first(run: Uuid, workflow: &str) -> Commit {
    Commit { creates: Some(workflow.into()), ..Commit::of_nothing(run, 1, UnixMillis(1_000)) }
}

/// A commit that changes nothing, to the run as it is after `commit`.
pub(in crate::store) fn after(commit: &Commit) -> Commit {
    let mut next = Commit::of_nothing(commit.run, commit.version + 1, UnixMillis(commit.at.0 + 10));
    next.status.clone_from(&commit.status);
    next.last_delivery = commit.last_delivery;
    next.time_remaining = commit.time_remaining;
    next
}

pub(in crate::store) fn pending(delivery: u64, step: &str, event: &str) -> PendingDelivery {
    PendingDelivery::emitted(delivery, step.into(), "Charged".into(), event.into())
}

pub(in crate::store) fn settled(delivery: u64) -> Settled {
    Settled { delivery, began: UnixMillis(990), attempt: 1 }
}

pub(in crate::store) fn request(id: &str) -> Wait {
    let event = format!("{{\"id\":\"{id}\"}}").into();
    Wait { id: id.into(), kind: WaitKind::Input, event, due: None, expiry: None }
}

/// A JSON value under a key.
pub(in crate::store) fn set(key: &str, place: u64, before: Option<&str>, after: &str) -> Written {
    Written {
        key: key.into(),
        place,
        before: before.map(|json| StateValue::Json(json.to_owned())),
        after: Some(StateValue::Json(after.to_owned())),
    }
}

pub(in crate::store) fn taken_out(key: &str, place: u64, before: &str) -> Written {
    Written { after: None, ..set(key, place, Some(before), "") }
}

/// Commits that must be taken, all of them.
#[track_caller]
pub(in crate::store) fn must_take(store: &mut dyn CheckpointStore, batch: &[Commit]) {
    let answers = store.commit(batch).expect("the store takes commits");
    assert_eq!(answers, vec![Ok(()); batch.len()]);
}

/// A run that must be there.
#[track_caller]
pub(in crate::store) fn must_load(store: &mut dyn CheckpointStore, run: Uuid) -> StoredRun {
    store.load(run).expect("the store loads runs").expect("the run is there")
}

pub(in crate::store) fn keys(run: &StoredRun) -> Vec<&ExactString> {
    run.state.iter().map(|stored| &stored.key).collect()
}

/// A commit with something in every part of it.
pub(in crate::store) fn full(run: Uuid) -> Commit {
    let mut commit = first(run, "orders");
    commit.parent = Some(Parent { run: run_id(0), depth: 2 });
    commit.code = Some(Code { version: "7".into(), steps: "[ ]".into() });
    commit.queued = vec![pending(1, "charge", "{\"a\": 1.50}"), pending(2, "audit", "{}")];
    commit.queued[1].attempt = 3;
    commit.queued[1].sent = 2;
    commit.opened = vec![request("approve"), request("sign")];
    let bytes = Written { after: Some(StateValue::Bytes(vec![0, 255, 10])), ..set("blob", 1, None, "") };
    commit.written = vec![set("n", 0, None, "{ \"n\" : 1e2 }"), bytes];
    commit.last_delivery = 2;
    commit.time_remaining = Some(60_000);
    commit
}
