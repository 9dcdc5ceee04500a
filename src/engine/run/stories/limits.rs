//! Steps of which so many handlers may be at work at a time.

use super::super::super::definition::StepOptions;
use super::*;

/// `split` starts; of `work`, which takes `Work`, two may be at work at a time.
fn two_at_a_time(events: usize) -> Story {
    let mut definition = Definition::new("limited").unwrap();
    definition.add_step("split", &["blazen::StartEvent".to_owned()]).unwrap();
    let options = StepOptions { concurrency: Some(2), ..StepOptions::default() };
    definition.add_step_with("work", &["Work".to_owned()], options).unwrap();
    definition.add_step("free", &["Free".to_owned()]).unwrap();
    let mut story = Story::start_with(Arc::new(definition), RunOptions::default());
    for _ in 0..events {
        story.sends("split", "Work");
    }
    story
}

impl Story {
    /// The `n`th worker that was called returns, the first one being 0.
    fn worker_returns(&mut self, n: usize) {
        let worker = self.invoked.iter().filter(|(step, _)| step == "work").nth(n).unwrap().1;
        self.run.settle(worker.id, None).unwrap();
        self.drain();
    }

    fn workers(&self) -> Vec<u64> {
        let workers = self.invoked.iter().filter(|(step, _)| step == "work");
        workers.map(|(_, worker)| worker.delivery.0).collect()
    }
}

#[test]
fn so_many_are_called_and_the_next_when_one_returns_in_the_order_emitted() {
    let mut story = two_at_a_time(5);
    assert_eq!(story.workers(), [2, 3]);
    story.worker_returns(1);
    assert_eq!(story.workers(), [2, 3, 4]);
    story.worker_returns(0);
    story.worker_returns(2);
    assert_eq!(story.workers(), [2, 3, 4, 5, 6]);
}

#[test]
fn a_step_that_waits_holds_up_no_other() {
    let mut story = two_at_a_time(5);
    story.sends("split", "Free");
    assert_eq!(story.told().last(), Some(&invoke("free", "Free")));
}

#[test]
fn a_pause_keeps_what_waits_and_it_goes_on_by_the_limit() {
    let mut story = two_at_a_time(5);
    story.pauses();
    story.run.interrupt();
    story.drain();
    assert!(story.run.is_paused());
    story.goes_on();
    assert_eq!(story.workers(), [2, 3, 2, 3], "the same two again");
    story.worker_returns(2);
    story.pauses();
    story.returns_nothing("split");
    story.worker_returns(3);
    story.worker_returns(4);
    assert!(story.run.is_paused());
    assert_eq!(story.workers(), [2, 3, 2, 3, 4], "none is called in a pause");
    story.goes_on();
    assert_eq!(story.workers(), [2, 3, 2, 3, 4, 5, 6]);
}

#[test]
fn one_that_a_pause_does_not_wait_for_makes_room_and_goes_before_those_that_wait() {
    let mut story = two_at_a_time(3);
    story.pauses();
    let first = story.invoked.iter().find(|(step, _)| step == "work").unwrap().1.id;
    assert_eq!(story.run.cut_short(&[first]), [first]);
    story.goes_on();
    assert_eq!(story.workers(), [2, 3, 2]);
    story.worker_returns(1);
    assert_eq!(story.workers(), [2, 3, 2, 4]);
}

#[test]
fn a_run_of_which_something_waits_has_not_stalled() {
    let mut story = two_at_a_time(3);
    story.returns_nothing("split");
    for n in 0..3 {
        assert_eq!(story.run.outcome(), None);
        story.worker_returns(n);
    }
    assert!(matches!(story.failure(), Some(RunFailure::Stalled { .. })));
}
