//! A stored run goes on in another process.

use super::super::super::key_space::KeySpace;
use super::super::super::run_at_rest::{Origin, PendingDelivery, PendingEvent, RestingWait, WaitKind};
use super::*;
use crate::state_value::StateValue;

/// As a store would give back a run with `changes`, of which `ship` and one question are pending.
pub(super) fn stored(changes: u64, paused: bool) -> RunAtRest {
    let mut state = KeySpace::default();
    state.restore("a".into(), 4, StateValue::Json("1".to_owned()));
    let delivery = PendingDelivery {
        seq: DeliverySeq(6),
        step: "ship".into(),
        attempt: 2,
        sent: 1,
        due: None,
        held: None,
        gathered: false,
        done: None,
        added: None,
    };
    RunAtRest {
        id: RunId(uuid::Uuid::from_u128(7)),
        workflow_name: "orders".to_owned(),
        workflow_version: Some("1".into()),
        state,
        pending_events: vec![PendingEvent { json: text("Charged").into(), deliveries: vec![delivery] }],
        waits: vec![RestingWait {
            id: "r1".into(),
            kind: WaitKind::Input,
            json: text("request r1").into(),
            due: None,
            expiry: None,
        }],
        time_remaining: Some(Duration::from_millis(40)),
        last_delivery: DeliverySeq(9),
        children: Vec::new(),
        ending: None,
        origin: Origin::Store { changes, streamed: 0, paused, rewritten: false },
    }
}

/// A run that is taken up from a store, with a limit of 100 ms, of which 40 are left.
fn taken_up(at_rest: RunAtRest, durability: Durability) -> Story {
    let payloads: BTreeMap<u32, String> =
        (0..).zip(at_rest.payload_texts().map(ToString::to_string)).collect();
    let options = RunOptions {
        time_limit: Some(Duration::from_millis(100)),
        durability: Some(durability),
        ..RunOptions::default()
    };
    let run = Run::resume(orders(), at_rest, options, Now::virtually(Millis(0))).unwrap();
    let next_payload = u32::try_from(payloads.len()).unwrap();
    Story { run, payloads, next_payload, told: Vec::new(), invoked: Vec::new(), now: 0 }.drained()
}

#[test]
fn a_run_whose_process_was_lost_is_attempted_again_when_that_is_durable() {
    let mut story = taken_up(stored(12, false), Durability::Sync);
    assert_eq!(story.changes(), ["13: again 6 as attempt 3 sent 1"]);
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(
        story.told(),
        [format!("publish {}", text("request r1")), invoke("ship", "Charged") + " again"]
    );
    assert_eq!(story.gets("ship", "a"), "1");

    story.sends("ship", "Shipped");
    assert_eq!(story.told(), [release("Shipped")], "an earlier attempt has sent it");
    story.sends("ship", "Shipped");
    assert_eq!(story.changes(), ["14: sent 2 from 6 queued 10 for close"], "numbers are never used twice");
    assert_eq!(story.run.wake_at(), Some(Millis(40)), "it has what was left of its time");
}

#[test]
fn a_run_that_only_waits_says_that_somebody_has_it_again() {
    let mut at_rest = stored(12, false);
    at_rest.pending_events.clear();
    let mut story = taken_up(at_rest, Durability::Sync);
    assert_eq!(story.changes(), ["13:"]);
}

#[test]
fn a_paused_run_that_is_taken_up_stays_paused_until_it_is_told_to_go_on() {
    let mut story = taken_up(stored(12, true), Durability::Sync);
    assert!(story.changes().is_empty());
    assert_eq!(story.told(), ["paused"]);
    assert_eq!(story.run.wake_at(), None, "its time stands still");
    story.it_is(500);
    story.goes_on();
    assert_eq!(story.changes(), ["13:"]);
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(
        story.told(),
        [format!("publish {}", text("request r1")), invoke("ship", "Charged") + " again"],
        "with the attempt that it was to have: it had not begun"
    );
    assert_eq!(story.run.wake_at(), Some(Millis(540)));
}

#[test]
fn a_run_that_is_taken_up_only_to_end_it_needs_no_step_and_changes_nothing_before() {
    for (paused, durability) in
        [(false, Durability::Sync), (true, Durability::Async), (false, Durability::Exit)]
    {
        let mut at_rest = stored(12, paused);
        at_rest.pending_events[0].deliveries[0].step = "gone".into();
        let mut story = taken_up(at_rest.only_to_end(), durability);
        assert!(story.changes().is_empty());
        assert_eq!(story.told(), ["paused"]);
        assert!(story.run.abort());
        let whole = if durability == Durability::Exit { " whole a is 1" } else { "" };
        assert_eq!(story.changes(), [format!("13:{whole} aborted")]);
        story.is_stored();
        assert_eq!(story.told(), ["ended"]);
    }
}

#[test]
fn a_snapshot_in_a_store_that_does_not_know_it_is_written_whole() {
    let at_rest = RunAtRest { origin: Origin::Snapshot, ..stored(0, false) };
    let mut story = taken_up(at_rest, Durability::Sync);
    assert_eq!(story.changes(), ["1: whole queued 6 for ship opened r1 a is 1"]);
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(story.told().len(), 2);
}

fn migrated(paused: bool) -> RunAtRest {
    stored(12, paused).migrated_to(Some("2".into()))
}

#[test]
fn a_run_that_was_migrated_is_written_whole_as_one_change_before_it_is_attempted_again() {
    let mut story = taken_up(migrated(false), Durability::Sync);
    assert_eq!(story.changes(), ["13: whole queued 6 for ship opened r1 a is 1"]);
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(
        story.told(),
        [format!("publish {}", text("request r1")), invoke("ship", "Charged") + " again"]
    );
}

#[test]
fn nothing_of_a_run_that_no_store_has_as_it_is_begins_before_it_is_stored_whatever_the_durability() {
    for durability in [Durability::Async, Durability::Exit] {
        for at_rest in [migrated(false), RunAtRest { origin: Origin::Snapshot, ..stored(0, false) }] {
            let mut story = taken_up(at_rest, durability);
            assert_eq!(story.changes().len(), 1);
            assert!(story.told().is_empty(), "{durability:?}");
            story.is_stored();
            assert_eq!(
                story.told(),
                [format!("publish {}", text("request r1")), invoke("ship", "Charged") + " again"]
            );
        }
    }
}

#[test]
fn a_paused_run_that_was_migrated_stays_paused_and_its_snapshot_tells_the_version() {
    let mut story = taken_up(migrated(true), Durability::Sync);
    assert_eq!(story.changes(), ["13: whole queued 6 for ship opened r1 a is 1 paused"]);
    assert!(story.told().is_empty(), "a store must have it first");
    story.is_stored();
    assert_eq!(story.told(), [format!("publish {}", text("request r1")), "paused".to_owned()]);
    let snapshot = story.snapshot();
    let again = RunAtRest::from_snapshot(&snapshot).unwrap();
    assert_eq!(again.workflow_version.as_deref(), Some("2"));
}
