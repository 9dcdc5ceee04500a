//! What one input changes in a run.
//!
//! Everything that is pending in a run got there through a commit, or from a snapshot: the start, a settled delivery, an event sent
//! in mid-handler, an answer. A commit is applied whole or not at all.

use super::clock::Millis;
use super::ids::{EventTypeId, InvocationId, PayloadRef};
use super::waits::Expiry;
use crate::exact_string::ExactString;

/// What has made a commit, beside what it emits.
#[derive(Debug)]
pub(super) enum Cause {
    /// A handler has returned: the delivery of its invocation is settled.
    Returned(InvocationId),
    /// A handler has sent that many events by now, and goes on.
    Sent(InvocationId, u32),
    /// The wait of that name has had what it waited for, or has expired.
    Closed(ExactString),
    /// Nothing in the run: it begins, or an event has come that nothing waits for.
    Outside,
}

/// One event that a commit emits. It moves at every hop: what is not just two numbers is kept beside it.
#[derive(Debug)]
pub enum Emission {
    /// An event for the steps that accept it.
    Event {
        /// Its type.
        event_type: EventTypeId,
        /// The event.
        payload: PayloadRef,
    },
    /// `blazen::StopEvent`: the run ends.
    Stop {
        /// The event, whose `result` is the run's.
        payload: PayloadRef,
    },
    /// Anything else.
    Special(Box<Special>),
}

// Up to here it is handed over in registers.
const _: () = assert!(size_of::<Emission>() <= 16);

/// What is not just an event for the steps of now.
#[derive(Debug)]
pub enum Special {
    /// An event for the steps that accept it, at its time.
    Later {
        /// Its type.
        event_type: EventTypeId,
        /// The event.
        payload: PayloadRef,
        /// When the steps receive it.
        due: Millis,
    },
    /// `blazen::InputRequestEvent`: the run waits until `request_id` is answered.
    InputRequest {
        /// How the answer will name the request.
        request_id: ExactString,
        /// The event.
        payload: PayloadRef,
        /// When the run waits no more, if it does not wait for ever.
        expiry: Option<Expiry>,
    },
    /// The run waits for an event from outside; one that has come before is had at once.
    Expect {
        /// Names the wait.
        id: ExactString,
        /// The type of the event.
        event_type: EventTypeId,
        /// When the run waits no more, if it does not wait for ever.
        expiry: Option<Expiry>,
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

impl From<Special> for Emission {
    fn from(special: Special) -> Self {
        Self::Special(Box::new(special))
    }
}

impl Emission {
    /// The payloads that it names.
    pub(super) fn payloads(&self) -> impl Iterator<Item = PayloadRef> + use<> {
        let (event, expiry) = match self {
            Self::Event { payload, .. } | Self::Stop { payload } => (Some(*payload), None),
            Self::Special(special) => special.payload_and_expiry(),
        };
        event.into_iter().chain(expiry.and_then(|expiry| expiry.event).map(|(_, payload)| payload))
    }
}

impl Special {
    fn payload_and_expiry(&self) -> (Option<PayloadRef>, Option<Expiry>) {
        match self {
            Self::Later { payload, .. } | Self::Keep { payload, .. } => (Some(*payload), None),
            Self::InputRequest { payload, expiry, .. } => (Some(*payload), *expiry),
            Self::Expect { expiry, .. } => (None, *expiry),
            Self::Unknown { .. } => (None, None),
        }
    }
}
