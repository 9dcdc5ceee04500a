//! Small typed ids. They are handed in or counted, never drawn.

use std::fmt;

/// A step of a [`Definition`](super::Definition), by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(pub u32);

/// An event type that a [`Definition`](super::Definition) knows, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventTypeId(pub u32);

impl EventTypeId {
    /// `blazen::StartEvent`: carries the input of the run.
    pub const START: Self = Self(0);
    /// `blazen::StopEvent`: ends the run.
    pub const STOP: Self = Self(1);
    /// `blazen::InputRequestEvent`: asks a person and parks the run.
    pub const INPUT_REQUEST: Self = Self(2);
    /// `blazen::InputResponseEvent`: the answer to a request.
    pub const INPUT_RESPONSE: Self = Self(3);
}

/// One delivery of a run: ascending in the order in which events were emitted, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliverySeq(pub u64);

/// One invocation of a handler: an attempt at a delivery. Ascending, never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvocationId(pub u64);

/// An event that the driver keeps for the engine. The driver chooses the number, and may use it again once
/// [`Effect::Release`](super::Effect::Release) has handed it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadRef(pub u32);

/// The identity of a run: a UUID, version 7 when made by this package, so that ids sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunId(pub uuid::Uuid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}
