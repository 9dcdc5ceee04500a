//! What of a run waits until its store has what has caused it.
//!
//! The fixture drains effects but never changes: these stories take the changes, and say when they are durable.

use std::fmt::Write;

use super::super::super::journal::{Change, Standing};
use super::*;
use crate::state_value::StateValue;

impl Story {
    /// The changes that were made since the last look, in words.
    pub(super) fn changes(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(change) = self.run.poll_change() {
            words.push(self.words_of(&change));
        }
        words
    }

    /// Everything that was made is durable now.
    pub(super) fn is_stored(&mut self) {
        self.run.durable(self.run.last_change());
        self.drain();
    }

    /// What was told since the last look is forgotten, and everything is durable.
    pub(super) fn at_rest(mut self) -> Self {
        self.changes();
        self.is_stored();
        self.told();
        self
    }

    fn words_of(&self, change: &Change) -> String {
        let mut words = format!("{}:", change.number);
        let contents = &change.contents;
        let mut say = |text: std::fmt::Arguments<'_>| _ = write!(words, " {text}");
        if contents.whole {
            say(format_args!("whole"));
        }
        if let Some(settled) = contents.settled {
            say(format_args!("settled {}", settled.delivery.0));
        }
        if let Some(key) = &contents.held {
            say(format_args!("held under {key}"));
        }
        if let Some(number) = contents.done {
            say(format_args!("done as {number}"));
        }
        for gathered in &contents.gathered {
            say(format_args!("gathered {}", gathered.0));
        }
        if let Some((delivery, count)) = contents.sent {
            say(format_args!("sent {count} from {}", delivery.0));
        }
        for (delivery, added) in &contents.added {
            say(format_args!("added {added} from {}", delivery.0));
        }
        for again in &contents.again {
            say(format_args!("again {} as attempt {} sent {}", again.delivery.0, again.attempt, again.sent));
            say_due(&mut say, again.due);
        }
        if let Some(wait) = &contents.closed {
            say(format_args!("closed {wait}"));
        }
        for queued in &contents.queued {
            say(format_args!(
                "queued {} for {}",
                queued.delivery.0,
                self.run.definition().step_name(queued.step)
            ));
            say_due(&mut say, queued.due);
            if let Some(number) = queued.done {
                say(format_args!("done as {number}"));
            }
        }
        for opened in &contents.opened {
            say(format_args!("opened {}", opened.id));
        }
        for written in &contents.written {
            say(format_args!("{} is {}", written.key, json(written.after.as_ref())));
        }
        for payload in &contents.streamed {
            say(format_args!("streamed {}", self.payloads[&payload.0]));
        }
        match &change.standing {
            Standing::Running => {}
            Standing::Paused => say(format_args!("paused")),
            Standing::Ended(Outcome::Completed { .. }) => say(format_args!("completed")),
            Standing::Ended(Outcome::Failed(_)) => say(format_args!("failed")),
            Standing::Ended(Outcome::Aborted) => say(format_args!("aborted")),
        }
        if change.ending.is_some() {
            say(format_args!("undoing"));
        }
        words
    }

    pub(super) fn sets(&mut self, step: &str, key: &str, value: &str) {
        self.run
            .set(self.invocation(step), key.as_bytes(), NewValue::Json(value))
            .expect("the handler is at work");
    }

    pub(super) fn gets(&mut self, step: &str, key: &str) -> String {
        let invocation = self.invocation(step);
        json(self.run.get(invocation, key.as_bytes()).expect("the run goes on"))
    }
}

fn say_due(say: &mut impl FnMut(std::fmt::Arguments<'_>), due: Option<Millis>) {
    if let Some(due) = due {
        say(format_args!("at {}", due.0));
    }
}

fn json(value: Option<&StateValue>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(StateValue::Json(json)) => json.clone(),
        Some(StateValue::Bytes(bytes)) => format!("{bytes:?}"),
    }
}

/// `charge` is at work on delivery 1 and has sent `Charged`; `ship` is at work on 2 and `audit` on 3.
pub(super) fn three_at_work(durability: Durability) -> Story {
    let mut story = Story::stored(durability).at_rest();
    story.sends("charge", "Charged");
    story.at_rest()
}

#[test]
fn in_sync_nothing_is_invoked_before_what_has_caused_it_is_durable() {
    let mut story = Story::stored(Durability::Sync);
    assert!(story.told().is_empty());
    assert_eq!(story.changes(), ["1: queued 1 for charge"]);
    story.is_stored();
    assert_eq!(story.told(), [invoke("charge", "blazen::StartEvent")]);

    story.sends("charge", "Charged");
    story.returns("charge", "Shipped");
    assert_eq!(story.told(), [release("blazen::StartEvent")]);
    assert_eq!(
        story.changes(),
        ["2: sent 1 from 1 queued 2 for ship queued 3 for audit", "3: settled 1 queued 4 for close"]
    );
    story.run.durable(2);
    story.drain();
    assert_eq!(story.told(), [invoke("ship", "Charged"), invoke("audit", "Charged")], "and not yet close");
    story.run.durable(3);
    story.drain();
    assert_eq!(story.told(), [invoke("close", "Shipped")]);
}

#[test]
fn in_sync_no_question_is_put_before_it_is_durable() {
    let mut story = Story::stored(Durability::Sync).at_rest();
    story.asks("charge", "r1");
    assert_eq!(story.changes(), ["2: settled 1 opened r1"]);
    assert_eq!(story.told(), [release("blazen::StartEvent")]);
    story.is_stored();
    assert_eq!(story.told(), [format!("publish {}", text("request r1"))]);
}

