//! Handlers that wait for several events.

use super::*;

/// `split` starts, `join` takes `A` and `B` and wants one `A` and two `B`, `close` takes `Joined`.
fn joining() -> Arc<Definition> {
    let mut definition = Definition::new("joining").unwrap();
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    definition.add_step("split", &types(&["blazen::StartEvent"])).unwrap();
    definition.add_step("join", &types(&["A", "B"])).unwrap();
    definition.add_step("close", &types(&["Joined"])).unwrap();
    Arc::new(definition)
}

/// `split` has sent these events and goes on, so `join` is at work with each of them.
fn split_into(events: &[&str]) -> Story {
    split(events, None)
}

fn split(events: &[&str], durability: Option<Durability>) -> Story {
    let mut story =
        Story::start_with(joining(), RunOptions { time_limit: None, durability, ..RunOptions::default() });
    story.is_stored();
    for event in events {
        story.sends("split", event);
        story.is_stored();
    }
    story.changes();
    story.told();
    story
}

impl Story {
    /// The invocation of `join` with the `n`th event, the first one being 0.
    fn joiner(&self, n: usize) -> Invocation {
        self.invoked.iter().filter(|(step, _)| step == "join").nth(n).expect("it was invoked").1
    }

    /// `split` is called again, sends what it has sent `before`, and then a `B`.
    fn sends_anew(&mut self, before: usize) {
        for _ in 0..=before {
            self.sends("split", "B");
        }
    }

    /// The `n`th joiner collects. Gives the deliveries of what it has got, or nothing.
    fn collects(&mut self, n: usize) -> Option<Vec<String>> {
        let joiner = self.joiner(n);
        let text = &self.payloads[&joiner.payload.0];
        let event_type = if text.contains("\"A\"") { "A" } else { "B" };
        let id = |name: &str| self.run.definition().event_type(name).unwrap();
        let wanted = [(id("A"), 1), (id("B"), 2)];
        let own = id(event_type);
        let got = self.run.collect(joiner.id, &ExactString::from("k"), own, &wanted).expect("it is at work");
        Some(got?.into_iter().map(|payload| self.payloads[&payload.0].clone()).collect())
    }

    fn joiner_settles(&mut self, n: usize, event_type: Option<&str>) {
        let emission = event_type.map(|event_type| self.event(event_type));
        self.run.settle(self.joiner(n).id, emission).expect("it is at work");
        self.drain();
    }
}

fn all() -> Vec<String> {
    vec![text("A"), text("B"), text("B")]
}

#[test]
fn the_one_that_completes_a_set_gets_all_of_it_in_the_order_wanted() {
    let mut story = split_into(&["B", "A", "B"]);
    assert_eq!(story.collects(0), None);
    story.joiner_settles(0, None);
    assert_eq!(story.collects(1), None);
    story.joiner_settles(1, None);
    assert!(story.told().is_empty(), "what waits is kept");
    assert_eq!(story.collects(2), Some(all()));
    assert_eq!(story.collects(2), Some(all()), "however often it asks");
    story.joiner_settles(2, Some("Joined"));
    let mut told = story.told();
    told.sort();
    assert_eq!(told, [invoke("close", "Joined"), release("A"), release("B"), release("B")]);
}

#[test]
fn what_others_have_put_aside_counts_while_they_are_at_work() {
    let mut story = split_into(&["A", "B", "B"]);
    assert_eq!(story.collects(0), None);
    assert_eq!(story.collects(1), None);
    assert_eq!(story.collects(2), Some(all()));
    story.joiner_settles(2, Some("Joined"));
    assert_eq!(story.collects(0), None, "its event is gone");
    story.joiner_settles(0, None);
    story.joiner_settles(1, None);
    story.returns_nothing("split");
    story.returns_nothing("close");
    assert!(
        story
            .failure()
            .unwrap()
            .to_string()
            .contains("has stalled: nothing is queued or in flight and nobody is waited for after")
    );
}

#[test]
fn a_set_that_is_never_complete_stalls_its_run_and_says_so() {
    let mut story = split_into(&["A", "B"]);
    for n in 0..2 {
        assert_eq!(story.collects(n), None);
        story.joiner_settles(n, None);
    }
    story.returns_nothing("split");
    let failure = story.failure().unwrap().to_string();
    assert!(failure.contains("2 events are collected that still wait for others"), "{failure}");
}

#[test]
fn two_sets_are_two() {
    let mut story = split_into(&["A", "B", "B", "A", "B", "B"]);
    let got: Vec<bool> = (0..6)
        .map(|n| {
            let got = story.collects(n).is_some();
            story.joiner_settles(n, None);
            got
        })
        .collect();
    assert_eq!(got, [false, false, true, false, false, true]);
}

#[test]
fn what_a_cut_short_handler_has_taken_waits_again() {
    let mut story = split_into(&["A", "B", "B"]);
    for n in 0..2 {
        story.collects(n);
        story.joiner_settles(n, None);
    }
    assert_eq!(story.collects(2), Some(all()));
    story.pauses();
    story.run.interrupt();
    story.drain();
    story.goes_on();
    assert_eq!(story.joiner(3).attempt, 2);
    assert_eq!(story.collects(3), Some(all()));
}

#[test]
fn one_that_is_cut_short_after_its_event_was_had_does_not_collect_it_again() {
    let mut story = split_into(&["A", "B", "B"]);
    story.collects(0);
    story.collects(1);
    assert_eq!(story.collects(2), Some(all()));
    story.joiner_settles(2, None);
    story.pauses();
    story.run.interrupt();
    story.drain();
    let snapshot = story.snapshot();
    let mut moved = Story::moved_to(&snapshot, joining()).unwrap();
    assert_eq!(moved.collects(0), None);
    moved.joiner_settles(0, None);
    moved.sends_anew(3);
    assert_eq!(moved.collects(2), None, "the A is gone");
}

#[test]
fn what_waits_goes_over_with_the_snapshot() {
    let mut story = split_into(&["A", "B"]);
    for n in 0..2 {
        story.collects(n);
        story.joiner_settles(n, None);
    }
    story.pauses();
    story.run.interrupt();
    story.drain();
    let mut moved = Story::moved_to(&story.snapshot(), joining()).unwrap();
    moved.sends_anew(2);
    assert_eq!(moved.collects(0), Some(all()));
    moved.joiner_settles(0, Some("Joined"));
    assert_eq!(moved.told().last(), Some(&invoke("close", "Joined")));
}

#[test]
fn one_event_is_collected_under_one_key() {
    let mut story = split_into(&["A"]);
    story.collects(0);
    let joiner = story.joiner(0);
    let id = story.run.definition().event_type("A").unwrap();
    let refused = story.run.collect(joiner.id, &ExactString::from("other"), id, &[(id, 2)]);
    assert_eq!(refused, Err(DeliveryError::CollectsElsewhere));
}

#[test]
fn a_store_is_told_what_waits_and_what_was_had() {
    let mut story = split(&["A", "B", "B"], Some(Durability::Sync));
    story.collects(0);
    story.joiner_settles(0, None);
    assert_eq!(story.changes(), ["5: settled 2 held under k"]);
    story.collects(1);
    assert_eq!(story.collects(2), Some(all()));
    story.joiner_settles(2, Some("Joined"));
    assert_eq!(story.changes(), ["6: settled 4 gathered 2 gathered 3 queued 5 for close"]);
    story.joiner_settles(1, None);
    assert_eq!(story.changes(), ["7: settled 3"]);
}
