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

impl KeySpace<StateValue> {
    /// Sets `key` to a JSON text, in the memory that its old text had where that fits.
    pub fn set_json(&mut self, key: &[u8], json: &str) {
        match self.get_mut(key) {
            Some(StateValue::Json(current)) if fits(current.capacity(), json.len()) => {
                current.clear();
                current.push_str(json);
            }
            _ => self.set(key, StateValue::Json(json.to_owned())),
        }
    }

    /// Sets `key` to a copy of `bytes`, in the memory that its old bytes had where that fits.
    pub fn set_bytes(&mut self, key: &[u8], bytes: &[u8]) {
        match self.get_mut(key) {
            Some(StateValue::Bytes(current)) if fits(current.capacity(), bytes.len()) => {
                current.clear();
                current.extend_from_slice(bytes);
            }
            _ => self.set(key, StateValue::Bytes(bytes.to_vec())),
        }
    }
}

/// Whether a value of `needed` bytes should be written into `capacity`: it fits, and wastes no more than half.
fn fits(capacity: usize, needed: usize) -> bool {
    needed <= capacity && capacity / 2 <= needed.max(32)
}