#[test]
fn in_async_a_run_goes_on_ahead_of_its_store() {
    let mut story = Story::stored(Durability::Async);
    story.returns("charge", "Shipped");
    assert_eq!(
        story.told(),
        [invoke("charge", "blazen::StartEvent"), release("blazen::StartEvent"), invoke("close", "Shipped")]
    );
    assert_eq!(story.changes(), ["1: queued 1 for charge", "2: settled 1 queued 2 for close"]);
}

#[test]
fn in_async_a_run_waits_for_a_store_that_is_thousands_of_changes_behind() {
    let mut definition = Definition::new("orders").unwrap();
    definition.add_step("again", &["blazen::StartEvent".to_owned(), "Again".to_owned()]).unwrap();
    let options =
        RunOptions { time_limit: None, durability: Some(Durability::Async), ..RunOptions::default() };
    let mut story = Story::start_with(Arc::new(definition), options);
    let mut hops = 0_u64;
    while story.told().last()
        == Some(&invoke("again", if hops == 0 { "blazen::StartEvent" } else { "Again" }))
    {
        story.returns("again", "Again");
        hops += 1;
        assert!(hops < 10_000, "the run never waits");
    }
    assert_eq!(story.run.last_change(), hops + 1);
    story.run.durable(1);
    story.drain();
    assert_eq!(story.told(), [invoke("again", "Again")]);
}

#[test]
fn in_exit_a_run_is_written_when_it_ends_and_when_its_driver_says_so() {
    let mut story = Story::stored(Durability::Exit);
    story.sets("charge", "a", "1");
    story.returns("charge", "Shipped");
    story.pauses();
    story.run.interrupt();
    story.drain();
    assert!(story.told().contains(&"paused".to_owned()));
    assert!(story.changes().is_empty());
    story.run.write_whole();
    assert_eq!(story.changes(), ["1: whole queued 2 for close a is 1 paused"]);

    story.is_stored();
    story.goes_on();
    story.sets("close", "b", "2");
    story.returns("close", "blazen::StopEvent");
    assert_eq!(story.changes(), ["2: whole a is 1 b is 2 completed"]);
}

#[test]
fn an_end_is_announced_only_when_everything_is_durable() {
    for durability in [Durability::Sync, Durability::Async, Durability::Exit] {
        let mut story = Story::stored(durability);
        story.changes();
        if durability != Durability::Exit {
            story.run.durable(1);
            story.drain();
        }
        story.returns("charge", "blazen::StopEvent");
        assert_eq!(story.changes().len(), 1, "{durability:?}");
        assert!(!story.told().contains(&"ended".to_owned()), "{durability:?}");
        story.is_stored();
        assert_eq!(story.told(), ["ended"], "{durability:?}");
    }
}

#[test]
fn a_pause_is_announced_only_when_everything_is_durable() {
    for durability in [Durability::Sync, Durability::Async] {
        let mut story = Story::stored(durability).at_rest();
        story.pauses();
        story.returns("charge", "Shipped");
        assert_eq!(story.changes(), ["2: settled 1 queued 2 for close paused"]);
        story.told();
        story.drain();
        assert!(story.told().is_empty(), "{durability:?}");
        story.is_stored();
        assert_eq!(story.told(), ["paused"], "{durability:?}");
    }
}

#[test]
fn after_a_pause_nothing_is_invoked_before_it_is_durable_that_the_run_goes_on() {
    let mut story = Story::stored(Durability::Sync).at_rest();
    story.pauses();
    story.returns("charge", "Shipped");
    let mut story = story.at_rest();
    story.goes_on();
    assert_eq!(story.changes(), ["3:"]);
    assert!(story.told().is_empty(), "a crash would leave a paused run, and an attempt that nobody counts");
    story.is_stored();
    assert_eq!(story.told(), [invoke("close", "Shipped")]);
}

#[test]
fn what_was_cut_short_is_not_invoked_again_before_its_attempt_is_durable() {
    let mut story = three_at_work(Durability::Sync);
    story.returns_nothing("audit");
    story.returns_nothing("ship");
    let mut story = story.at_rest();
    story.pauses();
    story.run.interrupt();
    story.goes_on();
    assert_eq!(story.changes(), ["5: again 1 as attempt 2 sent 1 paused", "6:"]);
    story.run.durable(5);
    story.drain();
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(story.told(), [invoke("charge", "blazen::StartEvent") + " again"]);
}

#[test]
fn an_abandoned_run_ends_here_and_changes_nothing_in_its_store() {
    let mut story = three_at_work(Durability::Sync);
    story.returns_nothing("audit");
    story.changes();
    story.told();
    story.run.abandon();
    story.drain();
    assert_eq!(story.told(), ["ended"], "although not everything is durable");
    assert!(story.changes().is_empty());
    assert!(story.run.settle(story.invocation("ship"), None).is_err());
}

#[test]
fn what_is_told_to_be_durable_twice_or_too_early_does_no_harm() {
    let mut story = Story::stored(Durability::Sync);
    story.run.durable(99);
    story.drain();
    story.run.durable(0);
    story.returns("charge", "Shipped");
    assert_eq!(story.run.durable_change(), 1);
    assert_eq!(story.run.last_change(), 2);
    assert!(!story.told().contains(&invoke("close", "Shipped")));
}
