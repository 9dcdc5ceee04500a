use super::*;

#[test]
fn a_run_begins_with_the_steps_that_accept_the_start_event() {
    let mut story = Story::start();
    assert_eq!(story.told(), [invoke("charge", "blazen::StartEvent")]);
}

#[test]
fn an_event_reaches_every_step_that_accepts_it_and_is_released_after_the_last() {
    let mut story = Story::start();
    story.told();
    story.returns("charge", "Charged");
    assert_eq!(
        story.told(),
        [release("blazen::StartEvent"), invoke("ship", "Charged"), invoke("audit", "Charged")]
    );
    story.returns_nothing("ship");
    assert_eq!(story.told(), Vec::<String>::new());
    story.returns("audit", "Shipped");
    assert_eq!(story.told(), [release("Charged"), invoke("close", "Shipped")]);
}

#[test]
fn events_of_one_handler_are_delivered_in_the_order_emitted() {
    let mut story = Story::start();
    story.told();
    for event_type in ["Shipped", "Charged", "Shipped"] {
        let emission = story.event(event_type);
        story.run.stage(story.invocation("charge"), emission).unwrap();
    }
    story.settles("charge", None);
    assert_eq!(
        story.told()[1..],
        [
            invoke("close", "Shipped"),
            invoke("ship", "Charged"),
            invoke("audit", "Charged"),
            invoke("close", "Shipped")
        ]
    );
}

#[test]
fn an_event_that_no_step_accepts_fails_the_run_and_names_what_may_have_been_meant() {
    let mut story = Story::start();
    story.told();
    story.returns("charge", "Chraged");
    assert_eq!(story.told(), ["ended"]);
    assert_eq!(
        story.failure().unwrap().to_string(),
        "no step of workflow \"orders\" accepts the event \"Chraged\"; did you mean \"Charged\"?"
    );
}

#[test]
fn a_workflow_that_nothing_starts_fails_at_once() {
    let mut definition = Definition::new("idle").unwrap();
    definition.add_step("late", &["Later".to_owned()]).unwrap();
    let mut story = Story::start_with(Arc::new(definition), RunOptions::default());
    assert_eq!(story.told(), ["ended"]);
    assert!(
        matches!(story.failure(), Some(RunFailure::Unrouted { event_type, .. }) if event_type == "blazen::StartEvent")
    );
}

#[test]
fn a_run_with_nothing_left_to_do_has_stalled() {
    let mut story = Story::start();
    story.returns_nothing("charge");
    assert!(
        matches!(story.failure(), Some(RunFailure::Stalled { last_step: Some(step), .. }) if step == "charge")
    );
}

#[test]
fn a_run_does_not_stall_while_a_handler_is_at_work() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    story.returns_nothing("ship");
    assert_eq!(story.run.outcome(), None);
    story.returns_nothing("audit");
    assert!(matches!(story.failure(), Some(RunFailure::Stalled { .. })));
}

#[test]
fn the_first_stop_event_ends_the_run_and_nothing_after_it_counts() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    story.told();
    story.returns("ship", "blazen::StopEvent");
    assert_eq!(story.told(), ["ended"]);
    let outcome = story.run.outcome().cloned();
    assert!(matches!(outcome, Some(Outcome::Completed { .. })));

    let late = story.event("Nobody");
    assert!(story.run.settle(story.invocation("audit"), Some(late)).is_err());
    story.run.abort();
    story.drain();
    assert_eq!(story.run.outcome().cloned(), outcome);
    assert_eq!(story.told(), Vec::<String>::new());
}

#[test]
fn what_a_handler_emits_after_a_stop_event_is_dropped() {
    let mut story = Story::start();
    for event_type in ["Charged", "blazen::StopEvent", "Nobody"] {
        let emission = story.event(event_type);
        story.run.stage(story.invocation("charge"), emission).unwrap();
    }
    story.told();
    story.settles("charge", None);
    assert_eq!(story.told(), ["ended"]);
    assert!(matches!(story.run.outcome(), Some(Outcome::Completed { .. })));
}
