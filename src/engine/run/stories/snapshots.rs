use super::super::super::child_at_rest::{ChildAtRest, ChildRest};
use super::super::super::session_policy::SessionNotEmpty;
use super::super::super::snapshot::{MAX_DEPTH, MAX_RUN_DEPTH, SnapshotError};
use super::super::{PauseError, SnapshotRefusal};
use super::*;

fn paused_between_steps() -> Story {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    let lone_surrogate = ExactString::from_utf16(&[0xD800]);
    let text = "{\"z\":1,\"a\":[1e400,-0,\"\\ud800\"]}";
    for (key, json) in [("zebra", text), ("__proto__", "null"), ("\u{0}key", "\"\\u0000\"")] {
        story.run.set(charge, key.as_bytes(), NewValue::Json(json)).unwrap();
    }
    story.run.set(charge, lone_surrogate.as_wtf8(), NewValue::Bytes(&[0, 255])).unwrap();
    story.run.session_mut(charge).unwrap().set(b"request", serde_json::json!("here only"));
    story.pauses();
    story.returns("charge", "Charged");
    story
}

#[test]
fn a_run_goes_on_elsewhere_as_it_would_have_here() {
    let mut here = paused_between_steps();
    let mut there = Story::moved_to(&here.snapshot(), orders()).unwrap();
    here.told();
    here.goes_on();
    assert_eq!(there.told(), here.told());
    assert_eq!(there.run.id(), here.run.id());
}

#[test]
fn the_state_goes_over_to_the_letter_and_the_session_stays() {
    let mut here = paused_between_steps();
    let snapshot = here.snapshot();
    let there = Story::moved_to(&snapshot, orders()).unwrap();
    let values = |story: &Story| format!("{:?}", story.run.state().unwrap().in_order());
    assert_eq!(values(&there), values(&here));
    assert!(there.run.session().unwrap().is_empty());
    assert!(!snapshot.contains("here only"));
}

#[test]
fn a_snapshot_of_a_resumed_run_is_the_same_snapshot() {
    let first = paused_between_steps().snapshot();
    let mut there = Story::moved_to(&first, orders()).unwrap();
    there.pauses();
    there.run.interrupt();
    there.drain();
    let second = there.snapshot().replace("\"attempt\":2", "\"attempt\":1");
    let without_time = |snapshot: &str| snapshot.split("\"time_remaining_ms\"").next().unwrap().to_owned();
    assert_eq!(without_time(&second), without_time(&first));
}

#[test]
fn an_open_request_goes_over_and_is_published_again() {
    let mut here = Story::start();
    here.asks("charge", "r1");
    here.pauses();
    let mut there = Story::moved_to(&here.snapshot(), orders()).unwrap();
    assert_eq!(there.told(), [format!("publish {}", text("request r1"))]);
    there.answers("r1").unwrap();
}

#[test]
fn attempts_and_sent_events_go_over() {
    let mut here = Story::start();
    here.sends("charge", "Shipped");
    here.pauses();
    here.run.interrupt();
    here.drain();
    let mut there = Story::moved_to(&here.snapshot(), orders()).unwrap();
    assert_eq!(there.told()[0], invoke("charge", "blazen::StartEvent") + " again");
    there.sends("charge", "Shipped");
    assert_eq!(there.told().last(), Some(&release("Shipped")), "already sent by the first attempt");
}

#[test]
fn only_a_paused_run_can_be_taken() {
    let mut story = Story::start();
    let taken = story.run.snapshot(&[], SessionPausePolicy::PickleOrError, "now", Now::virtually(Millis(0)));
    assert_eq!(taken, Err(SnapshotRefusal::NotPaused));
}

#[test]
fn a_strict_policy_refuses_to_leave_session_values_behind() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.run.session_mut(charge).unwrap().set(b"request", serde_json::json!(1));
    let refused = SessionNotEmpty { keys: vec![ExactString::from("request")] };
    let paused = story.run.pause(SessionPausePolicy::HardError);
    assert_eq!(paused, Err(PauseError::Session(refused)));
    story.returns("charge", "Shipped");
    assert_eq!(story.told().last(), Some(&invoke("close", "Shipped")), "the run goes on");
    story.run.abort();
    assert_eq!(story.run.pause(SessionPausePolicy::HardError), Err(PauseError::Ended));
}

#[test]
fn a_snapshot_of_another_workflow_is_refused() {
    let snapshot = paused_between_steps().snapshot().replace("\"orders\"", "\"returns\"");
    assert!(matches!(Story::moved_to(&snapshot, orders()), Err(ResumeError::OtherWorkflow { .. })));
}

#[test]
fn a_snapshot_that_needs_a_step_that_is_gone_is_refused_by_name() {
    let snapshot = paused_between_steps().snapshot().replace("\"audit\"", "\"audti\"");
    let refused = Story::moved_to(&snapshot, orders()).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "an event of the snapshot is on its way to step \"audti\", which workflow \"orders\" does not have; did you rename it to \"audit\"?"
    );
}

#[test]
fn deliveries_keep_their_numbers() {
    let mut here = paused_between_steps();
    let numbers = |at_rest: &RunAtRest| {
        let deliveries = at_rest.pending_events.iter().flat_map(|event| &event.deliveries);
        (deliveries.map(|delivery| delivery.seq.0).collect::<Vec<_>>(), at_rest.last_delivery.0)
    };
    let snapshot = here.snapshot();
    assert_eq!(numbers(&RunAtRest::from_snapshot(&snapshot).unwrap()), (vec![2, 3], 3));
    let mut there = Story::moved_to(&snapshot, orders()).unwrap();
    assert_eq!(there.run.delivery_of(there.invocation("audit")), Ok(DeliverySeq(3)));
    there.returns_nothing("ship");
    there.pauses();
    there.run.interrupt();
    assert_eq!(numbers(&RunAtRest::from_snapshot(&there.snapshot()).unwrap()), (vec![3], 3));
}

