use super::super::super::conflicts::StateConflicts;
use super::super::super::definition::StepOptions;
use super::super::super::ids::InvocationId;
use super::super::super::retry_policy::{FailedAttempt, RetryPolicy};
use super::super::{AppendError, WriteError};
use super::schedules::Dice;
use super::*;
use crate::state_value::StateValue;

/// Three handlers at work at once.
fn three_at_work(conflicts: StateConflicts) -> (Story, [InvocationId; 3]) {
    let options = RunOptions { state_conflicts: conflicts, ..RunOptions::default() };
    let mut story = Story::start_with(orders(), options);
    story.sends("charge", "Charged");
    let at_work = ["charge", "ship", "audit"].map(|step| story.invocation(step));
    (story, at_work)
}

impl Story {
    fn writes(&mut self, writer: InvocationId, key: &str, json: &str) -> Result<(), WriteError> {
        self.run.set(writer, key.as_bytes(), NewValue::Json(json))
    }

    fn reads(&mut self, reader: InvocationId, key: &str) -> Option<String> {
        match self.run.get(reader, key.as_bytes()).unwrap()? {
            StateValue::Json(json) => Some(json.clone()),
            StateValue::Bytes(bytes) => Some(format!("{bytes:?}")),
        }
    }

    fn appends(&mut self, writer: InvocationId, key: &str, items: &str) -> Result<usize, AppendError> {
        self.run.append(writer, key.as_bytes(), items)
    }

    /// The last write was a lost update, in the words of who wrote in between.
    fn lost(&mut self) -> Option<String> {
        self.run.take_conflict().map(|conflict| format!("{} lost {}", conflict.reader, conflict.writer))
    }

    fn watched(&self) -> usize {
        format!("{:?}", self.run.conflicts).matches("Watched").count()
    }
}

fn refused(written: &Result<(), WriteError>) -> bool {
    matches!(written, Err(WriteError::Conflict(_)))
}

#[test]
fn what_another_has_written_since_it_was_read_is_a_lost_update() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Warn);
    story.reads(charge, "k");
    story.writes(ship, "k", "1").unwrap();
    assert_eq!(story.lost(), None);
    story.writes(charge, "k", "2").unwrap();
    assert_eq!(story.lost().as_deref(), Some("charge lost ship"));
    assert_eq!(story.reads(charge, "k").as_deref(), Some("2"));
}

#[test]
fn it_counts_whether_the_other_has_settled_or_not() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Warn);
    story.reads(charge, "k");
    story.writes(ship, "k", "1").unwrap();
    story.returns_nothing("ship");
    story.writes(charge, "k", "2").unwrap();
    assert_eq!(story.lost().as_deref(), Some("charge lost ship"));
}

#[test]
fn a_handler_that_is_invoked_later_is_seen_as_well() {
    let mut story = Story::start();
    let charge = story.invocation("charge");
    story.reads(charge, "k");
    story.sends("charge", "Charged");
    let ship = story.invocation("ship");
    story.writes(ship, "k", "1").unwrap();
    story.writes(charge, "k", "2").unwrap();
    assert_eq!(story.lost().as_deref(), Some("charge lost ship"));
}

#[test]
fn it_is_told_once_for_each_key() {
    let (mut story, [charge, ship, audit]) = three_at_work(StateConflicts::Warn);
    let mut told = Vec::new();
    for key in ["a", "b", "a"] {
        for reader in [charge, ship] {
            story.reads(reader, key);
            story.writes(audit, key, "1").unwrap();
            story.writes(reader, key, "2").unwrap();
            told.extend(story.lost());
        }
    }
    assert_eq!(told, ["charge lost audit", "charge lost audit"]);
}

#[test]
fn a_refused_write_leaves_what_stands_until_it_is_read_again() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.reads(charge, "k");
    story.writes(ship, "k", "1").unwrap();
    for _ in 0..2 {
        assert!(refused(&story.writes(charge, "k", "2")));
        assert!(matches!(story.run.remove(charge, b"k"), Err(WriteError::Conflict(_))));
        assert!(matches!(story.run.set(charge, b"k", NewValue::Bytes(&[1])), Err(WriteError::Conflict(_))));
    }
    assert_eq!(story.reads(ship, "k").as_deref(), Some("1"));
    assert_eq!(story.reads(charge, "k").as_deref(), Some("1"));
    story.writes(charge, "k", "2").unwrap();
    assert_eq!(story.reads(charge, "k").as_deref(), Some("2"));
}

