//! Requests to a person that a run waits on, in the order in which they were asked.

use thiserror::Error;

use super::ids::PayloadRef;
use crate::exact_string::ExactString;

/// Why an answer was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RespondError {
    /// Nobody asked, or somebody has answered.
    #[error(
        "no input request {request_id:?} is open: it was never made, or it has been answered; open are: {open:?}"
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

const MOST_SHOWN: usize = 10;

#[derive(Debug)]
pub(super) struct InputRequest {
    pub(super) id: ExactString,
    pub(super) payload: PayloadRef,
}

#[derive(Debug, Default)]
pub(super) struct OpenRequests(Vec<InputRequest>);

impl OpenRequests {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, id: &ExactString) -> bool {
        self.0.iter().any(|request| request.id == *id)
    }

    pub(super) fn open(&mut self, id: ExactString, payload: PayloadRef) {
        self.0.push(InputRequest { id, payload });
    }

    pub(super) fn close(&mut self, id: &ExactString) -> Option<InputRequest> {
        let position = self.0.iter().position(|request| request.id == *id)?;
        Some(self.0.remove(position))
    }

    /// The first of the ids that are open, as many as help somebody who reads them.
    pub(super) fn some_ids(&self) -> Vec<ExactString> {
        self.0.iter().take(MOST_SHOWN).map(|request| request.id.clone()).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &InputRequest> {
        self.0.iter()
    }
}