#[test]
fn deliveries_without_numbers_are_counted_and_with_false_ones_refused() {
    let snapshot = paused_between_steps().snapshot();
    let without = snapshot.replace("\"delivery\":2,", "").replace("\"delivery\":3,", "");
    let counted = RunAtRest::from_snapshot(&without.replace("\"last_delivery\":3,", "")).unwrap();
    assert_eq!(counted.last_delivery, DeliverySeq(2));
    for (number, instead) in [
        ("\"delivery\":3", "\"delivery\":2"),
        ("\"delivery\":2", "\"delivery\":0"),
        ("\"last_delivery\":3", "\"last_delivery\":2"),
        ("\"last_delivery\":3", "\"last_delivery\":9007199254740992"),
    ] {
        let refused = RunAtRest::from_snapshot(&snapshot.replace(number, instead)).err();
        assert!(matches!(refused, Some(SnapshotError::Malformed { .. })), "{instead}");
    }
}

#[test]
fn children_go_over_and_into_the_next_snapshot_to_the_letter() {
    let rests = [
        ChildRest::Paused(paused_between_steps().snapshot().into()),
        ChildRest::Completed(None),
        ChildRest::Completed(Some("null".into())),
        ChildRest::Failed("{}".into()),
        ChildRest::Told,
    ];
    let children: Vec<_> = (0..)
        .zip(rests)
        .map(|(position, rest)| ChildAtRest { delivery: DeliverySeq(2), position, generation: 7, rest })
        .collect();
    let mut here = paused_between_steps();
    here.run.rest_with(children.clone());
    let snapshot = here.snapshot();
    assert_eq!(RunAtRest::from_snapshot(&snapshot).unwrap().children, children);
    let mut there = Story::moved_to(&snapshot, orders()).unwrap();
    there.pauses();
    there.run.interrupt();
    assert_eq!(RunAtRest::from_snapshot(&there.snapshot()).unwrap().children, children);
    for (part, instead) in
        [("\"paused\"", "\"failed\""), ("\"told\"", "\"gone\""), ("\"error\":{}", "\"error\":1")]
    {
        let refused = RunAtRest::from_snapshot(&snapshot.replace(part, instead)).err();
        assert!(matches!(refused, Some(SnapshotError::Malformed { .. })), "{instead}");
    }
}

#[test]
fn children_of_children_are_read_as_deep_as_they_may_be() {
    let mut snapshot = paused_between_steps().snapshot();
    for _ in 0..MAX_RUN_DEPTH {
        let mut parent = paused_between_steps();
        let rest = ChildRest::Paused(snapshot.into());
        let child = ChildAtRest { delivery: DeliverySeq(2), position: 0, generation: 0, rest };
        parent.run.rest_with(vec![child]);
        snapshot = parent.snapshot();
    }
    let deep = "[".repeat(MAX_DEPTH as usize) + &"]".repeat(MAX_DEPTH as usize);
    let filled = snapshot.replace("\"json\":null", &format!("\"json\":{deep}"));
    assert_eq!(RunAtRest::from_snapshot(&filled).unwrap().children.len(), 1);
}

#[test]
fn a_snapshot_cut_off_anywhere_is_refused() {
    let snapshot = paused_between_steps().snapshot();
    let parts: Vec<&str> = (0..snapshot.len()).filter_map(|end| snapshot.get(..end)).collect();
    assert!(parts.iter().all(|part| RunAtRest::from_snapshot(part).is_err()));
    let half = parts[parts.len() / 2];
    assert_eq!(RunAtRest::from_snapshot(half).err(), Some(SnapshotError::CutOff { length: half.len() }));
    assert_eq!(RunAtRest::from_snapshot(" \n").err(), Some(SnapshotError::Empty));
}

#[test]
fn a_newer_snapshot_is_refused_by_its_version() {
    let newer = paused_between_steps().snapshot().replace("\"version\":2", "\"version\":3");
    assert_eq!(RunAtRest::from_snapshot(&newer).err(), Some(SnapshotError::Newer { version: 3 }));
}

#[test]
fn fields_that_this_version_does_not_know_are_passed_over() {
    let snapshot = paused_between_steps().snapshot();
    for place in
        ["{\"version\"", "{\"event\"", "{\"delivery\"", "{\"input_requests\"", "{\"json\"", "{\"bytes\""]
    {
        let extended = snapshot.replace(place, &place.replace('{', "{\"later\":[{\"x\":null}],"));
        assert_ne!(extended, snapshot);
        RunAtRest::from_snapshot(&extended).unwrap();
    }
}

#[test]
fn a_value_nested_too_deep_is_refused_wherever_it_stands() {
    let snapshot = paused_between_steps().snapshot();
    let nested = |depth: u32| "[".repeat(depth as usize) + &"]".repeat(depth as usize);
    let in_state = |depth| snapshot.replace("\"json\":null", &format!("\"json\":{}", nested(depth)));
    let in_event =
        |depth| snapshot.replace("\"Charged\"", &format!("\"Charged\",\"deep\":{}", nested(depth)));
    let in_unknown =
        |depth| snapshot.replace("{\"version\"", &format!("{{\"later\":{},\"version\"", nested(depth)));
    for place in [&in_state as &dyn Fn(u32) -> String, &in_event, &in_unknown] {
        assert!(RunAtRest::from_snapshot(&place(MAX_DEPTH)).is_ok());
        assert_eq!(RunAtRest::from_snapshot(&place(200_000)).err(), Some(SnapshotError::TooDeep));
    }
}
