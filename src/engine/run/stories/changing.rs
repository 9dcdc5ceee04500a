//! What each kind of change holds: what has happened, and all that it depends on.

use super::super::super::journal::TimeLeft;
use super::storing::three_at_work;
use super::*;

#[test]
fn a_change_holds_what_its_handler_has_written_since_the_last_one() {
    let mut story = Story::stored(Durability::Sync).at_rest();
    story.sets("charge", "a", "1");
    story.sets("charge", "b", "1");
    story.sends("charge", "Shipped");
    story.sets("charge", "a", "2");
    story.returns_nothing("charge");
    assert_eq!(story.changes(), ["2: sent 1 from 1 queued 2 for close a is 1 b is 1", "3: settled 1 a is 2"]);
}

#[test]
fn a_change_holds_what_its_handler_has_read_of_others() {
    let mut story = three_at_work(Durability::Sync);
    story.sets("charge", "a", "1");
    story.sets("charge", "b", "1");
    story.sets("ship", "c", "1");
    assert_eq!(story.gets("audit", "a"), "1");
    story.sets("audit", "d", "1");
    story.returns_nothing("audit");
    assert_eq!(story.changes(), ["3: settled 3 a is 1 b is 1 d is 1"], "and not what ship has written");
    story.returns_nothing("charge");
    assert_eq!(story.changes(), ["4: settled 1"], "what it wrote is there already");
}

#[test]
fn what_was_read_through_others_is_held_as_well() {
    let mut story = three_at_work(Durability::Sync);
    story.sets("charge", "a", "1");
    story.gets("ship", "a");
    story.sets("ship", "b", "1");
    story.run.keys(story.invocation("audit")).unwrap();
    story.sends("audit", "Shipped");
    assert_eq!(story.changes(), ["3: sent 1 from 3 queued 4 for close a is 1 b is 1"]);
}

#[test]
fn whether_a_key_was_there_is_read_as_well() {
    for (before, was_there) in [(None, true), (Some("0"), false)] {
        let mut story = Story::stored(Durability::Sync).at_rest();
        if let Some(before) = before {
            story.sets("charge", "a", before);
        }
        story.sends("charge", "Charged");
        let mut story = story.at_rest();
        let (ship, audit) = (story.invocation("ship"), story.invocation("audit"));
        match before {
            None => story.sets("ship", "a", "1"),
            Some(_) => assert_eq!(story.run.remove(ship, b"a"), Ok(true)),
        }
        story.sets("ship", "b", "1");
        assert_eq!(story.run.remove(audit, b"a"), Ok(was_there));
        story.returns_nothing("audit");
        let change = story.changes().concat();
        assert!(change.contains("b is 1"), "audit knows of a from ship alone: {change}");
    }
}

#[test]
fn what_a_cut_short_handler_has_written_is_in_no_change() {
    let mut story = three_at_work(Durability::Sync);
    story.sets("charge", "a", "1");
    story.sets("ship", "b", "1");
    story.pauses();
    story.run.interrupt();
    story.drain();
    assert_eq!(
        story.changes(),
        ["3: again 3 as attempt 2 sent 0 again 2 as attempt 2 sent 0 again 1 as attempt 2 sent 1 paused"]
    );
    story.run.write_whole();
    assert_eq!(story.changes(), ["4: whole queued 1 for charge queued 2 for ship queued 3 for audit paused"]);
}

#[test]
fn an_answer_and_what_it_causes_are_one_change() {
    let mut story = Story::stored(Durability::Sync).at_rest();
    story.asks("charge", "r1");
    let mut story = story.at_rest();
    story.answers("r1").unwrap();
    assert_eq!(story.changes(), ["3: closed r1 queued 2 for read"]);
}

#[test]
fn the_last_change_says_how_a_run_has_ended() {
    let mut completed = three_at_work(Durability::Sync);
    completed.sets("ship", "a", "1");
    completed.sets("audit", "b", "1");
    completed.returns("ship", "blazen::StopEvent");
    assert_eq!(completed.changes(), ["3: settled 2 a is 1 completed"]);

    let mut failed = three_at_work(Durability::Sync);
    failed.sets("ship", "a", "1");
    failed.run.fail_step(failed.invocation("ship")).unwrap();
    assert_eq!(failed.changes(), ["3: failed"]);

    let mut unrouted = three_at_work(Durability::Sync);
    unrouted.returns("ship", "Nowhere");
    assert_eq!(unrouted.changes(), ["3: settled 2 failed"]);

    let mut aborted = three_at_work(Durability::Sync);
    assert!(aborted.run.abort());
    assert_eq!(aborted.changes(), ["3: aborted"]);
}

#[test]
fn a_change_says_what_is_left_of_the_time() {
    let options = RunOptions {
        time_limit: Some(Duration::from_millis(100)),
        durability: Some(Durability::Sync),
        ..RunOptions::default()
    };
    let mut story = Story::start_with(orders(), options);
    assert_eq!(story.run.poll_change().unwrap().time, TimeLeft::Until(Millis(100)));
    story.is_stored();
    story.it_is(30);
    story.pauses();
    story.returns("charge", "Shipped");
    assert_eq!(story.run.poll_change().unwrap().time, TimeLeft::Until(Millis(100)));
    story.is_stored();
    story.snapshot();
    story.run.write_whole();
    assert_eq!(story.run.poll_change().unwrap().time, TimeLeft::Stopped(Duration::from_millis(70)));
}