#[test]
fn the_refusal_names_the_key_and_both_steps() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.reads(charge, "k");
    story.writes(ship, "k", "1").unwrap();
    assert_eq!(
        story.writes(charge, "k", "2").unwrap_err().to_string(),
        "lost update of the state key \"k\": step \"charge\" read it, and step \"ship\" wrote it since; use \
         ctx.state.update(), increment() or append(), which read and write in one go, or get it again before you set \
         it; the key keeps what it has"
    );
}

#[test]
fn a_key_that_was_taken_out_or_was_not_there_counts() {
    let (mut story, [charge, ship, audit]) = three_at_work(StateConflicts::Refuse);
    story.writes(audit, "there", "1").unwrap();
    story.reads(charge, "there");
    assert!(story.run.remove(ship, b"there").unwrap());
    assert!(refused(&story.writes(charge, "there", "2")));
    assert_eq!(story.run.remove(charge, b"there"), Ok(false), "nothing is lost");

    assert_eq!(story.reads(charge, "missing"), None);
    story.writes(ship, "missing", "1").unwrap();
    assert!(refused(&story.writes(charge, "missing", "2")));
}

#[test]
fn who_has_not_read_the_key_may_set_it_and_so_may_who_wrote_it_last() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.writes(charge, "k", "1").unwrap();
    story.writes(ship, "k", "2").unwrap();
    story.writes(charge, "k", "3").unwrap();

    story.reads(charge, "other");
    story.writes(ship, "k", "4").unwrap();
    story.writes(charge, "k", "5").unwrap();

    story.reads(ship, "k");
    for n in 0..3 {
        story.writes(ship, "k", &n.to_string()).unwrap();
        story.appends(ship, "list", "1").unwrap();
    }
    assert!(story.run.remove(ship, b"k").unwrap());
    story.writes(ship, "k", "6").unwrap();
}

#[test]
fn a_key_that_was_read_again_may_be_set() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.reads(charge, "k");
    story.writes(ship, "k", "1").unwrap();
    story.reads(charge, "k");
    story.writes(charge, "k", "2").unwrap();
    story.writes(ship, "k", "3").unwrap();
    assert!(refused(&story.writes(charge, "k", "4")), "what it set itself is not what stands");
}

#[test]
fn appending_is_no_lost_update_and_does_not_hide_one() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.reads(charge, "list");
    assert_eq!(story.appends(ship, "list", "1"), Ok(1));
    assert_eq!(story.appends(charge, "list", "2,3"), Ok(3));
    let refusal = story.writes(charge, "list", "[9]").unwrap_err();
    assert!(refusal.to_string().contains("step \"ship\" wrote it since"), "{refusal}");
    assert_eq!(story.reads(charge, "list").as_deref(), Some("[1,2,3]"));
}

#[test]
fn bookkeeping_is_no_reading() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.run.peek(charge, b"peeked").unwrap();
    story.reads(charge, "disregarded");
    story.run.disregard(charge, b"disregarded");
    story.run.disregard(charge, b"disregarded");
    for key in ["peeked", "disregarded"] {
        story.writes(ship, key, "1").unwrap();
        story.writes(charge, key, "2").unwrap();
    }
    assert_eq!(story.watched(), 0);
}

#[test]
fn another_attempt_has_read_nothing() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Refuse);
    story.reads(charge, "k");
    story.writes(ship, "k", "1").unwrap();
    story.pauses();
    story.run.interrupt();
    story.drain();
    assert_eq!(story.watched(), 0);
    story.goes_on();
    let [charge, ship] = ["charge", "ship"].map(|step| story.invocation(step));
    story.writes(ship, "k", "1").unwrap();
    story.writes(charge, "k", "2").unwrap();
}

#[test]
fn a_write_that_is_taken_back_is_none() {
    let (mut story, [charge, ship, audit]) = three_at_work(StateConflicts::Refuse);
    story.reads(charge, "k");
    story.reads(charge, "other");
    story.writes(audit, "other", "1").unwrap();
    story.writes(ship, "other", "2").unwrap();
    for n in 0..3 {
        story.writes(ship, "k", &n.to_string()).unwrap();
    }
    let instead = story.event("Shipped");
    story.run.give_up(ship, instead).unwrap();
    story.writes(charge, "k", "3").unwrap();
    let refusal = story.writes(charge, "other", "3").unwrap_err();
    assert!(refusal.to_string().contains("step \"audit\" wrote it since"), "{refusal}");
}

