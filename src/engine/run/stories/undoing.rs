//! Runs that undo what they have done before they fail or are aborted.

use super::super::super::definition::StepOptions;
use super::super::super::retry_policy::{FailedAttempt, RetryPolicy};
use super::super::super::run_at_rest::{
    Ending, HeldEvent, Origin, PendingDelivery, PendingEvent, RestingWait, ResumeError, RunAtRest, WaitKind,
};
use super::super::{Incoming, ReceiveError};
use super::*;
use crate::StateValue;

const WHY: &str = r#"{"code":"C","message":"M"}"#;

const TWICE: RetryPolicy = RetryPolicy {
    max_attempts: 2,
    initial_delay: Duration::from_millis(10),
    factor: 2.0,
    max_delay: Duration::from_secs(1),
    jitter: 0.0,
};

/// `charge` starts, `reserve` and `note` take `Charged`, `ship` takes `Reserved`; all but `note` and `ship` can be undone, at
/// the second attempt.
fn saga() -> Arc<Definition> {
    saga_where(&["charge", "reserve"])
}

fn saga_where(undoable: &[&str]) -> Arc<Definition> {
    let mut definition = Definition::new("saga").unwrap();
    for (step, accepts) in [
        ("charge", "blazen::StartEvent"),
        ("reserve", "Charged"),
        ("note", "Charged"),
        ("ship", "Reserved"),
        ("hear", "blazen::InputResponseEvent"),
    ] {
        let compensation = undoable.contains(&step).then_some(TWICE);
        let options = StepOptions { retry: Some(TWICE), compensation, ..StepOptions::default() };
        definition.add_step_with(step, &[accepts.to_owned()], options).unwrap();
    }
    Arc::new(definition)
}

fn begun(durability: Option<Durability>) -> Story {
    Story::start_with(saga(), RunOptions { durability, ..RunOptions::default() })
}

/// `charge` and `reserve` are done, `note` and `ship` are at work.
fn shipping(durability: Option<Durability>) -> Story {
    let mut story = begun(durability).at_rest();
    story.returns("charge", "Charged");
    let mut story = story.at_rest();
    story.returns("reserve", "Reserved");
    story.at_rest()
}

/// `charge` has sent two events and goes on; `reserve` has put the first aside, and is at work on the second.
fn one_of_two_is_put_aside() -> (Story, InvocationId) {
    let mut story = begun(None);
    story.sends("charge", "Charged");
    let first = story.invocation("reserve");
    story.sends("charge", "Charged");
    let second = story.invocation("reserve");
    assert!(!story.collects_two(first));
    story.run.settle(first, None).unwrap();
    (story, second)
}

impl Story {
    fn fails(&mut self, step: &str) {
        self.run.fail_step(self.invocation(step)).expect("it is at work");
        self.drain();
    }

    fn fails_once(&mut self, step: &str) -> bool {
        let failed = FailedAttempt { retryable: true, retry_after: None, chance: 0.0 };
        let again =
            self.run.try_again(self.invocation(step), &failed, Millis(self.now)).expect("it is at work");
        self.drain();
        again
    }

    /// `reserver`, an invocation of `reserve`, collects two of `Charged`. Says whether it has them.
    fn collects_two(&mut self, reserver: InvocationId) -> bool {
        let charged = EventTypeId(4);
        let collected = self.run.collect(reserver, &"k".into(), charged, &[(charged, 2)]);
        collected.expect("it is at work").is_some()
    }

    fn aborts(&mut self) -> bool {
        let aborted = self.run.abort();
        self.drain();
        aborted
    }
}

fn undo(step: &str, event_type: &str) -> String {
    format!("undo {step} with {}", text(event_type))
}

#[test]
fn what_is_done_is_undone_in_the_reverse_order_of_its_completion_and_then_the_run_fails() {
    let mut story = shipping(None);
    story.fails("ship");
    assert_eq!(story.told(), ["undoing", &release("Reserved"), &undo("reserve", "Charged")]);
    assert!(story.run.is_undoing() && story.run.outcome().is_none());
    story.returns_nothing("undo reserve");
    assert_eq!(story.told(), [release("Charged"), undo("charge", "blazen::StartEvent")]);
    story.returns_nothing("undo charge");
    assert_eq!(story.told(), ["ended"]);
    assert_eq!(story.failure(), Some(&RunFailure::StepFailed { step: "ship".into() }));
}

