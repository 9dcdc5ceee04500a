//! The history of a run.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::commit::Written;
use super::super::stored_run::{HistoryEntry, SettledDelivery};
use super::super::{Status, StatusKind, UnixMillis};
use super::Stores;
use super::samples::{after, first, full, must_load, must_take, run_id, set, settled, taken_out};
use crate::{ExactString, StateValue};

/// A state by key.
pub(super) type Values = BTreeMap<ExactString, StateValue>;

pub(super) fn every_commit(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut next = after(&commit);
    next.settled = Some(settled(1));
    next.written = vec![set("n", 0, Some("{ \"n\" : 1e2 }"), "7")];
    let mut end = after(&next);
    end.settled = Some(settled(2));
    end.status = Status::Completed { result: None };
    must_take(&mut *store, &[commit, first(run_id(2), "orders"), next, end]);
    let history = store.history(run_id(1)).expect("the store tells histories").expect("the run is there");
    if !stores.keep_history() {
        assert_eq!(history, []);
        return;
    }
    let settled = |delivery, step: &str, event: &str| {
        let (step, event) = (step.to_owned(), event.to_owned());
        Some(SettledDelivery { delivery, step, attempt: 1, began: UnixMillis(990), event })
    };
    let entry = |version, status, settled, queued: &str, written: &str| HistoryEntry {
        version,
        at: UnixMillis(990 + 10 * i64::try_from(version).expect("a small number")),
        status,
        settled,
        queued: queued.to_owned(),
        written: written.to_owned(),
    };
    let queued = "[{\"delivery\":1,\"step\":\"charge\",\"type\":\"Charged\"},\
                   {\"delivery\":2,\"step\":\"audit\",\"type\":\"Charged\"}]";
    let was = "[{\"key\":\"n\",\"was\":{ \"n\" : 1e2 }}]";
    let expected = [
        entry(1, StatusKind::Running, None, queued, "[{\"key\":\"n\"},{\"key\":\"blob\"}]"),
        entry(2, StatusKind::Running, settled(1, "charge", "{\"a\": 1.50}"), "[]", was),
        entry(3, StatusKind::Completed, settled(2, "audit", "{}"), "[]", "[]"),
    ];
    assert_eq!(history, expected);
}

pub(super) fn undone(stores: &mut dyn Stores) {
    if !stores.keep_history() {
        return;
    }
    let mut store = stores.create();
    let lone = ExactString::from_utf16(&[0xD800]);
    let bytes = |bytes: &[u8]| Some(StateValue::Bytes(bytes.to_vec()));
    let written = |before, after| Written { key: lone.clone(), place: 1, before, after };
    let changes = [
        vec![set("n", 0, None, "1"), written(None, bytes(b"\xFF\0"))],
        vec![set("n", 0, Some("1"), "{\"b\":1,\"a\":[2]}")],
        vec![taken_out("n", 0, "{\"b\":1,\"a\":[2]}"), written(bytes(b"\xFF\0"), bytes(b""))],
        Vec::new(),
        vec![set("", 2, None, "\"\\ud800\""), set("n", 3, None, "null"), written(bytes(b""), None)],
        vec![set("n", 3, Some("null"), "2"), set("", 2, Some("\"\\ud800\""), "0")],
    ];
    let mut commit = first(run_id(1), "orders");
    let mut states = Vec::new();
    let last = changes.len() - 1;
    for (index, written) in changes.into_iter().enumerate() {
        commit.written = written;
        must_take(&mut *store, std::slice::from_ref(&commit));
        states.push(values(&must_load(&mut *store, run_id(1)).state));
        if index < last {
            commit = after(&commit);
        }
    }
    let history = store.history(run_id(1)).expect("the store tells histories").expect("the run is there");
    let mut state = states[last].clone();
    for (entry, expected) in history.iter().zip(&states).rev() {
        assert_eq!(&state, expected, "at version {}", entry.version);
        undo(&mut state, entry);
    }
    assert!(state.is_empty());
}

/// A state as the history can tell it: without the places.
pub(super) fn values(state: &[super::super::stored_run::StoredValue]) -> Values {
    state.iter().map(|stored| (stored.key.clone(), stored.value.clone())).collect()
}

/// A `null` that was there is not nothing that was there.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Takes a state back to what it was before an entry.
pub(super) fn undo(state: &mut Values, entry: &HistoryEntry) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Change {
        key: ExactString,
        #[serde(default, deserialize_with = "even_null")]
        was: Option<Box<RawValue>>,
        was_bytes: Option<String>,
    }
    let changes: Vec<Change> = serde_json::from_str(&entry.written).expect("what was written is a JSON text");
    for Change { key, was, was_bytes } in changes {
        let json = was.map(|json| StateValue::Json(json.get().to_owned()));
        let bytes =
            was_bytes.map(|bytes| StateValue::Bytes(STANDARD.decode(bytes).expect("bytes are in base64")));
        match json.or(bytes) {
            Some(value) => state.insert(key, value),
            None => state.remove(&key),
        };
    }
}