#[test]
fn an_attempt_after_a_failed_one_has_read_nothing_and_appends_once() {
    let mut definition = Definition::new("again").unwrap();
    let retry = RetryPolicy {
        max_attempts: 2,
        initial_delay: Duration::ZERO,
        factor: 1.0,
        max_delay: Duration::ZERO,
        jitter: 0.0,
    };
    let start = ["blazen::StartEvent".to_owned()];
    definition
        .add_step_with("fail", &start, StepOptions { retry: Some(retry), ..StepOptions::default() })
        .unwrap();
    definition.add_step("other", &start).unwrap();
    let options = RunOptions { state_conflicts: StateConflicts::Refuse, ..RunOptions::default() };
    let mut story = Story::start_with(Arc::new(definition), options);
    let [fail, other] = ["fail", "other"].map(|step| story.invocation(step));
    assert_eq!(story.appends(other, "list", "1"), Ok(1));
    story
        .run
        .send(other, Emission::Event { event_type: EventTypeId::START, payload: PayloadRef(9) })
        .unwrap();
    assert_eq!(story.appends(fail, "list", "2"), Ok(2));
    story.reads(fail, "k");
    let failed = FailedAttempt { retryable: true, retry_after: None, chance: 0.0 };
    assert!(story.run.try_again(fail, &failed, Millis(0)).unwrap());
    assert_eq!(story.watched(), 0);
    assert_eq!(story.reads(other, "list").as_deref(), Some("[1]"));
    story.writes(other, "k", "1").unwrap();
    assert_eq!(story.appends(other, "list", "2"), Ok(2), "it is counted anew");
}

#[test]
fn a_run_that_goes_on_from_a_snapshot_sees_lost_updates() {
    let mut story = Story::start();
    story.pauses();
    story.returns("charge", "Charged");
    let snapshot = story.snapshot();
    let mut story = Story::moved_to(&snapshot, orders()).unwrap();
    let [ship, audit] = ["ship", "audit"].map(|step| story.invocation(step));
    story.reads(ship, "k");
    story.writes(audit, "k", "1").unwrap();
    story.writes(ship, "k", "2").unwrap();
    assert_eq!(story.lost().as_deref(), Some("ship lost audit"));
}

#[test]
fn nobody_looks_where_nobody_wants_to_know() {
    let (mut story, [charge, ship, _]) = three_at_work(StateConflicts::Off);
    story.reads(charge, "k");
    assert_eq!(story.watched(), 0);
    story.writes(ship, "k", "1").unwrap();
    story.writes(charge, "k", "2").unwrap();
    assert_eq!(story.lost(), None);
}

#[test]
fn what_is_remembered_is_forgotten_with_the_handlers_that_have_read_it() {
    let (mut story, [charge, ship, audit]) = three_at_work(StateConflicts::Warn);
    for n in 0..100 {
        story.reads(charge, &format!("key {n}"));
        story.reads(ship, &format!("key {n}"));
        story.reads(ship, &format!("key {n}"));
    }
    assert_eq!(story.watched(), 100);
    story.writes(audit, "unread", "1").unwrap();
    story.returns_nothing("ship");
    assert_eq!(story.watched(), 100);
    story.returns_nothing("charge");
    assert_eq!(story.watched(), 0);
}

#[test]
fn in_any_schedule_a_write_is_refused_if_another_came_between() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let (mut story, at_work) = three_at_work(StateConflicts::Refuse);
        // The model: by handler and key, whether it has read the key, and who has written it since.
        let mut model = [[(false, None::<usize>); 2]; 3];
        for number in 0..dice.below(60) {
            let by = usize::try_from(dice.below(3)).unwrap();
            let at = usize::try_from(dice.below(2)).unwrap();
            let key = ["a", "b"][at];
            let wrote = match dice.below(5) {
                0 | 1 => {
                    story.reads(at_work[by], key);
                    model[by][at] = (true, None);
                    false
                }
                2 => {
                    // What it holds may be no array.
                    story.appends(at_work[by], key, "1").is_ok()
                }
                3 => {
                    let is_there = story.run.state().unwrap().get(key.as_bytes()).is_some();
                    let removed = story.run.remove(at_work[by], key.as_bytes());
                    let refused = is_there && model[by][at].1.is_some();
                    assert_eq!(removed.is_err(), refused, "seed {seed}");
                    removed == Ok(true)
                }
                _ => {
                    let json = if dice.below(2) == 0 { number.to_string() } else { "[]".to_owned() };
                    let set = story.writes(at_work[by], key, &json);
                    assert_eq!(refused(&set), model[by][at].1.is_some(), "seed {seed}, number {number}");
                    model[by][at].1.is_none()
                }
            };
            if wrote {
                for (_, others) in model.iter_mut().enumerate().filter(|(other, _)| *other != by) {
                    if others[at].0 {
                        others[at].1 = Some(by);
                    }
                }
            }
        }
    }
}