#[test]
fn what_several_have_written_before_they_were_dropped_is_one_change_of_each_key() {
    let options = RunOptions { durability: Some(Durability::Sync), ..RunOptions::default() };
    let mut story = Story::start_with(saga_where(&["note"]), options).at_rest();
    story.sends("charge", "Charged");
    let mut story = story.at_rest();
    story.changes();
    story.told();
    for (step, value) in [("charge", "1"), ("reserve", "2")] {
        story.sets(step, "a", value);
        assert_eq!(story.gets("note", "a"), value);
    }
    story.fails("reserve");
    let change = story.run.poll_change().expect("it undoes");
    let written: Vec<_> = change
        .contents
        .written
        .iter()
        .map(|written| (written.key.as_str(), written.before.is_some(), written.after.clone()))
        .collect();
    assert_eq!(written, [(Some("a"), false, Some(StateValue::Json("2".to_owned())))]);
}

#[test]
fn nothing_is_undone_before_it_is_stored_that_the_run_is_about_to_end() {
    for durability in [Durability::Sync, Durability::Async] {
        let mut story = shipping(Some(durability));
        story.is_stored();
        story.told();
        story.fails("ship");
        assert!(!story.told().contains(&undo("reserve", "Charged")), "{durability:?}");
        story.is_stored();
        assert_eq!(story.told(), [undo("reserve", "Charged")]);
    }
}

#[test]
fn a_run_that_completes_undoes_nothing() {
    let mut story = shipping(None);
    story.returns("ship", "blazen::StopEvent");
    assert_eq!(story.told(), ["ended"]);
    assert!(matches!(story.run.outcome(), Some(Outcome::Completed { .. })));
}

#[test]
fn a_run_that_has_done_nothing_that_can_be_undone_ends_at_once() {
    let mut story = begun(None);
    story.told();
    story.fails("charge");
    assert_eq!(story.told(), ["ended"], "the step that failed is not done");
}

#[test]
fn a_step_that_gives_up_or_only_puts_its_event_aside_is_not_done() {
    let mut story = begun(None);
    let charged = story.event("Charged");
    story.run.give_up(story.invocation("charge"), charged).unwrap();
    story.drain();
    assert!(!story.collects_two(story.invocation("reserve")));
    story.returns_nothing("reserve");
    story.told();
    story.fails("note");
    assert_eq!(story.told(), ["ended"]);
}

#[test]
fn whoever_gathers_a_set_is_done() {
    let (mut story, second) = one_of_two_is_put_aside();
    assert!(story.collects_two(second));
    story.run.settle(second, None).unwrap();
    story.drain();
    story.told();
    story.fails("charge");
    assert_eq!(story.told().last(), Some(&undo("reserve", "Charged")));
    assert_eq!(story.invoked.last().unwrap().1.delivery, DeliverySeq(4));
    story.returns_nothing("undo reserve");
    assert_eq!(story.told().last().map(String::as_str), Some("ended"));
}

#[test]
fn what_waits_for_others_is_let_go_of_when_nothing_is_at_work() {
    let mut story = begun(None);
    story.returns("charge", "Charged");
    assert!(!story.collects_two(story.invocation("reserve")));
    story.returns_nothing("reserve");
    story.told();
    story.fails("note");
    assert_eq!(story.told(), ["undoing", &release("Charged"), &undo("charge", "blazen::StartEvent")]);
}

#[test]
fn whoever_is_waited_for_may_still_gather_what_waits_for_it() {
    let (mut story, second) = one_of_two_is_put_aside();
    story.returns_nothing("charge");
    story.fails("note");
    story.told();
    assert!(story.collects_two(second));
    story.returns_nothing("reserve");
    assert_eq!(story.told(), [release("Charged"), undo("reserve", "Charged")]);
}

