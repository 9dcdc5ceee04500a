//! Deliveries that wait for their time: delayed events, and attempts after a failed one.

use super::super::super::definition::StepOptions;
use super::super::super::retry_policy::{FailedAttempt, RetryPolicy};
use super::*;

/// `fetch` starts, and is attempted three times, after 10 and 20 ms; `ship` takes `Charged`, `mend` takes `Broken`.
fn patient() -> Arc<Definition> {
    let mut definition = Definition::new("patient").unwrap();
    let retry = RetryPolicy {
        max_attempts: 3,
        initial_delay: Duration::from_millis(10),
        factor: 2.0,
        max_delay: Duration::from_secs(1),
        jitter: 0.0,
    };
    let types = |name: &str| [name.to_owned()];
    definition
        .add_step_with(
            "fetch",
            &types("blazen::StartEvent"),
            StepOptions { retry: Some(retry), ..StepOptions::default() },
        )
        .unwrap();
    definition.add_step("ship", &types("Charged")).unwrap();
    definition.add_step("mend", &types("Broken")).unwrap();
    Arc::new(definition)
}

fn begun(durability: Option<Durability>) -> Story {
    Story::start_with(patient(), RunOptions { time_limit: None, durability, ..RunOptions::default() })
}

impl Story {
    /// The handler of `step` throws. Says whether it will be called again.
    fn throws(&mut self, step: &str) -> bool {
        let failed = FailedAttempt { retryable: true, retry_after: None, chance: 0.0 };
        let invocation = self.invocation(step);
        let again = self.run.try_again(invocation, &failed, Millis(self.now)).expect("it is at work");
        self.drain();
        again
    }

    fn sends_later(&mut self, step: &str, event_type: &str, due: u64) {
        let payload = self.keep(event_type);
        let event_type = self.run.definition().event_type(event_type).unwrap();
        let later = Special::Later { event_type, payload, due: Millis(due) };
        self.run.send(self.invocation(step), later.into()).expect("the handler is at work");
        self.drain();
    }

    fn attempts(&self, step: &str) -> Vec<u32> {
        self.invoked.iter().filter(|(name, _)| name == step).map(|(_, one)| one.attempt).collect()
    }
}

#[test]
fn a_step_that_fails_is_attempted_again_when_its_wait_is_over() {
    let mut story = begun(None);
    story.it_is(5);
    assert!(story.throws("fetch"));
    assert_eq!(story.run.wake_at(), Some(Millis(15)));
    story.it_is(14);
    assert_eq!(story.attempts("fetch"), [1]);
    story.it_is(15);
    assert!(story.throws("fetch"));
    assert_eq!(story.run.wake_at(), Some(Millis(35)));
    story.it_is(1_000);
    assert_eq!(story.attempts("fetch"), [1, 2, 3]);
    assert!(!story.throws("fetch"), "that was the last one");
    assert_eq!(story.run.outcome(), None, "what comes of it is not decided yet");
    story.returns("fetch", "Charged");
    assert_eq!(story.attempts("ship"), [1]);
}

#[test]
fn what_a_failed_attempt_wrote_is_taken_back_and_what_it_sent_is_not_sent_again() {
    let mut story = begun(None);
    story.sets("fetch", "before", "1");
    story.sends("fetch", "Charged");
    story.sets("fetch", "after", "2");
    story.throws("fetch");
    story.it_is(10);
    assert_eq!(story.gets("fetch", "before"), "1");
    assert_eq!(story.gets("fetch", "after"), "nothing");
    story.told();
    story.sends("fetch", "Charged");
    assert_eq!(story.told(), [release("Charged")]);
}

#[test]
fn what_another_handler_has_read_of_a_failed_attempt_stands() {
    let mut story = begun(None);
    story.sends("fetch", "Charged");
    story.sets("fetch", "count", "1");
    assert_eq!(story.gets("ship", "count"), "1");
    story.throws("fetch");
    assert_eq!(story.gets("ship", "count"), "1");
}

#[test]
fn what_others_wrote_over_the_value_of_a_failed_attempt_stands() {
    let mut story = begun(None);
    story.sends("fetch", "Charged");
    story.sets("fetch", "key", "1");
    story.sets("ship", "key", "2");
    story.throws("fetch");
    assert_eq!(story.gets("ship", "key"), "2");
}

#[test]
fn an_event_in_the_stead_of_a_step_that_has_failed_for_good_is_routed() {
    let mut story = begun(None);
    story.sets("fetch", "key", "1");
    let broken = story.event("Broken");
    story.run.give_up(story.invocation("fetch"), broken).unwrap();
    story.drain();
    assert_eq!(story.attempts("mend"), [1]);
    assert_eq!(story.gets("mend", "key"), "nothing");
}

