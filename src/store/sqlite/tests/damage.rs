//! A bit that is flipped in a record is found, and only where it is.

use rusqlite::Connection;

use super::{Folder, open};
use crate::store::commit::Sent;
use crate::store::conformance::samples::{
    after, first, full, must_load, must_take, pending, run_id, settled,
};
use crate::store::query::RunOrder;
use crate::store::{CheckpointStore, Refusal, RunQuery, Status, StoreError};

/// Run 1 is damaged by hand, run 2 is not.
fn damaged(folder: &Folder, change: &str) -> super::SqliteStore {
    let path = folder.path("orders.db");
    let mut store = open(&path);
    for n in [1, 2] {
        let commit = full(run_id(n));
        let mut next = after(&commit);
        next.settled = Some(settled(1));
        next.queued = vec![pending(3, "ship", "{\"amount\":100}")];
        next.streamed = [0, 1, 2].map(|n| format!("{{\"n\":{n}}}").into()).to_vec();
        must_take(&mut store, &[commit, next]);
    }
    let mut ended = first(run_id(3), "orders");
    ended.status = Status::Completed { result: Some("1".to_owned()) };
    must_take(&mut store, &[ended]);
    store.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    let changed = connection.execute(change, []).unwrap();
    assert!(changed > 0, "{change}");
    drop(connection);
    open(&path)
}

fn all() -> RunQuery {
    RunQuery { workflow: None, status: None, order: RunOrder::OldestFirst, after: None, limit: 10 }
}

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(found: &Result<T, StoreError>, table: &str, run: u128) {
    let Err(StoreError::Corrupt { reason, .. }) = found else { panic!("{found:?}") };
    assert!(reason.contains(table) && reason.contains(&run_id(run).to_string()), "{reason}");
}

#[test]
fn what_a_run_has_is_not_given_back_changed() {
    let changes = [
        ("runs", "UPDATE progress SET version = version + 1 WHERE run = 1"),
        ("runs", "UPDATE runs SET workflow = 'ordess' WHERE row = 1"),
        ("runs", "UPDATE runs SET status = 'paused' WHERE row = 1"),
        ("runs", "UPDATE runs SET status = 'rvnning' WHERE row = 1"),
        ("runs", "UPDATE progress SET last_history = 1 WHERE run = 1"),
        ("runs", "UPDATE progress SET state_keys = 1 WHERE run = 1"),
        ("runs", "UPDATE progress SET streamed = 2 WHERE run = 1"),
        ("runs", "UPDATE progress SET waiting = 1 WHERE run = 1"),
        ("runs", "UPDATE progress SET wakes_at = 7 WHERE run = 1"),
        ("runs", "UPDATE progress SET waiting = 1, wakes_at = 7 WHERE run = 1"),
        ("runs", "DELETE FROM progress WHERE run = 1"),
        (
            "runs",
            "INSERT OR REPLACE INTO progress SELECT 1, version, updated_at, last_delivery, time_remaining, \
          pending_events, open_waits, state_keys, streamed, last_history, carries, crc, waiting, wakes_at \
          FROM progress WHERE run = 2",
        ),
        ("runs", "UPDATE runs SET error = '{}' WHERE row = 1"),
        ("runs", "UPDATE runs SET parent = NULL WHERE row = 1"),
        ("runs", "UPDATE runs SET depth = 1 WHERE row = 1"),
        ("runs", "UPDATE runs SET workflow_version = '8' WHERE row = 1"),
        ("runs", "UPDATE runs SET steps = '[]' WHERE row = 1"),
        ("pending", "UPDATE pending SET event = '{\"amount\":900}' WHERE run = 1 AND delivery = 2"),
        ("pending", "UPDATE pending SET attempt = 2 WHERE run = 1"),
        ("pending", "UPDATE pending SET attempt = -1 WHERE run = 1"),
        ("pending", "UPDATE pending SET done = 1 WHERE run = 1"),
        ("pending", "UPDATE pending SET added = '[]' WHERE run = 1"),
        ("pending", "UPDATE pending SET delivery = 9 WHERE run = 1 AND delivery = 2"),
        ("waits", "UPDATE waits SET id = 'approvf' WHERE run = 1 AND id = 'approve'"),
        ("waits", "UPDATE waits SET event = '{}' WHERE run = 1"),
        ("waits", "UPDATE waits SET kind = 'arrived' WHERE run = 1"),
        ("waits", "UPDATE waits SET kind = 'arrivfd' WHERE run = 1"),
        ("waits", "UPDATE waits SET due = 1 WHERE run = 1"),
        ("waits", "UPDATE waits SET expiry = '{}' WHERE run = 1"),
        ("state", "UPDATE state SET value = '{}' WHERE run = 1 AND key = 'n'"),
        ("state", "UPDATE state SET value = CAST(value AS TEXT) WHERE run = 1 AND key = 'blob'"),
        ("state", "UPDATE state SET key = 'm' WHERE run = 1 AND key = 'n'"),
        ("state", "UPDATE state SET place = 7 WHERE run = 1 AND key = 'n'"),
        ("runs", "UPDATE progress SET carries = 0 WHERE run = 1"),
        ("history", "UPDATE history SET carried = '{\"amount\":900}' WHERE run = 1 AND version = 2"),
        ("history", "UPDATE history SET carried = NULL WHERE run = 1 AND version = 2"),
        ("history", "UPDATE history SET queued = '[]' WHERE run = 1 AND version = 2"),
        ("history", "DELETE FROM history WHERE run = 1 AND version = 2"),
        // Whole records that are gone, as if an index had lost them.
        ("pending", "DELETE FROM pending WHERE run = 1 AND delivery = 2"),
        ("waits", "DELETE FROM waits WHERE run = 1 AND id = 'sign'"),
        ("state", "DELETE FROM state WHERE run = 1 AND key = 'n'"),
        // A whole record of another run.
        (
            "state",
            "INSERT INTO state SELECT 99, 1, 'other', place, crc, value FROM state WHERE run = 2 AND key = 'blob'",
        ),
    ];
    for (table, change) in changes {
        let folder = Folder::new();
        let mut store = damaged(&folder, change);
        assert_corrupt(&store.load(run_id(1)), table, 1);
        assert_eq!(must_load(&mut store, run_id(2)).version, 2);
        must_take(&mut store, &[first(run_id(9), "orders")]);
    }
}

