//! The history of a run leads back from its state to nothing.

use std::collections::BTreeMap;

use blazen::store::{CheckpointStore, MemoryStore};
use blazen::{ExactString, StateValue};
use serde_json::value::RawValue;

use super::auditor::id_of;

#[derive(serde::Deserialize)]
struct Change {
    key: ExactString,
    was: Option<Box<RawValue>>,
}

/// What is wrong with the history of a run, if anything: its versions count up from 1, and its changes, undone one by
/// one, leave nothing.
pub fn is_wrong(store: &mut MemoryStore, run: usize) -> Option<&'static str> {
    let stored = store.load(id_of(run)).expect("the store is open")?;
    let history = store.history(id_of(run)).expect("the store is open").unwrap_or_default();
    if !history.iter().map(|entry| entry.version).eq(1..=stored.version) {
        return Some("a version is missing in its history, or there twice");
    }
    let mut state: BTreeMap<ExactString, StateValue> =
        stored.state.into_iter().map(|kept| (kept.key, kept.value)).collect();
    for entry in history.iter().rev() {
        let changes: Vec<Change> =
            serde_json::from_str(&entry.written).expect("what was written is a JSON text");
        for Change { key, was } in changes {
            match was {
                Some(was) => _ = state.insert(key, StateValue::Json(was.get().to_owned())),
                None => _ = state.remove(&key),
            }
        }
    }
    (!state.is_empty()).then_some("its history, undone, leaves something of its state")
}
