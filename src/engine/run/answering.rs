//! What comes from outside: answers to input requests, and events.

use thiserror::Error;

use super::super::commit::{Cause, Emission, Special};
use super::super::ids::{EventTypeId, PayloadRef};
use super::Run;
use super::phase::Phase;
use crate::exact_string::ExactString;

/// Why an answer was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RespondError {
    /// Nobody asked, or somebody has answered.
    #[error(
        "no input request {request_id:?} is open: it was never made, it has been answered, or it has expired; open are: {open:?}"
    )]
    NotOpen {
        /// The id that was answered.
        request_id: ExactString,
        /// The first of those that may be.
        open: Vec<ExactString>,
    },
    /// The run is paused: its snapshot has been handed out and would not know the answer.
    #[error("the run is paused; resume it, then answer")]
    Paused,
    /// The run has ended.
    #[error("the run has ended, and its input requests with it")]
    Ended,
}

/// Why an event from outside was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReceiveError {
    /// No step accepts it.
    #[error("no step of workflow {workflow:?} accepts the event {event_type:?}")]
    Unrouted {
        /// The workflow.
        workflow: String,
        /// The type of the event.
        event_type: String,
    },
    /// The run is paused: its snapshot has been handed out and would not know the event.
    #[error("the run is paused; resume it, then send the event")]
    Paused,
    /// The run has ended.
    #[error("the run has ended")]
    Ended,
}

/// An event from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Names it while it is kept.
    pub id: ExactString,
    /// Its type.
    pub event_type: EventTypeId,
    /// The event.
    pub payload: PayloadRef,
    /// Whether the steps that accept it receive it at once even if the run does not expect it.
    pub at_once: bool,
}

impl Run {
    /// Answers a request with `payload`, a payload that holds its `blazen::InputResponseEvent`.
    pub fn respond(&mut self, request_id: ExactString, payload: PayloadRef) -> Result<(), RespondError> {
        match self.phase {
            Phase::Ended(_) => return Err(RespondError::Ended),
            _ if self.undoing.is_some() => return Err(RespondError::Ended),
            Phase::Paused => return Err(RespondError::Paused),
            Phase::Running | Phase::Pausing => {}
        }
        if !self.waits.has_request(&request_id) {
            return Err(RespondError::NotOpen { request_id, open: self.waits.some_requests() });
        }
        let response = Emission::Event { event_type: EventTypeId::INPUT_RESPONSE, payload };
        self.apply(Cause::Closed(request_id), [response]);
        Ok(())
    }

    /// Takes an event from outside. It goes to the steps that accept it if the run expects one of its type; else it is kept
    /// until the run does. Says whether it went.
    pub fn receive(&mut self, incoming: Incoming) -> Result<bool, ReceiveError> {
        match self.phase {
            Phase::Ended(_) => return Err(ReceiveError::Ended),
            _ if self.undoing.is_some() => return Err(ReceiveError::Ended),
            Phase::Paused => return Err(ReceiveError::Paused),
            Phase::Running | Phase::Pausing => {}
        }
        let Incoming { id, event_type, payload, at_once } = incoming;
        if self.definition.routes(event_type).is_empty() {
            let event_type = self.definition.event_type_name(event_type).unwrap_or("?").to_owned();
            return Err(ReceiveError::Unrouted { workflow: self.definition.name().to_owned(), event_type });
        }
        let expecting = self.waits.expecting(event_type).map(|wait| wait.id.clone());
        let goes = expecting.is_some() || at_once;
        let emission = if goes {
            Emission::Event { event_type, payload }
        } else {
            Special::Keep { id, event_type, payload }.into()
        };
        self.apply(expecting.map_or(Cause::Outside, Cause::Closed), [emission]);
        Ok(goes)
    }
}
