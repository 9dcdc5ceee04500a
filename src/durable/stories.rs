//! Runs that go to a store and come back from it, while they undo what they have done.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Recorder, at_rest};
use crate::engine::{
    Definition, Durability, Effect, Emission, EventTypeId, Invocation, Millis, Now, Outcome, PayloadRef,
    RetryPolicy, Run, RunId, RunOptions, StepOptions,
};
use crate::store::{CheckpointStore, MemoryStore, Status, StoredRun};

const RUN: Uuid = Uuid::from_u128(7);
const NOW: Millis = Millis(0);
const SYNC: RunOptions = RunOptions {
    time_limit: None,
    durability: Some(Durability::Sync),
    state_conflicts: crate::engine::StateConflicts::Off,
    keeps_stream: false,
};

/// A run, what writes it, and where to.
struct Story {
    run: Run,
    recorder: Recorder,
    store: MemoryStore,
    called: Vec<Invocation>,
}

/// `charge` and `reserve`, which can be undone once, and `ship`.
fn orders() -> Arc<Definition> {
    let once = RetryPolicy {
        max_attempts: 1,
        initial_delay: Duration::ZERO,
        factor: 1.0,
        max_delay: Duration::ZERO,
        jitter: 0.0,
    };
    let mut definition = Definition::new("orders").unwrap();
    for (step, accepts, compensation) in [
        ("charge", "blazen::StartEvent", Some(once)),
        ("reserve", "Charged", Some(once)),
        ("ship", "Reserved", None),
    ] {
        let options = StepOptions { compensation, ..StepOptions::default() };
        definition.add_step_with(step, &[accepts.to_owned()], options).unwrap();
    }
    Arc::new(definition)
}

impl Story {
    /// `charge` and `reserve` are done, `ship` is at work.
    fn shipping() -> Self {
        let run = Run::start(orders(), RunId(RUN), PayloadRef(0), SYNC, NOW);
        let recorder = Recorder::new(RunId(RUN), orders());
        let mut story = Self { run, recorder, store: MemoryStore::new(), called: Vec::new() };
        story.recorder.keep_text(PayloadRef(0), r#"{"type":"blazen::StartEvent"}"#.into());
        story.goes_on();
        for (number, event_type) in [(1, "Charged"), (2, "Reserved")] {
            let payload = PayloadRef(number);
            story.recorder.keep_text(payload, format!(r#"{{"type":"{event_type}"}}"#).into());
            story.returns(Some(Emission::Event { event_type: known(event_type), payload }));
        }
        story
    }

    /// The same run in a process after this one.
    fn taken_up(mut self) -> Self {
        let stored = self.stored();
        let ending = stored.ending.clone();
        let run = Run::resume(orders(), at_rest(stored), SYNC, Now::virtually(NOW)).expect("the same steps");
        let mut recorder = Recorder::new(RunId(RUN), orders());
        if let Some(ending) = ending {
            recorder.keep_failure(ending.to_string());
        }
        let mut story = Self { run, recorder, called: Vec::new(), ..self };
        story.goes_on();
        story
    }

    /// Everything that can be done is done: changes are durable, and what is called is at work.
    fn goes_on(&mut self) {
        loop {
            while let Some(change) = self.run.poll_change() {
                let number = change.number;
                let commit = self.recorder.record(change, Now::virtually(NOW));
                assert_eq!(self.store.commit(&[commit]).unwrap(), [Ok(())]);
                self.run.durable(number);
            }
            match self.run.poll_effect() {
                Some(Effect::Invoke(invocation) | Effect::Compensate(invocation)) => {
                    self.called.push(invocation);
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// What was called last returns.
    fn returns(&mut self, emission: Option<Emission>) {
        self.run.settle(self.called.last().unwrap().id, emission).unwrap();
        self.goes_on();
    }

    /// What was called last fails, with this error of the run.
    fn fails(&mut self, error: &str) {
        self.recorder.keep_failure(error.to_owned());
        self.run.fail_step(self.called.last().unwrap().id).unwrap();
        self.goes_on();
    }

    fn stored(&mut self) -> StoredRun {
        self.store.load(RUN).unwrap().expect("it has begun")
    }

    /// What is done and how it is numbered, and which attempt to undo it is next.
    fn done(&mut self) -> Vec<(Option<u64>, u32)> {
        self.stored().pending.iter().map(|pending| (pending.done, pending.attempt)).collect()
    }
}

fn known(event_type: &str) -> EventTypeId {
    orders().event_type(event_type).unwrap()
}

#[test]
fn a_store_has_why_a_run_is_about_to_end_with_every_change_and_at_the_end() {
    let mut story = Story::shipping();
    assert_eq!(story.done(), [(Some(1), 1), (Some(2), 1), (None, 1)]);
    assert_eq!(story.stored().ending, None);
    story.fails(r#"{"code":"C"}"#);
    assert_eq!(story.stored().ending.as_deref(), Some(r#"{"code":"C"}"#));
    story.returns(None);
    assert_eq!(story.stored().ending.as_deref(), Some(r#"{"code":"C"}"#));
    story.fails(r#"{"code":"C","more":1}"#);
    let error = r#"{"code":"C","more":1}"#.to_owned();
    assert_eq!(story.stored().status, Status::Failed { error });
}

#[test]
fn what_the_engine_fails_a_run_with_is_told_in_its_words() {
    let mut story = Story::shipping();
    story.returns(None);
    let ending = story.stored().ending.unwrap();
    assert!(ending.starts_with(r#"{"code":"ERR_BLAZEN_STALLED","message":"#), "{ending}");
    story.returns(None);
    story.returns(None);
    assert_eq!(story.stored().status, Status::Failed { error: ending.to_string() });
}

#[test]
fn a_run_that_was_lost_while_it_undid_goes_on_and_ends_as_it_was_to_end() {
    let error = r#"{"code":"ERR_BLAZEN_ABORTED"}"#;
    let mut story = Story::shipping();
    story.recorder.keep_failure(error.to_owned());
    assert!(story.run.abort());
    story.goes_on();
    assert_eq!(story.called.last().unwrap().attempt, 1);
    let mut story = story.taken_up();
    assert_eq!(story.called.iter().map(|one| one.attempt).collect::<Vec<_>>(), [2], "reserve, once more");
    assert_eq!(story.done(), [(Some(1), 1), (Some(2), 2), (None, 1)], "what was on its way counts no more");
    story.returns(None);
    let mut story = story.taken_up();
    story.returns(None);
    assert_eq!(story.run.outcome(), Some(&Outcome::Aborted));
    assert_eq!(story.stored().status, Status::Cancelled { error: error.to_owned() });
}
