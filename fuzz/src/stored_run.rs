//! Whatever a store might give as a run: it is refused, or goes on, and what it then changes can be stored.

use std::sync::{Arc, LazyLock};

use blazen::durable::at_rest;
use blazen::engine::{Definition, Durability, RunOptions};
use blazen::store::commit::{PendingDelivery, Wait, WaitKind, Written};
use blazen::store::stored_run::StoredValue;
use blazen::store::{CheckpointStore, Commit, MemoryStore, Status, StoredRun, UnixMillis};
use blazen::{ExactString, StateValue};
use uuid::Uuid;

use super::bytes::Bytes;
use super::driven::{Driven, limit, workshop};
use super::ledger::Ledger;

static WORKSHOP: LazyLock<Arc<Definition>> = LazyLock::new(workshop);

const RUN: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

/// The bytes as a stored run, and then as what becomes of it.
pub fn stored_run(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    // What a store of blazen's own would give, or what one might that was written elsewhere.
    let is_sound = bytes.flag();
    let durability = [Durability::Sync, Durability::Async, Durability::Exit][bytes.below(3)];
    let options =
        RunOptions { time_limit: limit(bytes.flag()), durability: Some(durability), ..RunOptions::default() };
    let given = read_run(&mut bytes);
    if is_sound {
        take_up_sound(&given, options, bytes);
    } else {
        take_up(&given, options, bytes);
    }
}

/// A run that nobody vouches for: nothing panics, and what it changes is numbered from where it stands.
fn take_up(given: &StoredRun, options: RunOptions, mut bytes: Bytes<'_>) {
    let mut store = MemoryStore::new();
    commit(&mut store, &creation(given));
    let stored = given.version;
    let Ok(mut driven) = Driven::resume(&WORKSHOP, at_rest(given.clone()), options, 0, stored) else {
        return;
    };
    loop {
        driven.drain();
        for mut written in std::mem::take(&mut driven.unwritten) {
            let version = written.version;
            written.version = version - stored + 1;
            written.creates = None;
            commit(&mut store, &written);
            driven.run.durable(version);
        }
        driven.drain();
        if bytes.is_empty() || driven.run.outcome().is_some() {
            break;
        }
        driven.act(&mut bytes);
    }
    store.load(RUN).expect("memory does not fail").expect("the run was created");
}

/// A run as a store keeps it: it comes to its end, and the books agree with the store.
fn take_up_sound(given: &StoredRun, options: RunOptions, mut bytes: Bytes<'_>) {
    let (mut store, mut ledger) = (MemoryStore::new(), Ledger::default());
    let creation = sound(creation(given));
    commit(&mut store, &creation);
    ledger.book(&creation);
    let stored = store.load(RUN).expect("memory does not fail").expect("the run was created");
    let Ok(mut driven) = Driven::resume(&WORKSHOP, at_rest(stored), options, 0, 1) else { return };
    let mut write = |driven: &mut Driven| {
        driven.drain();
        for written in std::mem::take(&mut driven.unwritten) {
            ledger.book(&written);
            commit(&mut store, &written);
            driven.run.durable(written.version);
        }
        driven.drain();
    };
    write(&mut driven);
    while !bytes.is_empty() && driven.run.outcome().is_none() {
        driven.act(&mut bytes);
        write(&mut driven);
    }
    driven.go_on();
    write(&mut driven);
    while driven.run.outcome().is_none() {
        driven.come_closer_to_the_end();
        write(&mut driven);
    }
    let ended = store.load(RUN).expect("memory does not fail").expect("the run was created");
    ledger.compare(&ended);
    assert!(ledger.has_ended());
}

fn commit(store: &mut MemoryStore, commit: &Commit) {
    let taken = store.commit(std::slice::from_ref(commit)).expect("memory does not fail");
    assert_eq!(taken, [Ok(())], "{commit:?}");
}

/// What would have led to the run.
fn creation(run: &StoredRun) -> Commit {
    Commit {
        creates: Some(run.workflow.as_str().into()),
        replaces: true,
        queued: run.pending.clone(),
        opened: run.waits.clone(),
        written: run.state.iter().map(written).collect(),
        status: run.status.clone(),
        last_delivery: run.last_delivery,
        time_remaining: run.time_remaining,
        ..Commit::of_nothing(RUN, 1, run.created_at)
    }
}

