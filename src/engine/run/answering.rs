//! Answers to the input requests of a run.

use super::super::commit::{Commit, Emission};
use super::super::ids::{EventTypeId, PayloadRef};
use super::super::input_request::RespondError;
use super::Run;
use super::phase::Phase;
use crate::exact_string::ExactString;

impl Run {
    /// Answers a request with `payload`, a payload that holds its `blazen::InputResponseEvent`.
    pub fn respond(&mut self, request_id: ExactString, payload: PayloadRef) -> Result<(), RespondError> {
        match self.phase {
            Phase::Ended(_) => return Err(RespondError::Ended),
            Phase::Paused => return Err(RespondError::Paused),
            Phase::Running | Phase::Pausing => {}
        }
        if !self.requests.contains(&request_id) {
            return Err(RespondError::NotOpen { request_id, open: self.requests.some_ids() });
        }
        let response = Emission::Event { event_type: EventTypeId::INPUT_RESPONSE, payload };
        self.apply(Commit { answered: Some(request_id), ..Commit::of(response) });
        Ok(())
    }
}
