use std::collections::BTreeMap;

use super::super::super::ids::InvocationId;
use super::super::{AppendError, DeliveryError};
use super::schedules::Dice;
use super::*;
use crate::state_value::StateValue;

/// Three handlers at work at once.
fn three_at_work() -> (Story, [InvocationId; 3]) {
    let mut story = Story::start();
    story.sends("charge", "Charged");
    let at_work = ["charge", "ship", "audit"].map(|step| story.invocation(step));
    (story, at_work)
}

fn value(story: &Story, key: &str) -> Option<String> {
    match story.run.state().unwrap().get(key.as_bytes())? {
        StateValue::Json(json) => Some(json.clone()),
        StateValue::Bytes(bytes) => Some(format!("{bytes:?}")),
    }
}

fn committed(story: &Story, key: &str) -> Option<String> {
    match story.run.committed(key.as_bytes())? {
        StateValue::Json(json) => Some(json.clone()),
        StateValue::Bytes(bytes) => Some(format!("{bytes:?}")),
    }
}

fn keys(story: &Story) -> Vec<String> {
    story.run.state().unwrap().in_order().into_iter().map(|(key, _)| key.to_string()).collect()
}

fn cut_short(story: &mut Story) {
    story.pauses();
    story.run.interrupt();
    story.drain();
}

#[test]
fn what_a_cut_short_handler_has_written_is_taken_back() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    for key in ["kept", "changed", "bytes", "removed", "last"] {
        story.run.set(charge, key.as_bytes(), NewValue::Json("\"before\"")).unwrap();
    }
    story.returns("charge", "Shipped");

    let close = story.invocation("close");
    story.run.set(close, b"changed", NewValue::Json("\"after\"")).unwrap();
    story.run.set(close, b"changed", NewValue::Json("\"again\"")).unwrap();
    story.run.set(close, b"bytes", NewValue::Bytes(&[1, 2])).unwrap();
    assert!(story.run.remove(close, b"removed").unwrap());
    assert!(!story.run.remove(close, b"removed").unwrap());
    story.run.set(close, b"new", NewValue::Json("\"after\"")).unwrap();
    assert_eq!(value(&story, "changed").as_deref(), Some("\"again\""), "a write counts at once");
    cut_short(&mut story);

    assert_eq!(keys(&story), ["kept", "changed", "bytes", "removed", "last"], "in the old order");
    for key in keys(&story) {
        assert_eq!(value(&story, &key).as_deref(), Some("\"before\""));
    }
}

#[test]
fn a_count_that_is_cut_short_is_counted_once() {
    let mut story = Story::start();
    for attempt in 1..=3 {
        let charge = story.invocation("charge");
        assert_eq!(value(&story, "count"), None, "attempt {attempt}");
        story.run.set(charge, b"count", NewValue::Json("1")).unwrap();
        if attempt < 3 {
            cut_short(&mut story);
            story.goes_on();
        }
    }
    story.returns("charge", "Shipped");
    cut_short(&mut story);
    assert_eq!(value(&story, "count").as_deref(), Some("1"));
}

#[test]
fn what_was_written_before_a_send_stays_with_what_was_sent() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.run.set(charge, b"a", NewValue::Json("1")).unwrap();
    story.sends("charge", "Shipped");
    story.run.set(charge, b"a", NewValue::Json("2")).unwrap();
    story.run.set(charge, b"b", NewValue::Json("2")).unwrap();
    cut_short(&mut story);
    assert_eq!(value(&story, "a").as_deref(), Some("1"));
    assert_eq!(value(&story, "b"), None);
}

#[test]
fn of_several_writers_the_latest_that_settled_stands() {
    let (mut story, [charge, ship, audit]) = three_at_work();
    story.run.set(charge, b"k", NewValue::Json("\"charge\"")).unwrap();
    story.run.set(ship, b"k", NewValue::Json("\"ship\"")).unwrap();
    story.run.set(audit, b"k", NewValue::Json("\"audit\"")).unwrap();
    story.run.set(charge, b"k", NewValue::Json("\"charge again\"")).unwrap();
    story.returns_nothing("ship");
    assert_eq!(value(&story, "k").as_deref(), Some("\"charge again\""));
    cut_short(&mut story);
    assert_eq!(value(&story, "k").as_deref(), Some("\"ship\""));
}

