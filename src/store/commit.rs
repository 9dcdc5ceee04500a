//! What one run has changed, to be made durable as one.

use std::sync::Arc;

use uuid::Uuid;

use super::{Status, UnixMillis};
use crate::ExactString;

pub use crate::state_value::Written;

/// A change of one run. Lists are in the order in which things happened; `written` is by key.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The run.
    pub run: Uuid,
    /// How many commits the run has with this one.
    pub version: u64,
    /// When the commit was made.
    pub at: UnixMillis,
    /// The name of the workflow, with the first commit: it creates the run.
    pub creates: Option<Arc<str>>,
    /// The commit holds all that the run has: whatever is stored of its pending events, open requests and state gives
    /// way to what is in the lists below. Its history stays.
    pub replaces: bool,
    /// The delivery that has settled: it is pending no more.
    pub settled: Option<Settled>,
    /// The delivery that has settled stays pending all the same, under this key: its event waits for others.
    pub held: Option<ExactString>,
    /// Pending deliveries whose events have been had by another. Those that are held are pending no more.
    pub gathered: Vec<u64>,
    /// A handler has sent events and goes on.
    pub sent: Option<Sent>,
    /// Pending deliveries that will be attempted again.
    pub again: Vec<Again>,
    /// The input request that has been answered: it is open no more.
    pub answered: Option<ExactString>,
    /// Deliveries that are pending from now on.
    pub queued: Vec<PendingDelivery>,
    /// Input requests that are open from now on.
    pub asked: Vec<OpenRequest>,
    /// State keys that were set or taken out. A key stands here once.
    pub written: Vec<Written>,
    /// How the run stands now. A run that has ended has nothing pending and nothing open any more, whatever the lists
    /// say; its state stays.
    pub status: Status,
    /// The greatest number that a delivery of the run has had.
    pub last_delivery: u64,
    /// What is left of the time that the run may take, in milliseconds; `None` if it has no limit.
    pub time_remaining: Option<u64>,
}

impl Commit {
    /// A commit of a running run that changes nothing, to be filled.
    #[must_use]
    pub fn of_nothing(run: Uuid, version: u64, at: UnixMillis) -> Self {
        Self {
            run,
            version,
            at,
            creates: None,
            replaces: false,
            settled: None,
            held: None,
            gathered: Vec::new(),
            sent: None,
            again: Vec::new(),
            answered: None,
            queued: Vec::new(),
            asked: Vec::new(),
            written: Vec::new(),
            status: Status::Running,
            last_delivery: 0,
            time_remaining: None,
        }
    }
}

/// A delivery whose handler has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which one.
    pub delivery: u64,
    /// When its handler was called.
    pub began: UnixMillis,
    /// Which attempt it was.
    pub attempt: u32,
}

/// How far a handler that is at work has come with sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The delivery that it works on.
    pub delivery: u64,
    /// How many events it has sent, this one included.
    pub count: u32,
}

/// A pending delivery that will be attempted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// Which one.
    pub delivery: u64,
    /// The number of its next attempt.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When that will be; as soon as may be if `None`, whatever it was before.
    pub due: Option<UnixMillis>,
}

/// An event on its way to one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDelivery {
    /// Its number in the run, never used twice; pending deliveries are invoked in this order.
    pub delivery: u64,
    /// The step that receives it.
    pub step: Arc<str>,
    /// The type of the event.
    pub event_type: Arc<str>,
    /// The event, a JSON text.
    pub event: Arc<str>,
    /// The number of its next attempt: 1 unless there have been others.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When it will be attempted; as soon as may be if `None`.
    pub due: Option<UnixMillis>,
    /// It has settled, and its event waits for others under this key.
    pub held: Option<ExactString>,
    /// Another delivery has had its event.
    pub gathered: bool,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// How the answer will name it.
    pub id: ExactString,
    /// The `blazen::InputRequestEvent`, a JSON text.
    pub event: Arc<str>,
}
