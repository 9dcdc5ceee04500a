use super::super::{LifecycleError, PauseError};
use super::*;

#[test]
fn a_pause_waits_for_what_is_in_flight_and_invokes_nothing_new() {
    let mut story = Story::start();
    story.told();
    story.pauses();
    assert_eq!(story.told(), Vec::<String>::new(), "charge is at work");
    story.returns("charge", "Charged");
    assert_eq!(story.told(), [release("blazen::StartEvent"), "paused".to_owned()]);
    assert!(story.run.is_paused());
    story.goes_on();
    assert_eq!(story.told(), [invoke("ship", "Charged"), invoke("audit", "Charged")]);
}

#[test]
fn pausing_twice_is_pausing_once() {
    let mut story = Story::start();
    story.pauses();
    story.pauses();
    story.returns("charge", "Shipped");
    story.pauses();
    assert_eq!(story.told().iter().filter(|told| *told == "paused").count(), 1);
}

#[test]
fn a_run_that_ends_while_it_pauses_has_ended() {
    let mut story = Story::start();
    story.pauses();
    story.returns("charge", "blazen::StopEvent");
    assert!(matches!(story.run.outcome(), Some(Outcome::Completed { .. })));
    assert!(!story.told().contains(&"paused".to_owned()));
    assert_eq!(story.run.resume_in_place(Millis(0)), Err(LifecycleError::Ended));
    assert_eq!(story.run.pause(SessionPausePolicy::HardError), Err(PauseError::Ended));
}

#[test]
fn a_run_that_is_not_paused_cannot_be_resumed() {
    let mut story = Story::start();
    assert_eq!(story.run.resume_in_place(Millis(0)), Err(LifecycleError::NotPaused));
}

#[test]
fn a_pause_may_be_taken_back_while_it_waits() {
    let mut story = Story::start();
    story.pauses();
    story.goes_on();
    story.told();
    story.returns("charge", "Shipped");
    assert_eq!(story.told()[1..], [invoke("close", "Shipped")]);
}

#[test]
fn a_pause_that_waits_no_longer_invokes_again_on_resume_with_the_attempt_raised() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
    story.pauses();
    story.told();
    assert_eq!(story.run.interrupt(), [ship, audit]);
    story.drain();
    assert_eq!(story.told(), ["paused"]);

    let late = story.event("Shipped");
    assert!(story.run.settle(ship, Some(late)).is_err(), "what the cut short handler returns is not taken");
    story.goes_on();
    assert!(story.run.settle(ship, None).is_err(), "nor for the second attempt");
    assert!(story.run.set(ship, b"k", NewValue::Json("1")).is_err());
    assert_eq!(story.told(), [invoke("ship", "Charged") + " again", invoke("audit", "Charged") + " again"]);
}

#[test]
fn an_interruption_of_a_run_that_does_not_pause_does_nothing() {
    let mut story = Story::start();
    assert!(story.run.interrupt().is_empty());
    story.returns("charge", "Shipped");
    assert_eq!(story.run.outcome(), None);
}

#[test]
fn events_that_a_cut_short_handler_has_sent_are_not_sent_again() {
    let mut story = Story::start();
    story.sends("charge", "Shipped");
    story.returns("close", "Charged");
    story.pauses();
    story.run.interrupt();
    story.goes_on();
    story.told();

    story.sends("charge", "Shipped");
    assert_eq!(story.told(), [release("Shipped")], "the first send of the second attempt is the first again");
    story.sends("charge", "Shipped");
    assert_eq!(story.told(), [invoke("close", "Shipped")], "the second is new");
}

#[test]
fn a_cut_short_delivery_goes_before_what_was_queued_after_it() {
    let mut story = Story::start();
    story.pauses();
    story.sends("charge", "Shipped");
    story.run.interrupt();
    story.drain();
    story.told();
    story.goes_on();
    assert_eq!(story.told(), [invoke("charge", "blazen::StartEvent") + " again", invoke("close", "Shipped")]);
}

#[test]
fn a_pause_may_not_wait_for_some_and_wait_for_the_others() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
    story.run.set(ship, b"ship", NewValue::Json("1")).unwrap();
    story.run.set(audit, b"audit", NewValue::Json("1")).unwrap();
    story.pauses();
    story.told();
    assert_eq!(story.run.cut_short(&[ship, InvocationId(99)]), [ship]);
    story.drain();
    assert!(!story.run.is_paused(), "audit is at work");
    assert_eq!(story.run.cut_short(&[ship]), []);
    let late = story.event("Shipped");
    assert!(story.run.settle(ship, Some(late)).is_err(), "what the cut short handler returns is not taken");

    story.returns_nothing("audit");
    assert!(story.run.is_paused());
    let state = story.run.state().unwrap();
    assert!(
        state.get(b"ship").is_none() && state.get(b"audit").is_some(),
        "writes are taken back one by one"
    );
    story.told();
    story.goes_on();
    assert_eq!(story.told(), [invoke("ship", "Charged") + " again"]);
}

#[test]
fn what_others_have_read_of_a_handler_that_is_not_waited_for_stands() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
    story.run.set(ship, b"k", NewValue::Json("1")).unwrap();
    story.run.get(audit, b"k").unwrap();
    story.pauses();
    story.run.cut_short(&[ship]);
    story.returns_nothing("audit");
    assert!(story.run.state().unwrap().get(b"k").is_some(), "what audit commits may come of it");
}

#[test]
fn of_handlers_that_are_not_waited_for_together_nothing_stands() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
    story.run.set(ship, b"k", NewValue::Json("1")).unwrap();
    story.run.get(audit, b"k").unwrap();
    story.pauses();
    assert_eq!(story.run.cut_short(&[audit, ship]), [ship, audit]);
    assert!(story.run.state().unwrap().get(b"k").is_none());
}

#[test]
fn a_run_that_does_not_pause_waits_for_all() {
    let mut story = Story::start();
    assert!(story.run.cut_short(&[story.invocation("charge")]).is_empty());
    story.returns("charge", "Shipped");
    assert_eq!(story.run.outcome(), None);
}