#[test]
fn a_handler_at_work_whose_step_can_be_undone_is_waited_for_and_undone_if_it_returns() {
    for returns in [true, false] {
        let mut story = begun(None);
        story.returns("charge", "Charged");
        story.told();
        story.fails("note");
        assert_eq!(story.told(), ["undoing"], "reserve is at work");
        if returns {
            story.returns("reserve", "Reserved");
            assert_eq!(story.told(), [release("Reserved"), undo("reserve", "Charged")]);
            story.returns_nothing("undo reserve");
        } else {
            assert!(!story.fails_once("reserve"), "it is not called again");
            story.fails("reserve");
        }
        assert_eq!(story.told(), [release("Charged"), undo("charge", "blazen::StartEvent")]);
    }
}

#[test]
fn what_such_a_handler_sends_meanwhile_is_taken_and_goes_nowhere() {
    let mut story = begun(None);
    story.returns("charge", "Charged");
    story.fails("note");
    story.told();
    story.sends("reserve", "Reserved");
    story.sends("reserve", "Unheard");
    assert_eq!(story.told(), [release("Reserved")]);
    assert!(story.run.outcome().is_none());
}

#[test]
fn nothing_is_taken_from_other_handlers_and_what_they_wrote_is_taken_back() {
    let mut story = shipping(None);
    story.sets("note", "by note", "1");
    story.fails("ship");
    assert_eq!(story.run.settle(story.invocation("note"), None), Err(DeliveryError::Undoing));
    assert_eq!(story.gets("undo reserve", "by note"), "nothing");
}

#[test]
fn nothing_is_taken_from_outside_any_more() {
    let mut story = shipping(None);
    story.fails("ship");
    story.told();
    for at_once in [true, false] {
        let payload = story.keep("Charged");
        let event_type = story.run.definition().event_type("Charged").expect("it is known");
        let incoming = Incoming { id: ExactString::from("late"), event_type, payload, at_once };
        assert_eq!(story.run.receive(incoming), Err(ReceiveError::Ended));
    }
    story.drain();
    assert_eq!(story.told(), [] as [String; 0], "nothing is undone that was not done");
}

#[test]
fn what_waits_is_dropped_and_a_request_cannot_be_answered_any_more() {
    let mut story = shipping(None);
    story.sends("ship", "Charged");
    story.returns_nothing("reserve");
    story.asks("note", "r1");
    story.told();
    story.fails("ship");
    assert!(story.told().contains(&release("request r1")));
    assert_eq!(story.answers("r1"), Err(super::super::RespondError::Ended));
}

#[test]
fn a_compensation_reads_and_writes_the_state() {
    let mut story = begun(None);
    story.sets("charge", "id", "7");
    story.returns("charge", "Charged");
    story.returns_nothing("reserve");
    story.fails("note");
    story.sets("undo reserve", "undone", "true");
    story.returns_nothing("undo reserve");
    assert_eq!(story.gets("undo charge", "id"), "7");
    assert_eq!(story.gets("undo charge", "undone"), "true");
}

#[test]
fn a_compensation_that_fails_is_called_again_after_its_wait() {
    let mut story = shipping(None);
    story.it_is(5);
    story.fails("ship");
    assert!(story.fails_once("undo reserve"));
    assert_eq!(story.run.wake_at(), Some(Millis(15)));
    story.told();
    story.it_is(15);
    assert_eq!(story.told(), [undo("reserve", "Charged") + " again"]);
    assert!(!story.fails_once("undo reserve"));
    story.fails("undo reserve");
    assert_eq!(story.told(), [release("Charged"), undo("charge", "blazen::StartEvent")]);
    story.returns_nothing("undo charge");
    assert_eq!(story.failure(), Some(&RunFailure::StepFailed { step: "ship".into() }));
}

