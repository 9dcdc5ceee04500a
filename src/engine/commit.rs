//! What one input changes in a run, as one value.
//!
//! Everything that is pending in a run got there through a commit, or from a snapshot: the start, a settled delivery, an event sent
//! in mid-handler, an answer. A commit is applied whole or not at all.

use smallvec::SmallVec;

use super::clock::Millis;
use super::ids::{EventTypeId, InvocationId, PayloadRef};
use super::waits::Expiry;
use crate::exact_string::ExactString;

pub(super) type Emissions = SmallVec<[Emission; 1]>;

/// A change of what is pending.
#[derive(Debug)]
pub(super) struct Commit {
    /// The invocation whose delivery has settled, if the commit settles one.
    pub(super) consumed: Option<InvocationId>,
    /// The handler that has sent what is emitted and goes on, if one has, and how many events it has sent.
    pub(super) sent: Option<(InvocationId, u32)>,
    /// The wait that has had what it waited for, or has expired, if the commit closes one.
    pub(super) closed: Option<ExactString>,
    /// What was emitted, in order.
    pub(super) emitted: Emissions,
}

impl Commit {
    pub(super) fn of(emission: Emission) -> Self {
        Self { consumed: None, sent: None, closed: None, emitted: SmallVec::from_buf([emission]) }
    }
}

/// One event that a commit emits. It moves at every hop, so what few have is not kept within it.
#[derive(Debug)]
pub enum Emission {
    /// An event for the steps that accept it.
    Event {
        /// Its type.
        event_type: EventTypeId,
        /// The event.
        payload: PayloadRef,
    },
    /// The same, at its time.
    Later {
        /// Its type.
        event_type: EventTypeId,
        /// The event.
        payload: PayloadRef,
        /// When the steps receive it.
        due: Millis,
    },
    /// `blazen::StopEvent`: the run ends.
    Stop {
        /// The event, whose `result` is the run's.
        payload: PayloadRef,
    },
    /// `blazen::InputRequestEvent`: the run waits until `request_id` is answered.
    InputRequest {
        /// How the answer will name the request.
        request_id: ExactString,
        /// The event.
        payload: PayloadRef,
        /// When the run waits no more, if it does not wait for ever.
        expiry: Option<Box<Expiry>>,
    },
    /// The run waits for an event from outside; one that has come before is had at once.
    Expect {
        /// Names the wait.
        id: ExactString,
        /// The type of the event.
        event_type: EventTypeId,
        /// When the run waits no more, if it does not wait for ever.
        expiry: Option<Box<Expiry>>,
    },
    /// An event from outside is kept until it is expected.
    Keep {
        /// Names it until then.
        id: ExactString,
        /// Its type.
        event_type: EventTypeId,
        /// The event.
        payload: PayloadRef,
    },
    /// An event of a type that the driver does not find in the definition.
    Unknown {
        /// The name of the type.
        event_type: String,
    },
}

impl Emission {
    /// The payloads that it names.
    pub(super) fn payloads(&self) -> impl Iterator<Item = PayloadRef> + use<> {
        let (event, expiry) = match self {
            Self::Event { payload, .. }
            | Self::Later { payload, .. }
            | Self::Stop { payload }
            | Self::Keep { payload, .. } => (Some(*payload), None),
            Self::InputRequest { payload, expiry, .. } => (Some(*payload), expiry.as_deref()),
            Self::Expect { expiry, .. } => (None, expiry.as_deref()),
            Self::Unknown { .. } => (None, None),
        };
        event.into_iter().chain(expiry.and_then(|expiry| expiry.event).map(|(_, payload)| payload))
    }
}
