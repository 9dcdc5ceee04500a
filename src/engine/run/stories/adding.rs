//! What is added to the state is added once, however often a handler is called.

use super::super::super::definition::StepOptions;
use super::super::super::retry_policy::{FailedAttempt, RetryPolicy};
use super::schedules::Dice;
use super::storing::three_at_work;
use super::*;
use crate::state_value::StateValue;

impl Story {
    /// The handler of `step` counts up a key as a driver does it for JavaScript, and is told the sum.
    fn counts(&mut self, step: &str, key: &str) -> i64 {
        let invocation = self.invocation(step);
        if let Some(known) = self.run.remembered(invocation, key.as_bytes()).unwrap() {
            return number(Some(&known));
        }
        let sum = number(self.run.get(invocation, key.as_bytes()).unwrap()) + 1;
        self.run.add(invocation, key.as_bytes(), NewValue::Json(&sum.to_string())).unwrap();
        sum
    }

    fn appends_one(&mut self, step: &str, key: &str, item: &str) -> i64 {
        let invocation = self.invocation(step);
        if let Some(known) = self.run.remembered(invocation, key.as_bytes()).unwrap() {
            return number(Some(&known));
        }
        i64::try_from(self.run.append(invocation, key.as_bytes(), item).unwrap()).unwrap()
    }

    fn number_at(&self, key: &str) -> i64 {
        number(self.run.committed(key.as_bytes()))
    }

    /// What is in flight is cut short, and called again.
    fn begins_again(&mut self) {
        self.pauses();
        self.run.interrupt();
        self.goes_on();
        self.is_stored();
    }
}

fn number(value: Option<&StateValue>) -> i64 {
    match value {
        None => 0,
        Some(StateValue::Json(json)) => json.parse().unwrap(),
        Some(StateValue::Bytes(_)) => panic!("these are bytes"),
    }
}