#[test]
fn nothing_is_kept_for_taking_back_once_nothing_is_in_flight() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    for n in 0..100 {
        story.run.set(charge, format!("key {n}").as_bytes(), NewValue::Json("1")).unwrap();
    }
    story.asks("charge", "r1");
    assert!(format!("{:?}", story.run.state).ends_with("overwritten: {} }"), "nothing is kept");
    assert_eq!(keys(&story).len(), 100);
}

#[test]
fn two_handlers_that_write_one_key_in_turn_keep_two_old_values() {
    let (mut story, [charge, ship, _]) = three_at_work();
    for _ in 0..1_000 {
        story.run.set(charge, b"k", NewValue::Json("\"charge\"")).unwrap();
        story.run.set(ship, b"k", NewValue::Json("\"ship\"")).unwrap();
    }
    assert_eq!(format!("{:?}", story.run.state).matches("Overwritten").count(), 2);
    cut_short(&mut story);
    assert_eq!(value(&story, "k"), None);
}

#[test]
fn appending_makes_an_array_and_then_adds_to_it() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    assert_eq!(story.run.append(charge, b"k", "1,[2,3]"), Ok(2));
    assert_eq!(story.run.append(charge, b"k", "{\"a\":[]}"), Ok(3));
    assert_eq!(story.run.append(charge, b"k", ""), Ok(3));
    assert_eq!(value(&story, "k").as_deref(), Some("[1,[2,3],{\"a\":[]}]"));
    assert_eq!(story.run.append(charge, b"none", ""), Ok(0));
    assert_eq!(value(&story, "none").as_deref(), Some("[]"));
}

#[test]
fn appending_counts_again_what_another_write_has_put_there() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    assert_eq!(story.run.append(charge, b"k", "1,2"), Ok(2));
    story.run.set(charge, b"k", NewValue::Json("[1,2,3,4]")).unwrap();
    assert_eq!(story.run.append(charge, b"k", "5"), Ok(5));
    assert!(story.run.remove(charge, b"k").unwrap());
    assert_eq!(story.run.append(charge, b"k", "6"), Ok(1));
    assert_eq!(value(&story, "k").as_deref(), Some("[6]"));
}

#[test]
fn only_arrays_are_appended_to() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    for (json, found) in [
        ("{}", "an object"),
        ("\"[]\"", "a string"),
        ("1", "a number"),
        ("null", "null"),
        ("true", "a boolean"),
        ("false", "a boolean"),
    ] {
        story.run.set(charge, b"k", NewValue::Json(json)).unwrap();
        let refusal = AppendError::NoArray { key: "k".into(), found };
        assert_eq!(story.run.append(charge, b"k", "1"), Err(refusal));
        assert_eq!(value(&story, "k").as_deref(), Some(json));
    }
    story.run.set(charge, b"k", NewValue::Bytes(b"[]")).unwrap();
    let refusal = AppendError::NoArray { key: "k".into(), found: "bytes" };
    assert_eq!(story.run.append(charge, b"k", "1"), Err(refusal));
    story.returns("charge", "Shipped");
    assert_eq!(story.run.append(charge, b"k", "1"), Err(DeliveryError::Settled.into()));
}

#[test]
fn what_a_cut_short_handler_has_appended_is_taken_back() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.run.append(charge, b"k", "1,2").unwrap();
    story.returns("charge", "Shipped");

    for _ in 0..2 {
        let close = story.invocation("close");
        assert_eq!(story.run.append(close, b"k", "3"), Ok(3));
        assert_eq!(story.run.append(close, b"k", "4"), Ok(4));
        assert_eq!(committed(&story, "k").as_deref(), Some("[1,2]"));
        cut_short(&mut story);
        assert_eq!(value(&story, "k").as_deref(), Some("[1,2]"));
        story.goes_on();
    }
}

