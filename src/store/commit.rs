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
    /// The run that this one is a child of, with the first commit.
    pub parent: Option<Parent>,
    /// The code that the run goes by from now on, if that is known: with the first commit, and when the run is migrated.
    pub code: Option<Code>,
    /// The commit holds all that the run has: whatever is stored of its pending events, open waits and state gives
    /// way to what is in the lists below. Its history stays.
    pub replaces: bool,
    /// The delivery that has settled: it is pending no more.
    pub settled: Option<Settled>,
    /// The delivery that has settled stays pending all the same, under this key: its event waits for others.
    pub held: Option<ExactString>,
    /// The delivery that has settled stays pending all the same, to be undone if the run fails. The number orders such
    /// deliveries; its next attempt is the first one to undo it.
    pub done: Option<u64>,
    /// Pending deliveries whose events have been had by another. Those that are held are pending no more.
    pub gathered: Vec<u64>,
    /// A handler has sent events and goes on.
    pub sent: Option<Sent>,
    /// Pending deliveries of which this is what their handlers have added to the state so far. It is committed, and their
    /// next attempts do not add it again.
    pub added: Vec<Added>,
    /// Pending deliveries that will be attempted again.
    pub again: Vec<Again>,
    /// The wait that has had what it waited for: it is open no more.
    pub closed: Option<ExactString>,
    /// Deliveries that are pending from now on.
    pub queued: Vec<PendingDelivery>,
    /// Waits that are open from now on.
    pub opened: Vec<Wait>,
    /// State keys that were set or taken out. A key stands here once.
    pub written: Vec<Written>,
    /// Events of the run's stream, JSON texts, that follow those that the stream has, also if the commit replaces.
    pub streamed: Vec<Arc<str>>,
    /// How the run stands now. A run that has ended has nothing pending and nothing open any more, whatever the lists
    /// say; its state stays.
    pub status: Status,
    /// The run undoes what it has done, and then ends because of this, a JSON object. Of what is pending and open only what
    /// is to be undone counts still.
    pub ending: Option<Arc<str>>,
    /// The greatest number that a delivery of the run has had.
    pub last_delivery: u64,
    /// What is left of the time that the run may take, in milliseconds; `None` if it has no limit.
    pub time_remaining: Option<u64>,
    /// Whether anything of the run goes on now.
    pub rest: Rest,
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
            parent: None,
            code: None,
            replaces: false,
            settled: None,
            held: None,
            done: None,
            gathered: Vec::new(),
            sent: None,
            added: Vec::new(),
            again: Vec::new(),
            closed: None,
            queued: Vec::new(),
            opened: Vec::new(),
            written: Vec::new(),
            streamed: Vec::new(),
            status: Status::Running,
            ending: None,
            last_delivery: 0,
            time_remaining: None,
            rest: Rest::Awake,
        }
    }
}

/// Whether anything of a run goes on. Of a paused run it says so of when it is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Events are on their way, or handlers at work; or the run undoes what it has done, is about to fail, or has ended.
    Awake,
    /// Nothing before this time: that of the first delivery that is due, or wait that expires.
    Asleep(UnixMillis),
    /// Nothing before something comes from outside.
    Waiting,
}

impl Rest {
    /// Until when the run sleeps, if it does.
    #[must_use]
    pub fn wakes_at(self) -> Option<UnixMillis> {
        match self {
            Self::Asleep(until) => Some(until),
            Self::Awake | Self::Waiting => None,
        }
    }
}

/// The run that a run is a child of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Which one.
    pub run: Uuid,
    /// How many runs are above the child: 1 if its parent has none.
    pub depth: u32,
}

/// The code that a run goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The version of the workflow, as its author counts.
    pub version: Arc<str>,
    /// Its steps, a JSON array.
    pub steps: Arc<str>,
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

/// What a handler that is at work has added to the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The delivery that it works on.
    pub delivery: u64,
    /// What its additions have given, those of earlier attempts included: a JSON array, which is only to be kept.
    pub results: Arc<str>,
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
    /// What its earlier attempts have added to the state, a JSON array; `None` if that is nothing, and when it has settled.
    pub added: Option<Arc<str>>,
    /// It has settled, and is to be undone if the run fails: those with the greatest number first.
    pub done: Option<u64>,
}

impl PendingDelivery {
    /// One that nothing has happened to yet.
    #[must_use]
    pub fn emitted(delivery: u64, step: Arc<str>, event_type: Arc<str>, event: Arc<str>) -> Self {
        Self {
            delivery,
            step,
            event_type,
            event,
            attempt: 1,
            sent: 0,
            due: None,
            held: None,
            gathered: false,
            added: None,
            done: None,
        }
    }
}

/// Something that a run waits for, or that waits for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What names it among those of its run.
    pub id: ExactString,
    /// What it is.
    pub kind: WaitKind,
    /// The event that [`WaitKind`] says, a JSON text.
    pub event: Arc<str>,
    /// When nothing is waited for any more; never if `None`.
    pub due: Option<UnixMillis>,
    /// The event that goes out then, a JSON text; the run fails if there is none.
    pub expiry: Option<Arc<str>>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitKind {
    /// The answer of a person. The event is the `blazen::InputRequestEvent`.
    Input,
    /// An event from outside. The event says its type, and nothing else.
    Expected,
    /// An event from outside, which has come before it was expected.
    Arrived,
}

impl WaitKind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Input, Self::Expected, Self::Arrived];

    /// Its name, in stores.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Expected => "expected",
            Self::Arrived => "arrived",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
