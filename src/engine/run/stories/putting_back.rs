//! Attempts whose handlers a driver has kept waiting, and has not called when a pause began.

use super::super::super::definition::StepOptions;
use super::*;

impl Story {
    fn puts_back(&mut self, invocations: &[InvocationId]) {
        self.run.put_back(invocations);
        self.drain();
    }

    fn deliveries_of(&self, step: &str) -> Vec<(u64, u32)> {
        let of_step = self.invoked.iter().filter(|(name, _)| name == step);
        of_step.map(|(_, invocation)| (invocation.delivery.0, invocation.attempt)).collect()
    }

    fn ids_of(&self, step: &str) -> Vec<InvocationId> {
        self.invoked.iter().filter(|(name, _)| name == step).map(|(_, invocation)| invocation.id).collect()
    }
}

#[test]
fn what_was_not_called_lets_the_run_pause_and_is_invoked_on_resume_as_the_same_attempt() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
    story.pauses();
    story.told();
    story.puts_back(&[audit, ship]);
    assert_eq!(story.told(), ["paused"]);
    assert!(story.run.settle(ship, None).is_err(), "nothing is taken for what was put back");

    story.goes_on();
    assert_eq!(story.told(), [invoke("ship", "Charged"), invoke("audit", "Charged")]);
    assert!(story.run.settle(ship, None).is_err(), "it has another number now");
    story.returns_nothing("ship");
}

#[test]
fn it_goes_as_the_same_attempt_into_a_snapshot() {
    let mut story = Story::start();
    story.pauses();
    story.puts_back(&[story.invocation("charge")]);
    let mut moved = Story::moved_to(&story.snapshot(), orders()).unwrap();
    assert_eq!(moved.told(), [invoke("charge", "blazen::StartEvent")]);
}

#[test]
fn an_attempt_after_others_keeps_its_number_and_what_they_have_sent() {
    let mut story = Story::start();
    story.sends("charge", "Shipped");
    story.returns_nothing("close");
    story.pauses();
    story.run.interrupt();
    story.goes_on();
    story.pauses();
    story.puts_back(&[story.invocation("charge")]);
    story.goes_on();
    assert_eq!(story.deliveries_of("charge"), [(1, 1), (1, 2), (1, 2)]);
    story.told();
    story.sends("charge", "Shipped");
    assert_eq!(story.told(), [release("Shipped")], "it is known as the one that was sent");
}

#[test]
fn a_pause_waits_on_for_what_is_at_work() {
    let mut story = Story::start();
    story.returns("charge", "Charged");
    story.pauses();
    story.puts_back(&[story.invocation("audit")]);
    assert!(!story.run.is_paused(), "ship is at work");
    story.returns_nothing("ship");
    assert!(story.run.is_paused());
    story.told();
    story.goes_on();
    assert_eq!(story.told(), [invoke("audit", "Charged")]);
}

#[test]
fn it_goes_before_what_was_queued_after_it() {
    let mut story = Story::start();
    story.sends("charge", "Charged");
    let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
    story.pauses();
    story.sends("charge", "Shipped");
    story.returns_nothing("charge");
    story.puts_back(&[audit, ship]);
    story.told();
    story.goes_on();
    let order = [invoke("ship", "Charged"), invoke("audit", "Charged"), invoke("close", "Shipped")];
    assert_eq!(story.told(), order);
}

#[test]
fn it_leaves_its_place_to_what_waits_for_one_in_its_own_run() {
    let mut definition = Definition::new("limited").unwrap();
    definition.add_step("split", &["blazen::StartEvent".to_owned()]).unwrap();
    let options = StepOptions { concurrency: Some(2), ..StepOptions::default() };
    definition.add_step_with("work", &["Work".to_owned()], options).unwrap();
    let mut story = Story::start_with(Arc::new(definition), RunOptions::default());
    for _ in 0..4 {
        story.sends("split", "Work");
    }
    story.returns_nothing("split");
    story.pauses();
    let at_work = story.ids_of("work");
    story.puts_back(&at_work[..1]);
    assert!(!story.run.is_paused());
    story.run.settle(at_work[1], None).unwrap();
    story.drain();
    assert!(story.run.is_paused());
    story.goes_on();
    assert_eq!(story.deliveries_of("work"), [(2, 1), (3, 1), (2, 1), (4, 1)]);
    story.run.settle(story.ids_of("work")[2], None).unwrap();
    story.drain();
    assert_eq!(story.deliveries_of("work").last(), Some(&(5, 1)), "and the limit is what it was");
}

#[test]
fn the_store_of_a_run_hears_nothing_of_it_but_the_pause() {
    let mut story = Story::stored(Durability::Sync).at_rest();
    let charge = story.invocation("charge");
    story.pauses();
    story.puts_back(&[charge]);
    assert_eq!(story.changes(), ["2: paused"]);
    story.is_stored();
    assert_eq!(story.told(), ["paused"]);
}

#[test]
fn what_is_not_in_flight_is_passed_over() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.returns("charge", "Shipped");
    story.told();
    story.puts_back(&[charge, InvocationId(99)]);
    assert_eq!(story.told(), Vec::<String>::new());
    story.returns("close", "blazen::StopEvent");
    story.puts_back(&[story.invocation("close")]);
    assert!(matches!(story.run.outcome(), Some(Outcome::Completed { .. })));
}

#[test]
fn in_a_run_that_does_not_pause_it_is_invoked_at_once() {
    let mut story = Story::start();
    story.told();
    story.puts_back(&[story.invocation("charge")]);
    assert_eq!(story.told(), [invoke("charge", "blazen::StartEvent")]);
}