#[test]
fn how_a_run_ended_is_not_given_back_changed() {
    let folder = Folder::new();
    let mut store = damaged(&folder, "UPDATE runs SET result = '2' WHERE row = 3");
    assert_corrupt(&store.load(run_id(3)), "runs", 3);
    assert_eq!(store.runs(&all()).unwrap().runs.len(), 3);
}

#[test]
fn a_history_is_not_given_back_changed() {
    for (change, is_carrying) in [
        ("UPDATE history SET event = '{\"a\": 9.50}' WHERE run = 1 AND delivery = 1", true),
        ("UPDATE history SET event = NULL WHERE run = 1 AND delivery = 1", true),
        ("UPDATE history SET at = 7 WHERE run = 1 AND version = 1", false),
        ("UPDATE history SET previous = NULL WHERE run = 1 AND version = 2", true),
        ("UPDATE history SET previous = row WHERE run = 1 AND version = 2", true),
        ("UPDATE history SET written = '[]' WHERE run = 1 AND version = 1", false),
        ("DELETE FROM history WHERE run = 1 AND version = 1", false),
    ] {
        let folder = Folder::new();
        let mut store = damaged(&folder, change);
        assert_corrupt(&store.history(run_id(1)), "history", 1);
        // Its last entry says what is pending; of the others the run needs nothing.
        if is_carrying {
            assert_corrupt(&store.load(run_id(1)), "history", 1);
        } else {
            assert_eq!(must_load(&mut store, run_id(1)).version, 2);
        }
        assert_eq!(store.history(run_id(2)).unwrap().unwrap().len(), 2);
    }
}

