//! A run as a store gives it back.

use std::sync::Arc;

use uuid::Uuid;

use super::UnixMillis;
use super::commit::{Code, Parent, PendingDelivery, Wait};
use crate::{ExactString, StateValue};

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It goes on, or waits for an answer.
    Running,
    /// It goes on when somebody says so.
    Paused,
    /// It has ended with a result.
    Completed {
        /// The result, a JSON text; `None` if there is none.
        result: Option<String>,
    },
    /// It has ended without one.
    Failed {
        /// Why, a JSON object.
        error: String,
    },
    /// Somebody ended it.
    Cancelled {
        /// Why, a JSON object.
        error: String,
    },
}

/// A [`Status`] without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// It goes on, or waits for an answer.
    Running,
    /// It goes on when somebody says so.
    Paused,
    /// It has ended with a result.
    Completed,
    /// It has ended without one.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl Status {
    /// Which of the five it is.
    #[must_use]
    pub fn kind(&self) -> StatusKind {
        match self {
            Self::Running => StatusKind::Running,
            Self::Paused => StatusKind::Paused,
            Self::Completed { .. } => StatusKind::Completed,
            Self::Failed { .. } => StatusKind::Failed,
            Self::Cancelled { .. } => StatusKind::Cancelled,
        }
    }
}

impl StatusKind {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// Its name, in stores and for users.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing of such a run will be invoked any more.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// All that is needed to go on with a run, or to tell how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// The run.
    pub id: Uuid,
    /// The name of its workflow.
    pub workflow: String,
    /// The run that it is a child of, if it is one.
    pub parent: Option<Parent>,
    /// The code that it goes by, if that is known.
    pub code: Option<Code>,
    /// How many commits it has.
    pub version: u64,
    /// How it stands.
    pub status: Status,
    /// It undoes what it has done, and then ends because of this, a JSON object.
    pub ending: Option<Arc<str>>,
    /// When its first commit was made.
    pub created_at: UnixMillis,
    /// When its last commit was made.
    pub updated_at: UnixMillis,
    /// When it ended, if it has.
    pub finished_at: Option<UnixMillis>,
    /// The greatest number that a delivery of the run has had.
    pub last_delivery: u64,
    /// What is left of the time that it may take, in milliseconds; `None` if it has no limit.
    pub time_remaining: Option<u64>,
    /// How many events its stream has.
    pub streamed: u64,
    /// Events on their way, by delivery.
    pub pending: Vec<PendingDelivery>,
    /// What it waits for, and what waits for it, in the order in which that began.
    pub waits: Vec<Wait>,
    /// The state, in the order of the places.
    pub state: Vec<StoredValue>,
}

impl StoredRun {
    /// A run that begins, before its first commit.
    #[must_use]
    pub fn begun(id: Uuid, workflow: &str, at: UnixMillis) -> Self {
        Self {
            id,
            workflow: workflow.to_owned(),
            parent: None,
            code: None,
            version: 0,
            status: Status::Running,
            ending: None,
            created_at: at,
            updated_at: at,
            finished_at: None,
            last_delivery: 0,
            time_remaining: None,
            streamed: 0,
            pending: Vec::new(),
            waits: Vec::new(),
            state: Vec::new(),
        }
    }
}

/// One key of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue {
    /// The key.
    pub key: ExactString,
    /// Its place in the order of the keys.
    pub place: u64,
    /// What stands there.
    pub value: StateValue,
}

/// One commit of a run, as the history keeps it. The lists are JSON texts, which are the same in every driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The version that the run had with this commit.
    pub version: u64,
    /// When the commit was made.
    pub at: UnixMillis,
    /// How the run stood.
    pub status: StatusKind,
    /// The delivery that settled, if one did.
    pub settled: Option<SettledDelivery>,
    /// What was queued: `[{"delivery":2,"step":"ship","type":"Charged"}, ...]`. The events themselves are with the
    /// deliveries that settle them, or pending.
    pub queued: String,
    /// What was written, with what stood there before: `[{"key":"n","was":4},{"key":"b","wasBytes":"<base64>"},
    /// {"key":"new"}, ...]`. So the state at any commit is today's, with the later entries undone one by one.
    pub written: String,
}

/// What a delivery was, in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledDelivery {
    /// Its number.
    pub delivery: u64,
    /// The step that it went to.
    pub step: String,
    /// Which attempt settled it.
    pub attempt: u32,
    /// When the handler of that attempt was called.
    pub began: UnixMillis,
    /// The event that it consumed, a JSON text.
    pub event: String,
}