#[test]
fn an_abort_undoes_in_whatever_phase_the_run_is_and_a_second_one_changes_nothing() {
    for pauses in [false, true] {
        let mut story = shipping(None);
        story.returns_nothing("note");
        if pauses {
            story.pauses();
        }
        assert!(story.aborts());
        assert!(!story.aborts());
        assert_eq!(story.told().last(), Some(&undo("reserve", "Charged")));
        story.returns_nothing("undo reserve");
        story.returns_nothing("undo charge");
        assert_eq!(story.run.outcome(), Some(&Outcome::Aborted));
    }
}

#[test]
fn the_engine_s_own_failures_undo_as_well_and_the_time_limit_counts_no_more() {
    let limited = RunOptions {
        time_limit: Some(Duration::from_millis(100)),
        durability: None,
        ..RunOptions::default()
    };
    let mut story = Story::start_with(saga(), limited);
    story.returns("charge", "Charged");
    story.returns_nothing("reserve");
    story.it_is(100);
    assert_eq!(story.run.wake_at(), None);
    story.it_is(10_000);
    story.returns_nothing("undo reserve");
    story.returns_nothing("undo charge");
    assert!(matches!(story.failure(), Some(RunFailure::TimedOut { .. })));

    let mut story = shipping(None);
    story.returns("ship", "Unheard");
    assert!(matches!(story.run.ending(), Some(Outcome::Failed(RunFailure::Unrouted { .. }))));

    let mut story = shipping(None);
    story.returns_nothing("ship");
    story.returns_nothing("note");
    assert!(matches!(story.run.ending(), Some(Outcome::Failed(RunFailure::Stalled { .. }))));
}

#[test]
fn a_store_knows_what_is_done_that_the_run_undoes_and_what_is_undone() {
    let mut story = begun(Some(Durability::Sync)).at_rest();
    story.returns("charge", "Charged");
    assert_eq!(story.changes(), ["2: settled 1 done as 1 queued 2 for reserve queued 3 for note"]);
    let mut story = story.at_rest();
    story.returns("reserve", "Reserved");
    assert_eq!(story.changes(), ["3: settled 2 done as 2 queued 4 for ship"]);
    let mut story = story.at_rest();
    story.fails("ship");
    assert_eq!(story.changes(), ["4: undoing"]);
    assert_eq!(story.told(), ["undoing", &release("Reserved")], "nothing is undone before that is durable");
    story.is_stored();
    assert_eq!(story.told(), [undo("reserve", "Charged")]);
    assert!(story.fails_once("undo reserve"));
    assert_eq!(story.changes(), ["5: again 2 as attempt 2 sent 0 at 10 undoing"]);
    story.it_is(10);
    assert_eq!(story.changes(), ["6: again 2 as attempt 2 sent 0 undoing"]);
    story.is_stored();
    story.returns_nothing("undo reserve");
    assert_eq!(story.changes(), ["7: settled 2 undoing"]);
    story.is_stored();
    story.fails("undo charge");
    assert_eq!(story.changes(), ["8: settled 1 failed"], "it is over, although it is not undone");
    story.is_stored();
    assert_eq!(story.told().last().map(String::as_str), Some("ended"));
}

#[test]
fn a_run_that_is_only_written_at_rest_is_written_with_what_is_done_or_else_to_be_undone() {
    let mut story = begun(Some(Durability::Exit));
    story.returns("charge", "Charged");
    story.returns("reserve", "Reserved");
    story.returns_nothing("note");
    story.pauses();
    story.returns("ship", "Charged");
    story.run.write_whole();
    assert_eq!(
        story.changes(),
        [
            "1: whole queued 5 for reserve queued 6 for note queued 1 for charge done as 1 queued 2 for reserve done as 2 paused"
        ]
    );
    story.is_stored();
    story.goes_on();
    story.returns_nothing("reserve");
    story.fails("note");
    story.pauses();
    story.run.interrupt();
    story.run.write_whole();
    assert_eq!(
        story.changes(),
        [
            "2: whole queued 5 for reserve done as 3 queued 1 for charge done as 1 queued 2 for reserve done as 2 paused undoing"
        ]
    );
}

