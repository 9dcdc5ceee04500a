//! A run as one portable JSON document.
//!
//! The document holds what a run needs to go on anywhere: its state, the events that are on their way, the input
//! requests that are open, and what is left of its time. It does not hold the session, nor what has happened.
//! Values in it are the texts that JavaScript wrote; they pass through unread.

mod decode;
mod encode;

use std::time::Duration;

use thiserror::Error;

use super::exact_string::ExactString;
use super::ids::RunId;
use super::key_space::KeySpace;
use super::state_value::StateValue;

pub(super) use encode::SnapshotWriter;

/// The version of the document that this package writes, and the newest that it reads.
pub const SNAPSHOT_VERSION: u64 = 1;

/// How deep a value may be nested, in state, events and results.
pub const MAX_DEPTH: u32 = 1_000;

/// A snapshot that has been read and checked.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) workflow_name: String,
    pub(super) run_id: RunId,
    pub(super) state: KeySpace<StateValue>,
    pub(super) pending_events: Vec<PendingEvent>,
    pub(super) input_requests: Vec<PendingRequest>,
    pub(super) time_remaining: Option<Duration>,
}

/// An event on its way, and to whom.
#[derive(Debug)]
pub(super) struct PendingEvent {
    pub(super) json: String,
    pub(super) deliveries: Vec<PendingDelivery>,
}

#[derive(Debug)]
pub(super) struct PendingDelivery {
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) sent: u32,
}

#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) request_id: ExactString,
    pub(super) json: String,
}

/// Why a text is no snapshot that can be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// Nothing was given.
    #[error("the snapshot is empty")]
    Empty,
    /// The text ends before the document does.
    #[error("the snapshot is cut off: it ends after {length} bytes, before the document does")]
    CutOff {
        /// How much there is.
        length: usize,
    },
    /// The document is not one of this package's.
    #[error("this is not a snapshot of a run: {reason}")]
    Malformed {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A newer version of this package wrote it.
    #[error(
        "the snapshot has version {version}, and this version of blazen reads up to {SNAPSHOT_VERSION}; update blazen to resume it"
    )]
    Newer {
        /// Its version.
        version: u64,
    },
    /// A value in it is nested deeper than any that this package writes.
    #[error("a value in the snapshot is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// Why a snapshot cannot be resumed by this workflow.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ResumeError {
    /// It is of another workflow.
    #[error("the snapshot is of workflow {found:?}, and this is workflow {expected:?}")]
    OtherWorkflow {
        /// The workflow that was asked to resume it.
        expected: String,
        /// The workflow that it was taken of.
        found: String,
    },
    /// An event is on its way to a step that the workflow does not have.
    #[error(
        "an event of the snapshot is on its way to step {step:?}, which workflow {workflow:?} does not have{}",
        nearest.as_ref().map(|name| format!("; did you rename it to {name:?}?")).unwrap_or_default()
    )]
    StepGone {
        /// The workflow.
        workflow: String,
        /// The step that is not there.
        step: String,
        /// A step with a similar name.
        nearest: Option<String>,
    },
    /// An input request is open, and no step would take the answer.
    #[error(
        "the snapshot waits for an answer to {request_id:?}, and no step of workflow {workflow:?} accepts \"blazen::InputResponseEvent\""
    )]
    NobodyTakesAnswers {
        /// The workflow.
        workflow: String,
        /// The request.
        request_id: ExactString,
    },
}
