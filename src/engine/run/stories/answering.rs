use super::super::RespondError;
use super::*;

fn asked() -> Story {
    let mut story = Story::start();
    story.asks("charge", "r1");
    story
}

#[test]
fn a_request_is_published_and_parks_the_run() {
    let mut story = asked();
    assert_eq!(story.told()[1..], [release("blazen::StartEvent"), format!("publish {}", text("request r1"))]);
    assert_eq!(story.run.outcome(), None, "a run that waits for somebody has not stalled");
}

#[test]
fn an_answer_goes_to_the_steps_that_take_answers() {
    let mut story = asked();
    story.told();
    story.answers("r1").unwrap();
    assert_eq!(story.told(), [release("request r1"), invoke("read", "answer to r1")]);
}

#[test]
fn a_request_is_answered_once() {
    let mut story = asked();
    story.answers("r1").unwrap();
    assert_eq!(
        story.answers("r1"),
        Err(RespondError::NotOpen { request_id: ExactString::from("r1"), open: Vec::new() })
    );
}

#[test]
fn an_answer_to_nothing_names_what_is_open() {
    let mut story = asked();
    let refused = story.answers("r2").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no input request \"r2\" is open: it was never made, it has been answered, or it has expired; open are: [\"r1\"]"
    );
}

#[test]
fn two_open_requests_cannot_share_an_id() {
    let mut story = Story::start();
    let (one, other) = (story.request("r1"), story.request("r1"));
    story.run.stage(story.invocation("charge"), one).unwrap();
    story.settles("charge", Some(other));
    assert!(matches!(story.failure(), Some(RunFailure::DuplicateRequest { .. })));
}

#[test]
fn a_request_that_nobody_could_take_the_answer_of_fails_the_run() {
    let mut definition = Definition::new("deaf").unwrap();
    definition.add_step("ask", &["blazen::StartEvent".to_owned()]).unwrap();
    let mut story = Story::start_with(Arc::new(definition), RunOptions::default());
    story.asks("ask", "r1");
    assert!(matches!(story.failure(), Some(RunFailure::NobodyTakesAnswers { .. })));
}

#[test]
fn a_request_stays_open_through_a_pause_and_is_not_answered_during_it() {
    let mut story = asked();
    story.pauses();
    assert_eq!(story.answers("r1"), Err(RespondError::Paused));
    story.goes_on();
    story.answers("r1").unwrap();
}

#[test]
fn nothing_is_answered_after_the_end() {
    let mut story = asked();
    story.run.abort();
    assert_eq!(story.answers("r1"), Err(RespondError::Ended));
}
