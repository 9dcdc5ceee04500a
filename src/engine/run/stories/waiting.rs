use super::super::super::waits::Expiry;
use super::super::{Incoming, ReceiveError, RespondError};
use super::*;

/// `charge` starts, `ship` takes `Paid`, `close` takes `Late`, `read` takes answers.
fn shop() -> Arc<Definition> {
    let mut definition = Definition::new("shop").unwrap();
    for (step, accepts) in [
        ("charge", "blazen::StartEvent"),
        ("ship", "Paid"),
        ("close", "Late"),
        ("read", "blazen::InputResponseEvent"),
    ] {
        definition.add_step(step, &[accepts.to_owned()]).unwrap();
    }
    Arc::new(definition)
}

fn in_the_shop() -> Story {
    Story::start_with(shop(), RunOptions::default())
}

impl Story {
    /// The handler of `step` expects an event, until `due` if that is given; then `late` goes out.
    fn expects(&mut self, step: &str, event_type: &str, due: Option<u64>, late: Option<&str>) {
        let event_type = self.run.definition().event_type(event_type).expect("a step accepts it");
        let expiry = due.map(|due| self.expiry(due, late));
        let already = self.run.waits.iter_open().count();
        let id = ExactString::from(format!("w{}.{already}", self.next_payload).as_str());
        let expectation = Special::Expect { id, event_type, expiry };
        self.run.send(self.invocation(step), expectation.into()).expect("the handler is at work");
        self.drain();
    }

    fn expiry(&mut self, due: u64, late: Option<&str>) -> Expiry {
        let event = late.map(|late| {
            let event_type = self.run.definition().event_type(late).expect("a step accepts it");
            (event_type, self.keep(late))
        });
        Expiry { due: Millis(due), event }
    }

    fn receives(&mut self, event_type: &str, at_once: bool) -> Result<bool, ReceiveError> {
        let payload = self.keep(event_type);
        let event_type = self.run.definition().event_type(event_type).expect("it is known");
        let id = ExactString::from(format!("a{}", payload.0).as_str());
        let received = self.run.receive(Incoming { id, event_type, payload, at_once });
        self.drain();
        received
    }

    fn asks_until(&mut self, step: &str, id: &str, due: u64, late: Option<&str>) {
        let payload = self.keep(&format!("request {id}"));
        let expiry = Some(self.expiry(due, late));
        self.settles(
            step,
            Some(Special::InputRequest { request_id: ExactString::from(id), payload, expiry }.into()),
        );
    }
}

fn expecting(due: Option<u64>, late: Option<&str>) -> Story {
    let mut story = in_the_shop();
    story.expects("charge", "Paid", due, late);
    story.returns_nothing("charge");
    story.told();
    story
}

#[test]
fn a_run_that_expects_an_event_is_parked_until_it_comes() {
    let mut story = expecting(None, None);
    assert_eq!((story.run.outcome(), story.run.wake_at()), (None, None));
    assert_eq!(story.receives("Paid", false), Ok(true));
    assert_eq!(story.told(), [invoke("ship", "Paid")]);
    story.returns_nothing("ship");
    assert!(matches!(story.failure(), Some(RunFailure::Stalled { .. })), "it waits for nothing more");
}

#[test]
fn a_run_at_rest_keeps_no_room_for_what_it_may_do_later() {
    let mut story = expecting(None, None);
    assert_eq!((story.run.queue.capacity(), story.run.outbox.capacity()), (0, 0));
    story.receives("Paid", false).unwrap();
    assert!(story.run.queue.capacity() > 0, "it is at work");
}

#[test]
fn an_event_that_comes_before_it_is_expected_is_kept_for_that() {
    let mut story = in_the_shop();
    assert_eq!(story.receives("Paid", false), Ok(false));
    assert_eq!(story.receives("Paid", false), Ok(false));
    story.told();
    story.expects("charge", "Paid", Some(50), Some("Late"));
    assert_eq!(story.told(), [release("Late"), invoke("ship", "Paid")]);
    assert_eq!(story.run.wake_at(), None, "there is nothing to expire");
    story.expects("charge", "Paid", None, None);
    assert_eq!(story.told(), [invoke("ship", "Paid")]);
    story.expects("charge", "Paid", None, None);
    assert_eq!(story.told(), [] as [String; 0]);
}

#[test]
fn an_event_that_is_not_expected_goes_at_once_only_if_that_is_asked_for() {
    let mut story = in_the_shop();
    story.told();
    assert_eq!(story.receives("Paid", true), Ok(true));
    assert_eq!(story.told(), [invoke("ship", "Paid")]);
    story.returns_nothing("charge");
    story.returns_nothing("ship");
    assert!(matches!(story.failure(), Some(RunFailure::Stalled { .. })));
}

#[test]
fn what_has_arrived_moves_no_run() {
    let mut story = in_the_shop();
    story.receives("Paid", false).unwrap();
    story.returns_nothing("charge");
    assert!(matches!(story.failure(), Some(RunFailure::Stalled { .. })));
}

