//! What a run waits for from outside, and what has come before the run has waited for it.
//!
//! Always true:
//! 1. No event that has arrived is of a type that is expected.
//! 2. Names tell all of it apart. Who asks chooses a name, and is refused one that is taken; a run from outside in which
//!    one is there twice is refused.

use super::clock::Millis;
use super::ids::{EventTypeId, PayloadRef};
use crate::exact_string::ExactString;

const MOST_SHOWN: usize = 10;

/// Something from outside that a run waits for.
#[derive(Clone, Debug)]
pub(super) struct OpenWait {
    pub(super) id: ExactString,
    pub(super) awaited: Awaited,
    pub(super) expiry: Option<Expiry>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The answer to an input request, which is this payload.
    Answer(PayloadRef),
    /// An event of this type.
    Event(EventTypeId),
}

/// When a run waits no more, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The time.
    pub due: Millis,
    /// The event that goes out; the run fails if there is none.
    pub event: Option<(EventTypeId, PayloadRef)>,
}

/// An event from outside that has come before it was expected.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) id: ExactString,
    pub(super) event_type: EventTypeId,
    pub(super) payload: PayloadRef,
}

/// Both in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Waits {
    open: Vec<OpenWait>,
    arrived: Vec<Arrived>,
}

impl OpenWait {
    /// The payloads that the wait uses.
    pub(super) fn payloads(&self) -> impl Iterator<Item = PayloadRef> + use<> {
        let request = match self.awaited {
            Awaited::Answer(request) => Some(request),
            Awaited::Event(_) => None,
        };
        request.into_iter().chain(self.expiry_payload())
    }

    pub(super) fn expiry_payload(&self) -> Option<PayloadRef> {
        self.expiry?.event.map(|(_, payload)| payload)
    }

    fn is_request(&self, id: &ExactString) -> bool {
        matches!(self.awaited, Awaited::Answer(_)) && self.id == *id
    }
}

impl Waits {
    pub(super) fn give_room_back(&mut self) {
        self.open.shrink_to_fit();
        self.arrived.shrink_to_fit();
    }

    /// Whether the run waits for nothing. What has arrived moves nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn has_request(&self, id: &ExactString) -> bool {
        self.open.iter().any(|wait| wait.is_request(id))
    }

    /// Whether anything is kept under that name.
    pub(super) fn is_taken(&self, id: &ExactString) -> bool {
        self.open.iter().any(|wait| wait.id == *id) || self.arrived.iter().any(|arrived| arrived.id == *id)
    }

    pub(super) fn open(&mut self, wait: OpenWait) {
        self.open.push(wait);
    }

    /// The wait of that name has had what it waited for, or waits no more.
    pub(super) fn close(&mut self, id: &ExactString) -> Option<OpenWait> {
        let position = self.open.iter().position(|wait| wait.id == *id)?;
        Some(self.open.remove(position))
    }

    /// The first wait for an event of a type.
    pub(super) fn expecting(&self, event_type: EventTypeId) -> Option<&OpenWait> {
        self.open.iter().find(|wait| wait.awaited == Awaited::Event(event_type))
    }

    /// The event that goes out when a wait expires is not the wait's any more.
    pub(super) fn hand_over_expiry(&mut self, id: &ExactString) {
        if let Some(wait) = self.open.iter_mut().find(|wait| wait.id == *id) {
            wait.expiry = None;
        }
    }

    pub(super) fn keep(&mut self, arrived: Arrived) {
        self.arrived.push(arrived);
    }

    /// Takes the first event of a type that has arrived.
    pub(super) fn take_arrived(&mut self, event_type: EventTypeId) -> Option<Arrived> {
        let position = self.arrived.iter().position(|arrived| arrived.event_type == event_type)?;
        Some(self.arrived.remove(position))
    }

    /// When the first wait expires.
    pub(super) fn first_due(&self) -> Option<Millis> {
        self.open.iter().filter_map(|wait| Some(wait.expiry?.due)).min()
    }

    /// The first wait that has expired by `now`: the one that was due first.
    pub(super) fn expired(&self, now: Millis) -> Option<&OpenWait> {
        let is_due = |wait: &&OpenWait| wait.expiry.is_some_and(|expiry| expiry.due <= now);
        self.open.iter().filter(is_due).min_by_key(|wait| wait.expiry.map(|expiry| expiry.due))
    }

    /// The first of the requests that are open, as many as help somebody who reads their ids.
    pub(super) fn some_requests(&self) -> Vec<ExactString> {
        let requests = self.open.iter().filter(|wait| matches!(wait.awaited, Awaited::Answer(_)));
        requests.take(MOST_SHOWN).map(|request| request.id.clone()).collect()
    }

    pub(super) fn iter_open(&self) -> impl Iterator<Item = &OpenWait> {
        self.open.iter()
    }

    pub(super) fn iter_arrived(&self) -> impl Iterator<Item = &Arrived> {
        self.arrived.iter()
    }
}
