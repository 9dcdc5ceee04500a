//! A run that nobody works on: read from a snapshot or a store, to go on from.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::child_at_rest::ChildAtRest;
use super::clock::WallMillis;
use super::ids::{DeliverySeq, RunId};
use super::key_space::KeySpace;
use crate::{ExactString, StateValue};

/// All that a run needs to go on anywhere. Values in it are the texts that JavaScript wrote.
#[derive(Debug)]
pub struct RunAtRest {
    /// The run.
    pub id: RunId,
    /// The name of its workflow.
    pub workflow_name: String,
    /// The version of the workflow that it goes by, if that is known.
    pub workflow_version: Option<Arc<str>>,
    /// The saved values.
    pub state: KeySpace<StateValue>,
    /// Events on their way, in the order in which they were emitted.
    pub pending_events: Vec<PendingEvent>,
    /// What it waits for, and what has come before it was waited for, in the order in which that began.
    pub waits: Vec<RestingWait>,
    /// What is left of its time; `None` if it has no limit.
    pub time_remaining: Option<Duration>,
    /// The last delivery that has been numbered.
    pub last_delivery: DeliverySeq,
    /// Its children.
    pub children: Vec<ChildAtRest>,
    /// The run is about to end: it undoes what is done, and nothing else of it counts.
    pub ending: Option<Ending>,
    /// Where the run comes from.
    pub origin: Origin,
}

/// How a run is about to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Why, a JSON object.
    pub error: Arc<str>,
    /// Whether somebody asked for it.
    pub is_abort: bool,
}

/// Where a run at rest comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A document; a store may know nothing of the run.
    Snapshot,
    /// A store that has `changes` of the run.
    Store {
        /// How many changes the store has.
        changes: u64,
        /// How many events of its stream the store has.
        streamed: u64,
        /// Whether it is paused. If not, the process that had it was lost, and what is pending may have been attempted.
        paused: bool,
        /// Whether it has been changed since it was read, so that it must be written whole before it goes on.
        rewritten: bool,
    },
}

impl Origin {
    /// Whether no store has the run as it is.
    #[must_use]
    pub fn is_unwritten(self) -> bool {
        matches!(self, Self::Snapshot | Self::Store { rewritten: true, .. })
    }
}

/// An event on its way, and to whom.
#[derive(Debug)]
pub struct PendingEvent {
    /// The event, a JSON text.
    pub json: Arc<str>,
    /// One for each step that is to receive it.
    pub deliveries: Vec<PendingDelivery>,
}

/// An event on its way to one step.
#[derive(Debug)]
pub struct PendingDelivery {
    /// Its number.
    pub seq: DeliverySeq,
    /// The name of the step.
    pub step: Arc<str>,
    /// The number of its next attempt.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When it will be attempted; if `None`, as soon as may be, and perhaps it has been.
    pub due: Option<WallMillis>,
    /// Its handler has settled, and its event waits for others.
    pub held: Option<HeldEvent>,
    /// Another delivery has had its event for a fan-in.
    pub gathered: bool,
    /// Its handler has settled, and it can be undone: those with the greatest number first.
    pub done: Option<u64>,
    /// What its earlier attempts have added to the state: a JSON array that [`check_added`](super::check_added) lets pass.
    pub added: Option<Arc<str>>,
}

/// How an event waits for others.
#[derive(Debug)]
pub struct HeldEvent {
    /// Under which key.
    pub key: ExactString,
    /// Its type.
    pub event_type: Arc<str>,
}

/// Something that a run waits for, or that has come before.
#[derive(Debug)]
pub struct RestingWait {
    /// Its name.
    pub id: ExactString,
    /// What it is.
    pub kind: WaitKind,
    /// The input request; an object with the type that is expected; or the event that has come. A JSON text.
    pub json: Arc<str>,
    /// When it expires; never if `None`.
    pub due: Option<WallMillis>,
    /// The event that goes out then, a JSON text; the run fails if there is none.
    pub expiry: Option<Arc<str>>,
}

/// What [`RestingWait`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitKind {
    /// A question to a person.
    Input,
    /// An event from outside that is expected.
    Expected,
    /// An event from outside that has come before it was expected.
    Arrived,
}

