use super::super::DeliveryError;
use super::*;

#[test]
fn an_event_sent_in_mid_handler_is_delivered_at_once() {
    let mut story = Story::start();
    story.told();
    story.sends("charge", "Shipped");
    assert_eq!(story.told(), [invoke("close", "Shipped")]);
    story.returns_nothing("charge");
    assert_eq!(story.run.outcome(), None, "close is still at work");
}

#[test]
fn nothing_is_taken_from_a_handler_that_has_settled() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.returns("charge", "Charged");
    let late = story.event("Shipped");
    assert_eq!(story.run.send(charge, late), Err(DeliveryError::Settled));
    assert_eq!(story.run.settle(charge, None), Err(DeliveryError::Settled));
    assert_eq!(story.run.fail_step(charge), Err(DeliveryError::Settled));
    assert_eq!(story.run.set(charge, b"k", NewValue::Json("1")), Err(DeliveryError::Settled.into()));
    assert_eq!(story.run.remove(charge, b"k"), Err(DeliveryError::Settled.into()));
    assert!(story.run.session_mut(charge).is_err());
    assert_eq!(story.run.outcome(), None);
}

#[test]
fn nothing_is_taken_from_a_handler_whose_run_has_ended() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.run.abort();
    assert_eq!(story.run.settle(charge, None), Err(DeliveryError::Ended));
    assert_eq!(story.run.set(charge, b"k", NewValue::Bytes(&[1])), Err(DeliveryError::Ended.into()));
}

#[test]
fn a_handler_that_throws_fails_the_run() {
    let mut story = Story::start();
    story.run.fail_step(story.invocation("charge")).unwrap();
    assert_eq!(story.failure(), Some(&RunFailure::StepFailed { step: "charge".into() }));
}

#[test]
fn payloads_do_not_pile_up_over_a_long_run() {
    let mut definition = Definition::new("loop").unwrap();
    definition.add_step("again", &["blazen::StartEvent".to_owned(), "Again".to_owned()]).unwrap();
    let mut story = Story::start_with(Arc::new(definition), RunOptions::default());
    for _ in 0..10_000 {
        story.returns("again", "Again");
        story.told();
        story.invoked.drain(..story.invoked.len() - 1);
        assert_eq!(story.payloads.len(), 1);
    }
    assert!(story.run.in_flight.by_age().len() == 1 && story.run.queue.is_empty());
}