#[test]
fn a_delayed_event_is_delivered_at_its_time_and_keeps_the_run_from_stalling() {
    let mut story = begun(None);
    story.sends_later("fetch", "Charged", 50);
    story.sends_later("fetch", "Broken", 40);
    story.returns_nothing("fetch");
    assert_eq!(story.run.outcome(), None);
    story.it_is(40);
    assert_eq!((story.attempts("ship").len(), story.attempts("mend").len()), (0, 1));
    story.it_is(50);
    assert_eq!(story.attempts("ship"), [1]);
    story.returns_nothing("ship");
    story.returns_nothing("mend");
    assert!(matches!(story.failure(), Some(RunFailure::Stalled { .. })));
}

#[test]
fn what_is_due_at_one_instant_is_delivered_in_the_order_in_which_it_was_sent() {
    let mut story = begun(None);
    for _ in 0..100 {
        story.sends_later("fetch", "Charged", 9);
    }
    story.it_is(9);
    let deliveries: Vec<_> = story.invoked.iter().map(|(_, one)| one.delivery).collect();
    assert_eq!(deliveries.len(), 101);
    assert!(deliveries.is_sorted());
}

#[test]
fn nothing_wakes_while_a_run_is_paused_and_what_was_due_then_wakes_when_it_goes_on() {
    let mut story = begun(None);
    story.sends_later("fetch", "Charged", 10);
    story.pauses();
    assert!(story.throws("fetch"));
    assert!(story.run.is_paused(), "what sleeps is not waited for");
    assert_eq!(story.run.wake_at(), None);
    story.it_is(500);
    assert_eq!(story.invoked.len(), 1);
    story.goes_on();
    assert_eq!((story.attempts("fetch"), story.attempts("ship")), (vec![1, 2], vec![1]));
}

#[test]
fn a_wait_goes_over_with_the_snapshot_and_what_has_passed_of_it_is_passed() {
    let mut story = begun(None);
    story.sends_later("fetch", "Charged", 1_000);
    story.throws("fetch");
    story.it_is(4);
    story.pauses();
    let snapshot = story.snapshot();
    let mut moved = Story::moved_to(&snapshot, patient()).unwrap();
    // There the clock begins at 0: on the wall that is 4 ms earlier than here.
    assert_eq!(moved.run.wake_at(), Some(Millis(10)));
    moved.it_is(10);
    assert_eq!(moved.attempts("fetch"), [2]);
    assert_eq!(moved.run.wake_at(), Some(Millis(1_000)));
}

#[test]
fn an_end_leaves_nothing_asleep() {
    let mut story = begun(None);
    story.sends_later("fetch", "Charged", 10);
    story.returns("fetch", "blazen::StopEvent");
    assert_eq!(story.run.wake_at(), None);
    story.it_is(10);
    assert_eq!(story.invoked.len(), 1);
}

#[test]
fn a_store_is_told_until_when_a_delivery_sleeps_and_that_it_has_woken() {
    let mut story = begun(Some(Durability::Sync));
    story.is_stored();
    story.changes();
    story.sends_later("fetch", "Charged", 30);
    assert_eq!(story.changes(), ["2: sent 1 from 1 queued 2 for ship at 30"]);
    story.it_is(3);
    story.throws("fetch");
    assert_eq!(story.changes(), ["3: again 1 as attempt 2 sent 1 at 13"]);
    story.it_is(13);
    assert_eq!(story.changes(), ["4: again 1 as attempt 2 sent 1"]);
    assert_eq!(story.attempts("fetch"), [1], "that it may have begun is durable first");
    story.is_stored();
    assert_eq!(story.attempts("fetch"), [1, 2]);
}

#[test]
fn a_run_that_is_written_whole_is_written_with_what_sleeps() {
    let mut story = begun(Some(Durability::Exit));
    story.sends_later("fetch", "Charged", 30);
    story.throws("fetch");
    story.pauses();
    story.run.write_whole();
    assert_eq!(story.changes(), ["1: whole queued 1 for fetch at 10 queued 2 for ship at 30 paused"]);
}

#[test]
fn what_comes_due_at_once_comes_in_the_order_of_its_times() {
    let mut story = begun(None);
    story.sends_later("fetch", "Broken", 30);
    story.sends_later("fetch", "Charged", 20);
    story.told();
    story.it_is(40);
    assert_eq!(story.told(), [invoke("ship", "Charged"), invoke("mend", "Broken")]);
}

#[test]
fn what_came_due_while_nobody_was_there_comes_in_the_order_of_its_times() {
    let mut story = begun(None);
    story.it_is(10);
    story.sends_later("fetch", "Broken", 30);
    story.sends_later("fetch", "Charged", 20);
    story.pauses();
    story.returns_nothing("fetch");
    let later = story.snapshot().replace("\"due\":30", "\"due\":-1").replace("\"due\":20", "\"due\":-2");
    let mut moved = Story::moved_to(&later, patient()).unwrap();
    assert_eq!(moved.told(), [invoke("ship", "Charged"), invoke("mend", "Broken")]);
}