#[test]
fn each_wait_has_one_event_in_the_order_in_which_they_were_opened() {
    let mut story = in_the_shop();
    story.expects("charge", "Paid", Some(50), Some("Late"));
    story.expects("charge", "Paid", None, None);
    story.receives("Paid", false).unwrap();
    assert_eq!(story.run.wake_at(), None, "the first wait, which would have expired, is closed");
    assert_eq!(story.receives("Paid", false), Ok(true));
    assert_eq!(story.receives("Paid", false), Ok(false));
}

#[test]
fn what_is_expected_in_vain_makes_way_for_another_event() {
    let mut story = expecting(Some(50), Some("Late"));
    assert_eq!(story.run.wake_at(), Some(Millis(50)));
    story.it_is(49);
    assert_eq!(story.told(), [] as [String; 0]);
    story.it_is(50);
    assert_eq!(story.told(), [invoke("close", "Late")]);
    assert_eq!(story.receives("Paid", false), Ok(false), "it is too late");
}

#[test]
fn a_run_fails_if_nothing_is_to_go_out_instead() {
    let mut story = expecting(Some(50), None);
    story.it_is(50);
    let expected = "the event \"Paid\" was expected, and has not come in its time";
    assert_eq!(story.failure().unwrap().to_string(), expected);
    let mut story = in_the_shop();
    story.asks_until("charge", "r1", 50, None);
    story.it_is(60);
    let expected = "nobody has answered the input request \"r1\" in its time";
    assert_eq!(story.failure().unwrap().to_string(), expected);
}

#[test]
fn a_request_that_has_expired_is_not_answered() {
    let mut story = in_the_shop();
    story.asks_until("charge", "r1", 50, Some("Late"));
    story.told();
    story.it_is(50);
    assert_eq!(story.told(), [release("request r1"), invoke("close", "Late")]);
    assert!(matches!(story.answers("r1"), Err(RespondError::NotOpen { .. })));
}

#[test]
fn an_answer_in_time_takes_the_expiry_with_it() {
    let mut story = in_the_shop();
    story.asks_until("charge", "r1", 50, Some("Late"));
    story.told();
    story.answers("r1").unwrap();
    assert_eq!(story.told(), [release("request r1"), release("Late"), invoke("read", "answer to r1")]);
    assert_eq!(story.run.wake_at(), None);
}

#[test]
fn nothing_expires_during_a_pause_and_all_that_is_due_does_afterwards() {
    let mut story = in_the_shop();
    story.expects("charge", "Paid", Some(50), Some("Late"));
    story.asks_until("charge", "r1", 40, Some("Paid"));
    story.pauses();
    story.it_is(60);
    assert_eq!(story.run.wake_at(), None);
    story.told();
    story.goes_on();
    let told = story.told();
    assert_eq!(told[1..], [invoke("ship", "Paid"), invoke("close", "Late")], "the one due first is first");
}

#[test]
fn waits_and_arrivals_go_into_a_snapshot_and_come_back() {
    let mut story = in_the_shop();
    story.receives("Late", false).unwrap();
    story.expects("charge", "Paid", Some(50), Some("Paid"));
    story.expects("charge", "Paid", None, None);
    story.asks_until("charge", "r1", 70, Some("Late"));
    story.pauses();
    let snapshot = story.snapshot();
    let mut moved = Story::moved_to(&snapshot, shop()).unwrap();
    moved.pauses();
    assert_eq!(moved.snapshot().replace("_ms\":1000", "_ms\":null"), snapshot);
    moved.goes_on();
    moved.told();
    moved.it_is(50);
    assert_eq!(moved.told(), [invoke("ship", "Paid")]);
    moved.expects("ship", "Late", None, None);
    assert_eq!(moved.told(), [invoke("close", "Late")], "it had arrived");
    assert_eq!(moved.receives("Paid", false), Ok(true));
}

#[test]
fn a_handler_that_is_called_again_expects_nothing_twice() {
    let mut story = in_the_shop();
    story.expects("charge", "Paid", Some(50), Some("Late"));
    story.pauses();
    story.run.interrupt();
    story.drain();
    story.goes_on();
    story.told();
    story.expects("charge", "Paid", Some(90), Some("Late"));
    assert_eq!(story.told(), [release("Late")]);
    assert_eq!(story.run.wake_at(), Some(Millis(50)));
}

#[test]
fn nothing_comes_in_during_a_pause_or_after_the_end() {
    let mut story = expecting(None, None);
    story.pauses();
    assert_eq!(story.receives("Paid", false), Err(ReceiveError::Paused));
    story.run.abort();
    assert_eq!(story.receives("Paid", false), Err(ReceiveError::Ended));
}

#[test]
fn an_event_that_no_step_accepts_is_refused_and_the_run_goes_on() {
    let mut story = expecting(None, None);
    let refused = story.receives("blazen::InputRequestEvent", true).unwrap_err();
    assert!(matches!(refused, ReceiveError::Unrouted { .. }));
    assert_eq!(story.run.outcome(), None);
}

#[test]
fn a_snapshot_that_waits_for_what_no_step_accepts_is_refused() {
    let mut story = expecting(None, None);
    story.pauses();
    let mut definition = Definition::new("shop").unwrap();
    definition.add_step("charge", &["blazen::StartEvent".to_owned()]).unwrap();
    let refused = Story::moved_to(&story.snapshot(), Arc::new(definition)).err().expect("nobody accepts it");
    assert!(matches!(refused, ResumeError::NobodyAccepts { .. }), "{refused}");
}
