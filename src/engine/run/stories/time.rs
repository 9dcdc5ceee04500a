use super::*;

#[test]
fn a_run_fails_when_its_time_is_up() {
    let mut story = Story::limited_to_millis(100);
    assert_eq!(story.run.wake_at(), Some(Millis(100)));
    story.it_is(99);
    assert_eq!(story.run.outcome(), None);
    story.it_is(100);
    assert_eq!(story.failure().unwrap().to_string(), "the run was given 0.1 s and has not ended");
}

#[test]
fn time_in_which_a_run_is_paused_does_not_count() {
    let mut story = Story::limited_to_millis(100);
    story.it_is(60);
    story.pauses();
    story.returns("charge", "Shipped");
    story.snapshot();
    assert_eq!(story.run.wake_at(), None);
    story.it_is(1_000);
    story.goes_on();
    assert_eq!(story.run.wake_at(), Some(Millis(1_040)));
    story.it_is(1_039);
    assert_eq!(story.run.outcome(), None);
    story.it_is(1_040);
    assert!(matches!(story.failure(), Some(RunFailure::TimedOut { .. })));
}

#[test]
fn time_counts_while_a_pause_waits_for_a_handler() {
    let mut story = Story::limited_to_millis(100);
    story.pauses();
    assert_eq!(story.run.wake_at(), Some(Millis(100)));
    story.it_is(100);
    assert!(matches!(story.failure(), Some(RunFailure::TimedOut { .. })));
}

#[test]
fn a_run_without_a_limit_is_never_woken() {
    let mut story = Story::start();
    assert_eq!(story.run.wake_at(), None);
    story.it_is(u64::MAX);
    assert_eq!(story.run.outcome(), None);
}

#[test]
fn what_is_left_of_the_time_goes_over_with_the_snapshot() {
    let mut story = Story::limited_to_millis(100);
    story.it_is(75);
    story.pauses();
    story.returns("charge", "Shipped");
    let moved = Story::moved_to(&story.snapshot(), orders()).unwrap();
    assert_eq!(moved.run.wake_at(), Some(Millis(25)));
}