#[test]
fn what_was_added_before_a_send_is_not_added_again() {
    let mut story = Story::stored(Durability::Sync).at_rest();
    assert_eq!(story.counts("charge", "n"), 1);
    assert_eq!(story.appends_one("charge", "list", "7"), 1);
    story.sends("charge", "Shipped");
    assert_eq!(
        story.changes(),
        [r#"2: sent 1 from 1 added [["list",[1]],["n",[1]]] from 1 queued 2 for close list is [7] n is 1"#]
    );
    assert_eq!(story.counts("charge", "n"), 2);
    story.begins_again();
    for attempt in 2..=3 {
        assert_eq!(story.counts("charge", "n"), 1, "attempt {attempt}");
        assert_eq!(story.appends_one("charge", "list", "8"), 1, "attempt {attempt}");
        story.sends("charge", "Shipped");
        assert_eq!(story.counts("charge", "n"), 2, "attempt {attempt}: that was taken back");
        if attempt == 2 {
            story.begins_again();
        }
    }
    story.changes();
    story.returns_nothing("charge");
    assert_eq!(story.changes(), ["7: settled 1 n is 2"]);
    assert_eq!(story.number_at("n"), 2);
}

#[test]
fn what_another_handler_has_read_is_kept_with_it_and_not_added_again() {
    let mut story = three_at_work(Durability::Sync);
    assert_eq!(story.counts("ship", "n"), 1);
    assert_eq!(story.counts("audit", "n"), 2);
    story.returns_nothing("audit");
    assert_eq!(story.changes(), [r#"3: settled 3 added [["n",[1]]] from 2 n is 2"#]);
    story.begins_again();
    assert_eq!(story.counts("ship", "n"), 1);
    story.returns_nothing("ship");
    assert_eq!(story.number_at("n"), 2);
}

#[test]
fn what_a_failed_attempt_has_added_and_another_has_read_is_not_added_again() {
    let mut definition = Definition::new("orders").unwrap();
    let start = ["blazen::StartEvent".to_owned()];
    let retry = RetryPolicy {
        max_attempts: 3,
        initial_delay: Duration::ZERO,
        factor: 1.0,
        max_delay: Duration::ZERO,
        jitter: 0.0,
    };
    let options = StepOptions { retry: Some(retry), ..StepOptions::default() };
    definition.add_step_with("charge", &start, options).unwrap();
    definition.add_step("audit", &start).unwrap();
    let options = RunOptions { durability: Some(Durability::Async), ..RunOptions::default() };
    let mut story = Story::start_with(Arc::new(definition), options);
    story.changes();
    assert_eq!(story.counts("charge", "n"), 1);
    assert_eq!(story.counts("charge", "own"), 1);
    assert_eq!(story.counts("audit", "n"), 2);
    let failed = FailedAttempt { retryable: true, retry_after: None, chance: 0.0 };
    assert_eq!(story.run.try_again(story.invocation("charge"), &failed, Millis(0)), Ok(true));
    assert_eq!(
        story.changes(),
        [r#"2: added [["n",[1]],["own",[1]]] from 1 again 1 as attempt 2 sent 0 at 0 n is 1 own is 1"#]
    );
    story.it_is(1);
    assert_eq!(story.counts("charge", "n"), 1);
    assert_eq!(story.counts("charge", "own"), 1);
    story.returns_nothing("audit");
    assert_eq!(story.number_at("n"), 2);
    assert_eq!(story.number_at("own"), 1);
}

#[test]
fn what_is_set_again_before_it_is_added_to_is_added_to_again() {
    let mut story = Story::start();
    for attempt in 1..=3 {
        assert_eq!(story.counts("charge", "before"), 1);
        story.sets("charge", "n", "10");
        assert_eq!(story.counts("charge", "n"), 11, "attempt {attempt}");
        story.sends("charge", "Shipped");
        assert_eq!(story.counts("charge", "n"), 12, "attempt {attempt}");
        let charge = story.invocation("charge");
        story.run.remove(charge, b"list").unwrap();
        assert_eq!(story.appends_one("charge", "list", "1,2"), 2, "attempt {attempt}");
        story.sends("charge", "Shipped");
        assert_eq!(story.number_at("n"), 12);
        story.begins_again();
    }
    assert_eq!(story.number_at("before"), 1);
}

#[test]
fn what_was_added_goes_with_a_snapshot_and_with_nothing_that_has_settled() {
    let mut story = Story::start();
    assert_eq!(story.counts("charge", "n"), 1);
    story.sends("charge", "Charged");
    assert_eq!(story.counts("audit", "n"), 2);
    story.sends("audit", "Shipped");
    assert_eq!(story.counts("ship", "n"), 3);
    story.returns_nothing("ship");
    story.pauses();
    story.run.interrupt();
    let snapshot = story.snapshot();
    let added: Vec<_> = snapshot.match_indices(r#""added":[["n",["#).collect();
    assert_eq!(added.len(), 2, "{snapshot}");
    let mut moved = Story::moved_to(&snapshot, orders()).unwrap();
    assert_eq!(moved.counts("charge", "n"), 1);
    assert_eq!(moved.counts("audit", "n"), 2);
    assert_eq!(moved.counts("close", "n"), 4, "it has added nothing yet");
    for step in ["audit", "close"] {
        moved.returns_nothing(step);
    }
    moved.pauses();
    moved.run.interrupt();
    let left = moved.snapshot();
    assert_eq!(left.matches("\"added\"").count(), 1, "{left}");

    let spoilt = left.replace(r#""added":[["n",[1]]]"#, r#""added":[["n",[true]]]"#);
    assert_ne!(spoilt, left);
    let refused = RunAtRest::from_snapshot(&spoilt).unwrap_err().to_string();
    assert!(refused.contains("`added` is not what was added"), "{refused}");
}

#[test]
fn a_run_that_is_only_written_at_rest_remembers_what_was_added() {
    let mut story = Story::stored(Durability::Exit);
    assert_eq!(story.counts("charge", "n"), 1);
    story.sends("charge", "Shipped");
    story.returns_nothing("close");
    story.pauses();
    story.run.interrupt();
    story.run.write_whole();
    let change = story.run.poll_change().unwrap();
    assert_eq!(change.contents.queued[0].added.as_deref(), Some(r#"[["n",[1]]]"#));
}

#[test]
fn however_a_fan_in_is_interrupted_one_handler_is_the_last() {
    let names: Vec<String> = (0..6).map(|n| format!("step {n}")).collect();
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let mut definition = Definition::new("orders").unwrap();
        for name in &names {
            definition.add_step(name, &["blazen::StartEvent".to_owned()]).unwrap();
        }
        definition.add_step("last", &["Last".to_owned()]).unwrap();
        definition.add_step("aside", &["Aside".to_owned()]).unwrap();
        let mut story = Story::start_with(Arc::new(definition), RunOptions::default());
        let mut working: Vec<(&str, Option<i64>)> = names.iter().map(|name| (name.as_str(), None)).collect();
        let mut was_last = 0;
        while !working.is_empty() {
            let at = usize::try_from(dice.below(working.len() as u64)).unwrap();
            let (step, count) = working[at];
            match dice.below(6) {
                0 => {
                    story.begins_again();
                    for (_, count) in &mut working {
                        *count = None;
                    }
                }
                1 => story.sends(step, "Aside"),
                2 | 3 if count.is_none() => working[at].1 = Some(story.counts(step, "n")),
                4 => {
                    if let Some(count) = count {
                        working.remove(at);
                        was_last += usize::from(count == 6);
                        let event = (count == 6).then(|| story.event("Last"));
                        story.settles(step, event);
                    }
                }
                _ => {}
            }
        }
        assert_eq!((was_last, story.number_at("n")), (1, 6), "seed {seed}");
    }
}