impl RestingWait {
    /// As it was kept. Without a time nothing goes out, and what has arrived does not expire.
    #[must_use]
    pub fn new(
        id: ExactString,
        kind: WaitKind,
        json: Arc<str>,
        due: Option<WallMillis>,
        expiry: Option<Arc<str>>,
    ) -> Self {
        let due = due.filter(|_| kind != WaitKind::Arrived);
        Self { id, kind, json, due, expiry: expiry.filter(|_| due.is_some()) }
    }

    /// The events that it uses.
    pub fn payload_texts(&self) -> impl Iterator<Item = &Arc<str>> {
        let event = (self.kind != WaitKind::Expected).then_some(&self.json);
        event.into_iter().chain(&self.expiry)
    }
}

impl RunAtRest {
    /// The run for whoever takes it up to end it, and for nothing else: nothing is on its way any more, so that of its steps
    /// it needs only those that are to be undone, and it stays at rest until then. One that is about to end goes on to.
    #[must_use]
    pub fn only_to_end(mut self) -> Self {
        self.pending_events.retain_mut(|event| {
            event.deliveries.retain(|delivery| delivery.done.is_some());
            !event.deliveries.is_empty()
        });
        self.waits.clear();
        if let Origin::Store { paused, .. } = &mut self.origin
            && self.ending.is_none()
        {
            *paused = true;
        }
        self
    }

    /// The run after it was changed to fit another version of its workflow.
    #[must_use]
    pub fn migrated_to(mut self, version: Option<Arc<str>>) -> Self {
        self.workflow_version = version;
        if let Origin::Store { rewritten, .. } = &mut self.origin {
            *rewritten = true;
        }
        self
    }

    /// The events of the run, in the order in which [`Run::resume`](crate::engine::Run::resume) numbers their payloads.
    pub fn payload_texts(&self) -> impl Iterator<Item = &Arc<str>> {
        let pending = self.pending_events.iter().map(|event| &event.json);
        pending.chain(self.waits.iter().flat_map(RestingWait::payload_texts))
    }
}

/// Why a run cannot go on by the steps of a workflow.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ResumeError {
    /// It is of another workflow.
    #[error("the {} is of workflow {found:?}, and this is workflow {expected:?}", kept_as(*origin))]
    OtherWorkflow {
        /// What was to be resumed.
        origin: Origin,
        /// The workflow that was asked to resume it.
        expected: String,
        /// The workflow that it was taken of.
        found: String,
    },
    /// An event is on its way to a step that the workflow does not have.
    #[error(
        "an event of the {} is on its way to step {step:?}, which workflow {workflow:?} does not have; {}",
        kept_as(*origin),
        nearest.as_ref().map_or_else(
            || "add the step again, or go on with code that has it".to_owned(),
            |name| format!("did you rename it to {name:?}?")
        )
    )]
    StepGone {
        /// What was to be resumed.
        origin: Origin,
        /// The workflow.
        workflow: String,
        /// The step that is not there.
        step: String,
        /// A step with a similar name.
        nearest: Option<String>,
    },
    /// An event is waited for, or is to go out when nothing else comes, and no step would take it.
    #[error(
        "the {} waits for the event {event_type:?}, which no step of workflow {workflow:?} accepts; add a step that does, or go on with code that has it",
        kept_as(*origin)
    )]
    NobodyAccepts {
        /// What was to be resumed.
        origin: Origin,
        /// The workflow.
        workflow: String,
        /// The type of the event.
        event_type: String,
    },
    /// A step is done, and may have to be undone, which the workflow cannot do.
    #[error(
        "the {} has done step {step:?}, which is to be undone if the run fails, and in workflow {workflow:?} {}; add it again, or go on with code that has it",
        kept_as(*origin),
        if *is_there { "that step has no `compensate`" } else { "there is no such step" }
    )]
    CannotUndo {
        /// What was to be resumed.
        origin: Origin,
        /// The workflow.
        workflow: String,
        /// The step that is done.
        step: String,
        /// Whether the workflow has the step.
        is_there: bool,
    },
    /// An input request is open, and no step would take the answer.
    #[error(
        "the {} waits for an answer to {request_id:?}, and no step of workflow {workflow:?} accepts \"blazen::InputResponseEvent\"",
        kept_as(*origin)
    )]
    NobodyTakesAnswers {
        /// What was to be resumed.
        origin: Origin,
        /// The workflow.
        workflow: String,
        /// The request.
        request_id: ExactString,
    },
}

fn kept_as(origin: Origin) -> &'static str {
    match origin {
        Origin::Snapshot => "snapshot",
        Origin::Store { .. } => "stored run",
    }
}