#[test]
fn a_stream_is_not_given_back_changed() {
    for change in [
        "UPDATE stream SET event = '{\"n\":8}' WHERE run = 1 AND offset = 1",
        "UPDATE stream SET offset = 9 WHERE run = 1 AND offset = 1",
        "DELETE FROM stream WHERE run = 1 AND offset = 1",
        "DELETE FROM stream WHERE run = 1 AND offset = 2",
        "INSERT OR REPLACE INTO stream SELECT 1, offset, crc, event FROM stream WHERE run = 2 AND offset = 1",
    ] {
        let folder = Folder::new();
        let mut store = damaged(&folder, change);
        assert_corrupt(&store.stream(run_id(1), 0, 10), "stream", 1);
        assert_eq!(store.stream(run_id(1), 0, 1).unwrap().unwrap().len(), 1, "what comes before is given");
        assert_eq!(must_load(&mut store, run_id(1)).streamed, 3);
        assert_eq!(store.stream(run_id(2), 0, 10).unwrap().unwrap().len(), 3);
    }
}

#[test]
fn a_list_tells_of_the_damaged_run_and_of_all_others() {
    let changes = [
        ("UPDATE runs SET id = replace(id, '0', 'x') WHERE row = 1", "runs, row 1"),
        ("UPDATE runs SET id = replace(id, '0001', '0009') WHERE row = 1", "runs"),
        ("UPDATE progress SET version = 9 WHERE run = 1", "runs"),
    ];
    for (change, named) in changes {
        let folder = Folder::new();
        let mut store = damaged(&folder, change);
        let page = store.runs(&all()).unwrap();
        assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [run_id(2), run_id(3)]);
        let [StoreError::Corrupt { reason, .. }] = &page.damaged[..] else { panic!("{page:?}") };
        assert!(reason.contains(named), "{reason}");
    }
}

#[test]
fn a_commit_to_a_damaged_run_is_refused_and_its_batch_goes_on() {
    for change in [
        "UPDATE progress SET version = 9 WHERE run = 1",
        "UPDATE history SET carried = '{}' WHERE run = 1 AND version = 2",
    ] {
        let folder = Folder::new();
        let mut store = damaged(&folder, change);
        let of_run = |n| {
            let mut commit = after(&full(run_id(n)));
            commit.version = 3;
            commit
        };
        let answers = store.commit(&[of_run(1), of_run(2)]).unwrap();
        assert!(matches!(answers[..], [Err(Refusal::Damaged { .. }), Ok(())]), "{answers:?}");
    }
}

#[test]
fn damage_is_not_healed_by_going_on() {
    let folder = Folder::new();
    let mut store = damaged(&folder, "UPDATE pending SET event = '{\"amount\":900}' WHERE run = 1");
    let mut sent = after(&full(run_id(1)));
    sent.version = 3;
    sent.sent = Some(Sent { delivery: 2, count: 1 });
    let mut settles = after(&sent);
    settles.settled = Some(settled(2));
    must_take(&mut store, &[sent]);
    assert_corrupt(&store.load(run_id(1)), "pending", 1);
    must_take(&mut store, &[settles]);
    assert_corrupt(&store.history(run_id(1)), "history", 1);
}

#[test]
fn noise_on_the_pages_never_gives_a_wrong_answer() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    let mut expected = Vec::new();
    for n in 0..20 {
        must_take(&mut store, &[full(run_id(n))]);
        expected.push((store.load(run_id(n)), store.history(run_id(n))));
    }
    store.close().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut seed = 7_usize;
    for _ in 0..150 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 20) % bytes.len();
            bytes[at] ^= 1 << (seed >> 60 & 7);
        }
        std::fs::write(&path, &bytes).unwrap();
        let Ok(mut store) = super::try_open(&path) else { continue };
        for (n, expected) in (0..).zip(&expected) {
            for (found, expected) in [
                (
                    store.load(run_id(n)).map(|run| format!("{run:?}")),
                    expected.0.clone().map(|run| format!("{run:?}")),
                ),
                (
                    store.history(run_id(n)).map(|past| format!("{past:?}")),
                    expected.1.clone().map(|past| format!("{past:?}")),
                ),
            ] {
                // A run that the index of ids has lost is not there; whatever is there is right.
                let is_lost = found.as_deref() == Ok("None");
                assert!(found == expected || found.is_err() || is_lost, "{found:?}\n{expected:?}");
            }
        }
    }
}
