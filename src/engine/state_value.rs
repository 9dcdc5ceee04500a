//! What a run keeps under a key of its state: JSON text, or bytes.
//!
//! The text is opaque. JavaScript's own JSON wrote it and will read it, so no number, string or key order can
//! change on the way.

use super::key_space::KeySpace;

/// One saved value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateValue {
    /// A JSON text.
    Json(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
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

impl KeySpace<StateValue> {
    /// Sets `key`, in the memory that its old value had where that fits.
    pub(super) fn overwrite(&mut self, key: &[u8], value: NewValue<'_>) {
        match (self.get_mut(key), value) {
            (Some(StateValue::Json(current)), NewValue::Json(json))
                if fits(current.capacity(), json.len()) =>
            {
                current.clear();
                current.push_str(json);
            }
            (Some(StateValue::Bytes(current)), NewValue::Bytes(bytes))
                if fits(current.capacity(), bytes.len()) =>
            {
                current.clear();
                current.extend_from_slice(bytes);
            }
            _ => self.set(key, value.into()),
        }
    }
}

/// Whether a value of `needed` bytes should be written into `capacity`: it fits, and wastes no more than half.
fn fits(capacity: usize, needed: usize) -> bool {
    needed <= capacity && capacity / 2 <= needed.max(32)
}
