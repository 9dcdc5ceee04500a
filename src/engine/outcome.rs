//! How a run ends.

use std::time::Duration;

use thiserror::Error;

use super::ids::PayloadRef;
use crate::exact_string::ExactString;

/// The end of a run. It never changes once it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A step emitted `blazen::StopEvent`, kept by the driver as `stop`.
    Completed {
        /// The stop event.
        stop: PayloadRef,
    },
    /// Something went wrong; nothing of the run will be invoked any more.
    Failed(RunFailure),
    /// Somebody asked for the end.
    Aborted,
}

/// Why a run failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RunFailure {
    /// An event that no step accepts.
    #[error("no step of workflow {workflow:?} accepts the event {}{}", shortened(event_type), suggestion(nearest.as_deref()))]
    Unrouted {
        /// The workflow.
        workflow: String,
        /// The type that nobody accepts.
        event_type: String,
        /// An accepted type that may have been meant.
        nearest: Option<String>,
    },
    /// A workflow to which no step was added.
    #[error("workflow {workflow:?} has no steps; add one that accepts \"blazen::StartEvent\"")]
    NoSteps {
        /// The workflow.
        workflow: String,
    },
    /// Nothing is left that could ever move the run on.
    #[error(
        "workflow {workflow:?} has stalled: nothing is queued or in flight and nobody is waited for{}{}; the last step must return {{ type: \"blazen::StopEvent\", result }}",
        after(last_step.as_deref()),
        waiting_for_others(*held)
    )]
    Stalled {
        /// The workflow.
        workflow: String,
        /// The step that settled last without emitting anything.
        last_step: Option<String>,
        /// How many events wait for others that a step wants with them.
        held: usize,
    },
    /// A handler threw or rejected; the driver keeps what it threw.
    #[error("step {step:?} failed")]
    StepFailed {
        /// The step.
        step: String,
    },
    /// Something went wrong before the run was taken up, to undo what it has done; the driver keeps what.
    #[error("the run has failed earlier")]
    Earlier,
    /// The run took longer than it may.
    #[error("the run was given {} s and has not ended", .limit.as_secs_f64())]
    TimedOut {
        /// The time that it was given.
        limit: Duration,
    },
    /// Two requests with one id, of which an answer could not say which it means.
    #[error("an input request {request_id:?} is open already; give each request an id of its own")]
    DuplicateRequest {
        /// The id.
        request_id: ExactString,
    },
    /// Nobody has answered a request in its time, and nothing is to be sent then.
    #[error("nobody has answered the input request {request_id:?} in its time")]
    Unanswered {
        /// The request.
        request_id: ExactString,
    },
    /// An event from outside has not come in its time, and nothing is to be sent then.
    #[error("the event {event_type:?} was expected, and has not come in its time")]
    NeverCame {
        /// The type of the event.
        event_type: String,
    },
    /// A request whose answer would go nowhere.
    #[error(
        "the input request {request_id:?} could never be answered: no step of workflow {workflow:?} accepts \"blazen::InputResponseEvent\""
    )]
    NobodyTakesAnswers {
        /// The workflow.
        workflow: String,
        /// The request.
        request_id: ExactString,
    },
}

const LONGEST_SHOWN: usize = 120;

/// A name in quotes, cut where it is too long to help.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("\"{}...\"", &name[..end]),
        None => format!("{name:?}"),
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn waiting_for_others(held: usize) -> String {
    match held {
        0 => String::new(),
        1 => ", and 1 event is collected that still waits for others".to_owned(),
        several => format!(", and {several} events are collected that still wait for others"),
    }
}

fn after(last_step: Option<&str>) -> String {
    last_step.map(|step| format!(" after step {step:?} emitted nothing")).unwrap_or_default()
}
