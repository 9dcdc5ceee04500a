//! The history of a run that goes from step to step carries what is pending, and `pending` is left alone.

use super::{Folder, History, SqliteOptions, SqliteStore, open};
use crate::ExactString;
use crate::store::commit::{Again, PendingDelivery, Sent};
use crate::store::conformance::samples::{after, first, must_load, must_take, pending, run_id, set, settled};
use crate::store::{CheckpointStore, Commit, MemoryStore, Status, UnixMillis};

/// The commit that settles the newest delivery and queues another.
fn step(before: &Commit) -> Commit {
    let mut next = after(before);
    next.settled = Some(settled(before.last_delivery));
    next.last_delivery = before.last_delivery + 1;
    next.queued = vec![pending(next.last_delivery, "ship", &format!("{{\"n\":{}}}", next.last_delivery))];
    next
}

fn beginning() -> Commit {
    let mut commit = first(run_id(1), "orders");
    commit.last_delivery = 1;
    commit.queued = vec![pending(1, "charge", "{ \"n\" : 1 }")];
    commit
}

/// How many records there are, and what the view says of the run.
fn told(store: &SqliteStore) -> (i64, Vec<(i64, String, String)>) {
    let connection = store.connection();
    let records = connection.query_row("SELECT count(*) FROM pending", [], |row| row.get(0)).unwrap();
    let mut view =
        connection.prepare("SELECT delivery, step, event FROM run_pending ORDER BY delivery").unwrap();
    let rows = view.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    (records, rows.collect::<Result<_, _>>().unwrap())
}

fn assert_as(store: &mut SqliteStore, model: &mut MemoryStore) {
    assert_eq!(store.load(run_id(1)), model.load(run_id(1)));
    assert_eq!(store.history(run_id(1)), model.history(run_id(1)));
    let pending = must_load(model, run_id(1)).pending;
    let expected: Vec<_> = pending
        .iter()
        .map(|pending| (pending.delivery.cast_signed(), pending.step.to_string(), pending.event.to_string()))
        .collect();
    assert_eq!(told(store).1, expected);
}

#[test]
fn a_run_that_goes_from_step_to_step_leaves_pending_alone() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let mut model = MemoryStore::new();
    let mut commit = beginning();
    for _ in 0..5 {
        must_take(&mut store, std::slice::from_ref(&commit));
        must_take(&mut model, std::slice::from_ref(&commit));
        assert_eq!(told(&store).0, 0);
        assert_as(&mut store, &mut model);
        commit = step(&commit);
    }
    commit.queued.clear();
    commit.status = Status::Completed { result: None };
    must_take(&mut store, std::slice::from_ref(&commit));
    must_take(&mut model, std::slice::from_ref(&commit));
    assert_as(&mut store, &mut model);
}

/// What may come after a step, beside another.
fn what_may_come(before: &Commit) -> Vec<Commit> {
    let newest = before.last_delivery;
    let changed = |change: fn(&mut Commit, u64)| {
        let mut next = after(before);
        change(&mut next, newest);
        next
    };
    vec![
        changed(|_, _| ()),
        changed(|next, newest| next.sent = Some(Sent { delivery: newest, count: 1 })),
        changed(|next, newest| {
            next.sent = Some(Sent { delivery: newest, count: 1 });
            next.queued = vec![pending(newest + 1, "audit", "{}")];
            next.last_delivery = newest + 1;
        }),
        changed(|next, newest| {
            let due = Some(UnixMillis(5_000));
            next.again = vec![Again { delivery: newest, attempt: 2, sent: 0, due }];
        }),
        changed(|next, newest| {
            next.settled = Some(settled(newest));
            next.held = Some(ExactString::from("key"));
        }),
        changed(|next, newest| {
            next.settled = Some(settled(newest));
            next.done = Some(1);
        }),
        changed(|next, newest| next.gathered = vec![newest]),
        changed(|next, newest| {
            next.settled = Some(settled(newest));
            let two = [newest + 1, newest + 2];
            next.queued = two.map(|delivery| pending(delivery, "audit", "{}")).to_vec();
            next.last_delivery = newest + 2;
        }),
        changed(|next, newest| {
            next.replaces = true;
            next.queued = vec![pending(newest, "charge", "{}")];
        }),
        changed(|next, newest| {
            next.settled = Some(settled(newest));
            next.queued =
                vec![PendingDelivery { due: Some(UnixMillis(5_000)), ..pending(newest + 1, "audit", "{}") }];
            next.last_delivery = newest + 1;
        }),
        changed(|next, newest| {
            next.settled = Some(settled(newest));
            let long = format!("\"{}\"", "x".repeat(5_000));
            next.queued = vec![pending(newest + 1, "audit", &long)];
            next.last_delivery = newest + 1;
        }),
        changed(|next, _| next.status = Status::Cancelled { error: "{}".to_owned() }),
    ]
}

#[test]
fn whatever_comes_next_finds_what_is_carried() {
    let cases = what_may_come(&step(&beginning())).len();
    for case in 0..cases {
        for reopened in [false, true] {
            let folder = Folder::new();
            let path = folder.path("orders.db");
            let mut store = open(&path);
            let mut model = MemoryStore::new();
            let carrying = [beginning(), step(&beginning())];
            must_take(&mut store, &carrying);
            must_take(&mut model, &carrying);
            if reopened {
                drop(store);
                store = open(&path);
            }
            let next = what_may_come(&carrying[1]).swap_remove(case);
            must_take(&mut store, std::slice::from_ref(&next));
            must_take(&mut model, std::slice::from_ref(&next));
            assert_as(&mut store, &mut model);
            if !next.status.kind().is_ended() {
                let settles = step(&next);
                must_take(&mut store, std::slice::from_ref(&settles));
                must_take(&mut model, std::slice::from_ref(&settles));
                assert_as(&mut store, &mut model);
            }
        }
    }
}

#[test]
fn a_refused_commit_leaves_what_is_carried() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let carrying = [beginning(), step(&beginning())];
    must_take(&mut store, &carrying);
    // Neither the event nor what else its entry holds is too long, only both together.
    store.longest_record = 250;
    let mut large = step(&carrying[1]);
    large.queued = vec![pending(3, "ship", &format!("\"{}\"", "x".repeat(180)))];
    large.written = vec![set("note", 0, Some(&format!("\"{}\"", "y".repeat(100))), "1")];
    assert!(store.commit(&[large]).unwrap()[0].is_err());
    must_take(&mut store, &[step(&carrying[1])]);
    assert_eq!(must_load(&mut store, run_id(1)).pending.len(), 1);
}

#[test]
fn a_run_goes_on_when_history_is_kept_no_more_and_kept_again() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut commit = beginning();
    for history in [History::Full, History::None, History::None, History::Full, History::Full] {
        let mut store =
            SqliteStore::open(&path, SqliteOptions { history, ..SqliteOptions::default() }).unwrap();
        must_take(&mut store, std::slice::from_ref(&commit));
        assert_eq!(told(&store).0, i64::from(history == History::None));
        let run = must_load(&mut store, run_id(1));
        assert_eq!(run.pending, commit.queued);
        let settled =
            store.history(run_id(1)).unwrap().unwrap().into_iter().filter_map(|entry| entry.settled);
        for settled in settled {
            assert_eq!(settled.event.replace(' ', ""), format!("{{\"n\":{}}}", settled.delivery));
        }
        commit = step(&commit);
    }
}