#[test]
fn what_is_appended_to_another_handlers_array_is_kept_with_it() {
    let (mut story, [charge, ship, _]) = three_at_work();
    story.run.append(charge, b"k", "\"charge\"").unwrap();
    assert_eq!(story.run.append(ship, b"k", "\"ship\""), Ok(2));
    story.returns_nothing("ship");
    cut_short(&mut story);
    assert_eq!(value(&story, "k").as_deref(), Some("[\"charge\",\"ship\"]"));
}

#[test]
fn a_handler_appends_in_place_after_the_first_time() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    let (mut moves, mut place) = (0, None);
    for n in 1..=100_000 {
        assert_eq!(story.run.append(charge, b"k", "1"), Ok(n));
        let Some(StateValue::Json(json)) = story.run.state().unwrap().get(b"k") else { panic!("it is JSON") };
        moves += usize::from(place != Some(json.as_ptr()));
        place = Some(json.as_ptr());
    }
    assert!(moves < 50, "the memory was taken anew {moves} times");
}

#[test]
fn in_any_schedule_the_latest_committed_write_of_each_key_stands() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let (mut story, at_work) = three_at_work();
        // The model: each write in order, by whom, and whether it is committed.
        let mut history: Vec<(InvocationId, &str, Option<String>, bool)> = Vec::new();
        // Who has learnt of whose write that was not committed: a removal tells whether the key was there.
        let mut read_from: Vec<(InvocationId, InvocationId)> = Vec::new();
        let mut working: Vec<(InvocationId, &str)> =
            at_work.into_iter().zip(["charge", "ship", "audit"]).collect();
        for number in 0..dice.below(40) {
            let (writer, step) = working[usize::try_from(dice.below(working.len() as u64)).unwrap()];
            let key = ["a", "b"][usize::try_from(dice.below(2)).unwrap()];
            match dice.below(8) {
                0 if working.len() > 1 => {
                    working.retain(|(other, _)| *other != writer);
                    story.returns_nothing(step);
                    commit(&mut history, &mut read_from, writer);
                }
                1 => {
                    story.sends(step, "Shipped");
                    commit(&mut history, &mut read_from, writer);
                }
                2 => {
                    let last = history.iter().rev().find(|(_, written, ..)| *written == key);
                    if let Some((by, .., false)) = last.filter(|(by, ..)| *by != writer) {
                        read_from.push((writer, *by));
                    }
                    if story.run.remove(writer, key.as_bytes()).unwrap() {
                        history.push((writer, key, None, false));
                    }
                }
                _ => {
                    story.run.set(writer, key.as_bytes(), NewValue::Json(&number.to_string())).unwrap();
                    history.push((writer, key, Some(number.to_string()), false));
                }
            }
        }
        let foretold = ["a", "b"].map(|key| committed(&story, key));
        cut_short(&mut story);
        let mut expected: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for (_, key, value, committed) in history {
            if committed {
                expected.insert(key, value);
            }
        }
        for (key, foretold) in ["a", "b"].into_iter().zip(foretold) {
            assert_eq!(value(&story, key), expected.get(key).cloned().flatten(), "seed {seed}, key {key}");
            assert_eq!(value(&story, key), foretold, "seed {seed}, key {key}");
        }
    }
}

fn commit(
    history: &mut [(InvocationId, &str, Option<String>, bool)],
    read_from: &mut Vec<(InvocationId, InvocationId)>,
    writer: InvocationId,
) {
    for write in history.iter_mut().filter(|(by, ..)| *by == writer) {
        write.3 = true;
    }
    let (read, rest) = read_from.drain(..).partition::<Vec<_>, _>(|(reader, _)| *reader == writer);
    *read_from = rest;
    for (_, other) in read {
        commit(history, read_from, other);
    }
}
