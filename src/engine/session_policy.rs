//! What becomes of session values when a run is paused: they never enter a snapshot, and the policy says how loud
//! that is.

use thiserror::Error;

use super::key_space::KeySpace;
use crate::exact_string::ExactString;

/// What to do about session values that a pause leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionPausePolicy {
    /// Pause; the entries stay behind.
    #[default]
    PickleOrError,
    /// Pause, and warn of the entries that stay behind.
    WarnDrop,
    /// Refuse to pause while there are any.
    HardError,
}

/// The session holds values, and the policy forbids to leave them behind.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the session holds {keys:?}, which a snapshot leaves behind, and the pause policy is HardError; remove them, move them to the state, or choose another policy"
)]
pub struct SessionNotEmpty {
    /// The keys of the session.
    pub keys: Vec<ExactString>,
}

impl SessionPausePolicy {
    /// Whether the policy lets these values be left behind.
    pub(super) fn check(self, session: &KeySpace<serde_json::Value>) -> Result<(), SessionNotEmpty> {
        if session.is_empty() || self != Self::HardError {
            return Ok(());
        }
        Err(SessionNotEmpty { keys: session.in_order().into_iter().map(|(key, _)| key.clone()).collect() })
    }
}