/// The same without what no run of blazen's commits.
fn sound(mut commit: Commit) -> Commit {
    commit.status = if commit.status == Status::Paused { Status::Paused } else { Status::Running };
    for (number, pending) in (1..).zip(&mut commit.queued) {
        pending.delivery = number;
    }
    commit.last_delivery = commit.queued.len() as u64;
    for wait in &mut commit.opened {
        let work = || Arc::from(r#"{"type":"Work"}"#);
        if wait.kind != WaitKind::Input {
            wait.event = work();
        }
        wait.expiry = wait.expiry.as_ref().map(|_| work());
    }
    commit.written.sort_by(|one, other| one.key.cmp(&other.key));
    commit.written.dedup_by(|one, other| one.key == other.key);
    for (place, written) in (0..).zip(&mut commit.written) {
        written.place = place;
    }
    commit
}

fn written(stored: &StoredValue) -> Written {
    Written { key: stored.key.clone(), place: stored.place, before: None, after: Some(stored.value.clone()) }
}

fn read_run(bytes: &mut Bytes<'_>) -> StoredRun {
    StoredRun {
        id: RUN,
        workflow: if bytes.below(16) == 15 { String::new() } else { "w".to_owned() },
        version: bytes.number(),
        status: read_status(bytes),
        created_at: UnixMillis(bytes.number().cast_signed()),
        updated_at: UnixMillis(bytes.number().cast_signed()),
        finished_at: bytes.flag().then(|| UnixMillis(bytes.number().cast_signed())),
        last_delivery: bytes.number(),
        streamed: 0,
        time_remaining: bytes.flag().then(|| bytes.any_number()),
        parent: None,
        code: None,
        ending: None,
        pending: (0..bytes.below(6)).map(|_| read_pending(bytes)).collect(),
        waits: read_waits(bytes),
        state: (0..bytes.below(4)).map(|_| read_value(bytes)).collect(),
    }
}

fn read_status(bytes: &mut Bytes<'_>) -> Status {
    match bytes.below(8) {
        0 => Status::Completed { result: bytes.flag().then(|| read_text(bytes)) },
        1 => Status::Failed { error: read_text(bytes) },
        2 => Status::Cancelled { error: read_text(bytes) },
        3 | 4 => Status::Paused,
        _ => Status::Running,
    }
}

fn read_pending(bytes: &mut Bytes<'_>) -> PendingDelivery {
    let step = match bytes.below(32) {
        0 => "warp", // there is none, but some that are like it
        1..12 => "watch",
        12..22 => "read",
        _ => "work",
    };
    PendingDelivery {
        delivery: bytes.number(),
        step: step.into(),
        event_type: read_text(bytes).into(),
        event: read_text(bytes).into(),
        attempt: bytes.small_number(),
        sent: bytes.small_number(),
        due: (bytes.below(4) == 0).then(|| UnixMillis(i64::from(bytes.small_number()))),
        held: (bytes.below(4) == 0).then(|| ExactString::from_wtf8(bytes.some(3))),
        gathered: bytes.below(8) == 0,
        added: (bytes.below(8) == 0).then(|| read_text(bytes).into()),
        done: None,
    }
}

/// No store gives one name twice.
fn read_waits(bytes: &mut Bytes<'_>) -> Vec<Wait> {
    let mut waits: Vec<Wait> = (0..bytes.below(4)).map(|_| read_wait(bytes)).collect();
    waits.sort_by(|one, other| one.id.cmp(&other.id));
    waits.dedup_by(|one, other| one.id == other.id);
    waits
}

fn read_wait(bytes: &mut Bytes<'_>) -> Wait {
    Wait {
        id: ExactString::from_wtf8(bytes.some(4)),
        kind: WaitKind::ALL[bytes.below(3)],
        event: read_text(bytes).into(),
        due: (bytes.below(4) == 0).then(|| UnixMillis(i64::from(bytes.small_number()))),
        expiry: (bytes.below(4) == 0).then(|| read_text(bytes).into()),
    }
}

fn read_value(bytes: &mut Bytes<'_>) -> StoredValue {
    let value = if bytes.flag() {
        StateValue::Bytes(bytes.some(8).to_vec())
    } else {
        StateValue::Json(read_text(bytes))
    };
    StoredValue { key: ExactString::from_wtf8(bytes.some(4)), place: bytes.number(), value }
}

fn read_text(bytes: &mut Bytes<'_>) -> String {
    if bytes.below(4) == 0 {
        String::from_utf8_lossy(bytes.some(12)).into_owned()
    } else {
        r#"{"type":"Work"}"#.to_owned()
    }
}