#[test]
fn a_run_that_is_paused_while_it_undoes_goes_on_undoing_elsewhere() {
    let mut story = shipping(None);
    story.fails("ship");
    story.pauses();
    story.run.interrupt();
    story.drain();
    let texts: Vec<String> =
        story.run.pending_payloads().iter().map(|payload| story.payloads[&payload.0].clone()).collect();
    let refused = story.run.snapshot(&texts, SessionPausePolicy::PickleOrError, "now", story.clocks());
    assert_eq!(refused, Err(super::super::SnapshotRefusal::EndingMissing));
    story.run.keep_ending(WHY.into());
    let snapshot = story.snapshot();
    let at_rest = RunAtRest::from_snapshot(&snapshot).unwrap();
    assert_eq!(at_rest.ending, Some(Ending { error: WHY.into(), is_abort: false }));
    let mut moved = Story::moved_to(&snapshot, saga()).unwrap();
    assert_eq!(moved.run.wake_at(), None, "its time limit counts no more");
    assert_eq!(moved.told(), [undo("reserve", "Charged") + " again"]);
    moved.returns_nothing("undo reserve");
    moved.returns_nothing("undo charge");
    assert_eq!(moved.failure(), Some(&RunFailure::Earlier));
}

#[test]
fn two_that_are_done_by_one_number_are_both_undone() {
    let mut at_rest = stored(Some("{}"), false);
    at_rest.pending_events[0].deliveries[0].done = Some(u64::MAX);
    at_rest.pending_events[1].deliveries[0].done = Some(u64::MAX);
    let mut story = taken_up(at_rest, saga()).unwrap();
    story.is_stored();
    story.returns_nothing("undo reserve");
    story.is_stored();
    story.returns_nothing("undo charge");
    assert_eq!(story.run.outcome(), Some(&Outcome::Aborted));
}

#[test]
fn a_handler_that_was_waited_for_and_that_a_pause_cuts_short_is_not_done() {
    let mut story = begun(None);
    story.returns("charge", "Charged");
    story.fails("note");
    story.pauses();
    story.run.interrupt();
    story.drain();
    story.told();
    story.goes_on();
    assert_eq!(story.told(), [undo("charge", "blazen::StartEvent")]);
}

/// `charge` and `reserve` are done as 1 and 2, an event waits for others, and one is on its way to `ship`.
fn stored(ending: Option<&str>, paused: bool) -> RunAtRest {
    let delivery = |seq: u64, step: &str| PendingDelivery {
        seq: DeliverySeq(seq),
        step: step.into(),
        attempt: 1,
        sent: 0,
        due: None,
        held: None,
        gathered: false,
        done: None,
        added: None,
    };
    let event = |event_type: &str, delivery| PendingEvent {
        json: text(event_type).into(),
        deliveries: vec![delivery],
    };
    let held = Some(HeldEvent { key: "k".into(), event_type: "Charged".into() });
    RunAtRest {
        id: RunId(uuid::Uuid::from_u128(7)),
        workflow_name: "saga".to_owned(),
        workflow_version: None,
        children: Vec::new(),
        state: crate::engine::KeySpace::default(),
        pending_events: vec![
            event("blazen::StartEvent", PendingDelivery { done: Some(1), ..delivery(1, "charge") }),
            event("Charged", PendingDelivery { done: Some(2), ..delivery(2, "reserve") }),
            event("Charged", PendingDelivery { held, ..delivery(4, "reserve") }),
            event("Reserved", delivery(5, "ship")),
        ],
        waits: vec![RestingWait {
            id: "r1".into(),
            kind: WaitKind::Input,
            json: text("request r1").into(),
            due: None,
            expiry: None,
        }],
        time_remaining: None,
        last_delivery: DeliverySeq(5),
        ending: ending.map(|error| Ending { error: error.into(), is_abort: true }),
        origin: Origin::Store { changes: 6, streamed: 0, paused, rewritten: false },
    }
}

fn taken_up(at_rest: RunAtRest, definition: Arc<Definition>) -> Result<Story, ResumeError> {
    let texts: Vec<String> = at_rest.payload_texts().map(ToString::to_string).collect();
    let next_payload = u32::try_from(texts.len()).unwrap();
    let options = RunOptions { durability: Some(Durability::Sync), ..RunOptions::default() };
    let run = Run::resume(definition, at_rest, options, Now::virtually(Millis(0)))?;
    let payloads = (0..).zip(texts).collect();
    Ok(Story { run, payloads, next_payload, told: Vec::new(), invoked: Vec::new(), now: 0 }.drained())
}

