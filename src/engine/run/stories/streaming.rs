//! Streams that are kept with their runs.

use super::super::super::run_at_rest::Origin;
use super::storing::three_at_work;
use super::taking_up::stored;
use super::*;

impl Story {
    /// The handler of `step` writes to the stream.
    fn streams(&mut self, step: &str, event: &str) {
        let payload = self.keep(event);
        self.run.write_to_stream(self.invocation(step), payload).expect("the handler is at work");
        self.drain();
    }

    /// Nothing else has come for what was written.
    fn turn_ends(&mut self) {
        self.run.seal_stream();
        self.drain();
    }
}

fn kept(durability: Durability) -> RunOptions {
    RunOptions { durability: Some(durability), keeps_stream: true, ..RunOptions::default() }
}

/// `charge` is at work.
fn at_work(durability: Durability) -> Story {
    Story::start_with(orders(), kept(durability)).at_rest()
}

fn stream(event: &str) -> String {
    format!("stream {}", text(event))
}

fn streamed(event: &str) -> String {
    format!("streamed {}", text(event))
}

/// A run of a store that waits for an answer, taken up again.
fn waiting(streamed: u64, durability: Durability) -> Story {
    let origin = Origin::Store { changes: 12, streamed, paused: false, rewritten: false };
    let at_rest = RunAtRest { origin, ..stored(12, false) };
    let payloads: BTreeMap<u32, String> =
        (0..).zip(at_rest.payload_texts().map(ToString::to_string)).collect();
    let run = Run::resume(orders(), at_rest, kept(durability), Now::virtually(Millis(0))).unwrap();
    Story { run, payloads, next_payload: 2, told: Vec::new(), invoked: Vec::new(), now: 0 }.drained()
}

#[test]
fn what_is_streamed_goes_with_the_next_change_and_is_told_when_that_is_durable() {
    let mut story = at_work(Durability::Sync);
    story.streams("charge", "1");
    story.streams("charge", "2");
    assert!(story.changes().is_empty());
    story.sends("charge", "Charged");
    let queued = "2: sent 1 from 1 queued 2 for ship queued 3 for audit";
    assert_eq!(story.changes(), [format!("{queued} {} {}", streamed("1"), streamed("2"))]);
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(story.told()[..2], [stream("1"), stream("2")]);
}

#[test]
fn if_nothing_else_changes_it_is_a_change_of_its_own() {
    let mut story = at_work(Durability::Sync);
    story.streams("charge", "1");
    story.turn_ends();
    assert_eq!(story.changes(), [format!("2: {}", streamed("1"))]);
    story.is_stored();
    assert_eq!(story.told(), [stream("1")]);
    story.turn_ends();
    assert!(story.changes().is_empty(), "nothing was written since");
}

#[test]
fn in_async_it_is_told_when_a_change_has_it() {
    let mut story = at_work(Durability::Async);
    story.streams("charge", "1");
    assert!(story.told().is_empty());
    story.turn_ends();
    assert_eq!(story.told(), [stream("1")]);
}

#[test]
fn an_input_request_stands_where_it_was_made() {
    let mut story = at_work(Durability::Sync);
    story.sends("charge", "Charged");
    story = story.at_rest();
    story.streams("ship", "1");
    story.asks("charge", "r1");
    story.streams("ship", "2");
    story.turn_ends();
    let asked = format!("3: settled 1 opened r1 {} {}", streamed("1"), streamed("request r1"));
    assert_eq!(story.changes(), [asked, format!("4: {}", streamed("2"))]);
    story.is_stored();
    let told: Vec<String> = story.told().into_iter().filter(|told| !told.starts_with("release")).collect();
    assert_eq!(told, [stream("1"), format!("publish {}", text("request r1")), stream("2")]);
}

#[test]
fn what_was_streamed_before_the_end_is_told_before_it() {
    let mut story = at_work(Durability::Sync);
    story.streams("charge", "1");
    story.returns("charge", "blazen::StopEvent");
    assert_eq!(story.changes(), [format!("2: settled 1 {} completed", streamed("1"))]);
    assert!(story.told().is_empty());
    story.is_stored();
    assert_eq!(story.told(), [stream("1"), "ended".to_owned()]);
    let invocation = story.invocation("charge");
    let late = story.run.write_to_stream(invocation, PayloadRef(99));
    assert_eq!(late, Err(DeliveryError::Ended));
}

#[test]
fn a_pause_waits_for_what_was_streamed() {
    let mut story = at_work(Durability::Sync);
    story.pauses();
    story.streams("charge", "1");
    story.returns("charge", "Shipped");
    assert_eq!(story.changes(), [format!("2: settled 1 queued 2 for close {} paused", streamed("1"))]);
    story.is_stored();
    assert_eq!(story.told(), [stream("1"), release("blazen::StartEvent"), "paused".to_owned()]);
}

#[test]
fn a_request_that_the_stream_has_is_not_streamed_again() {
    let mut story = waiting(5, Durability::Sync);
    assert_eq!(story.changes(), ["13: again 6 as attempt 3 sent 1"]);
    story.is_stored();
    assert_eq!(story.told(), [invoke("ship", "Charged") + " again"]);
}

#[test]
fn a_stream_that_begins_begins_with_what_is_asked() {
    for durability in [Durability::Sync, Durability::Async] {
        let mut story = waiting(0, durability);
        let asked = streamed("request r1");
        assert_eq!(story.changes(), [format!("13: again 6 as attempt 3 sent 1 {asked}")]);
        story.is_stored();
        assert_eq!(story.told()[0], format!("publish {}", text("request r1")));
    }
}

#[test]
fn a_stream_that_is_not_kept_is_in_no_change() {
    let mut story = three_at_work(Durability::Sync);
    story.asks("charge", "r1");
    assert_eq!(story.changes(), ["3: settled 1 opened r1"]);
}
