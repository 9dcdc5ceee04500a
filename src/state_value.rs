//! What a run keeps under a key of its state: JSON text, or bytes.
//!
//! The text is opaque. JavaScript's own JSON wrote it and will read it, so no number, string or key order can
//! change on the way.

use crate::ExactString;

/// One saved value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateValue {
    /// A JSON text.
    Json(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

/// A state key that was set or taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The key.
    pub key: ExactString,
    /// Its place in the order of the keys; there may be gaps, and a key that is set again keeps its place.
    pub place: u64,
    /// What stood there before; `None` if nothing did.
    pub before: Option<StateValue>,
    /// What stands there now; `None` if the key was taken out.
    pub after: Option<StateValue>,
}

/// A value that is to be copied into the state.
#[derive(Clone, Copy, Debug)]
pub enum NewValue<'a> {
    /// A JSON text.
    Json(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

impl From<NewValue<'_>> for StateValue {
    fn from(value: NewValue<'_>) -> Self {
        match value {
            NewValue::Json(json) => Self::Json(json.to_owned()),
            NewValue::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}