#[test]
fn a_lost_run_goes_on_undoing_and_what_may_have_begun_is_attempted_again() {
    let mut story = taken_up(stored(Some("{}"), false), saga()).unwrap();
    assert_eq!(story.told(), [release("Charged"), release("Reserved"), release("request r1")]);
    assert_eq!(story.changes(), ["7: again 2 as attempt 2 sent 0 undoing"]);
    story.is_stored();
    assert_eq!(story.told(), [undo("reserve", "Charged") + " again"]);
    story.returns_nothing("undo reserve");
    story.is_stored();
    story.returns_nothing("undo charge");
    assert_eq!(story.run.outcome(), Some(&Outcome::Aborted));
}

#[test]
fn a_lost_run_that_was_migrated_while_it_undid_is_written_whole_and_goes_on_with_that() {
    let mut story = taken_up(stored(Some("{}"), false).migrated_to(Some("2".into())), saga()).unwrap();
    assert_eq!(
        story.changes(),
        ["7: whole queued 2 for reserve done as 2 queued 1 for charge done as 1 undoing"]
    );
    assert_eq!(story.told(), [release("Charged"), release("Reserved"), release("request r1")]);
    story.is_stored();
    assert_eq!(
        story.told(),
        [undo("reserve", "Charged")],
        "whoever has rewritten it has counted its attempts"
    );
}

#[test]
fn a_lost_run_that_did_not_fail_undoes_what_is_done_when_it_does() {
    let mut story = taken_up(stored(None, false), saga()).unwrap();
    story.is_stored();
    assert!(story.told().contains(&(invoke("ship", "Reserved") + " again")));
    story.fails("ship");
    story.is_stored();
    assert_eq!(story.told().last(), Some(&undo("reserve", "Charged")));
    story.returns_nothing("undo reserve");
    story.is_stored();
    assert_eq!(story.told().last(), Some(&undo("charge", "blazen::StartEvent")));
}

#[test]
fn a_compensation_that_sleeps_wakes_at_its_time_after_a_crash() {
    let mut at_rest = stored(Some("{}"), false);
    at_rest.pending_events[1].deliveries[0].due = Some(super::super::super::clock::WallMillis(30));
    at_rest.pending_events[1].deliveries[0].attempt = 2;
    let mut story = taken_up(at_rest, saga()).unwrap();
    story.is_stored();
    assert_eq!(story.run.wake_at(), Some(Millis(30)));
    story.told();
    story.it_is(30);
    story.is_stored();
    assert_eq!(story.told(), [undo("reserve", "Charged") + " again"]);
    assert_eq!(story.invoked.last().unwrap().1.attempt, 2);
}

#[test]
fn a_run_that_was_paused_while_it_undid_stays_paused_until_it_is_resumed() {
    let mut story = taken_up(stored(Some("{}"), true), saga()).unwrap();
    assert!(story.run.is_paused());
    story.goes_on();
    assert_eq!(story.changes(), ["7: undoing"]);
    story.is_stored();
    assert_eq!(story.told().last(), Some(&undo("reserve", "Charged")));
}

#[test]
fn a_run_is_refused_by_a_workflow_that_cannot_undo_what_it_has_done() {
    let refused = taken_up(stored(None, false), saga_where(&["charge"])).err();
    assert!(
        matches!(refused, Some(ResumeError::CannotUndo { step, is_there: true, .. }) if step == "reserve")
    );
    let mut other = Definition::new("saga").unwrap();
    other.add_step("hear", &["blazen::InputResponseEvent".to_owned()]).unwrap();
    let refused = taken_up(stored(None, false), Arc::new(other)).err();
    assert!(
        matches!(refused, Some(ResumeError::CannotUndo { step, is_there: false, .. }) if step == "charge")
    );
}
