//! What becomes of session values when a run is paused: they never enter a snapshot, and the policy says how loud
//! that is.

use super::exact_string::ExactString;
use super::key_space::KeySpace;

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

impl SessionPausePolicy {
    /// The keys for whose sake a pause is refused; none if it is not.
    pub(super) fn refused_keys(self, session: &KeySpace<serde_json::Value>) -> Option<Vec<ExactString>> {
        match self {
            Self::PickleOrError | Self::WarnDrop => None,
            Self::HardError if session.is_empty() => None,
            Self::HardError => Some(session.in_order().into_iter().map(|(key, _)| key.clone()).collect()),
        }
    }
}
