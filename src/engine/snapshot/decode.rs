//! Reads the document: first its version, then its depth, then everything that this version knows. Fields that it
//! does not know are passed over.

use std::collections::BTreeSet;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::clock::WallMillis;
use super::super::ids::{DeliverySeq, RunId};
use super::super::json_array::skip_string;
use super::super::key_space::KeySpace;
use super::super::run_at_rest::{
    HeldEvent, Origin, PendingDelivery, PendingEvent, RestingWait, RunAtRest, WaitKind,
};
use super::{MAX_DEPTH, SNAPSHOT_VERSION, SnapshotError};
use crate::exact_string::ExactString;
use crate::state_value::StateValue;

/// How many levels the document puts around a value.
const ENVELOPE_DEPTH: u32 = 4;

impl RunAtRest {
    /// Reads and checks a snapshot.
    pub fn from_snapshot(text: &str) -> Result<Self, SnapshotError> {
        if text.trim().is_empty() {
            return Err(SnapshotError::Empty);
        }
        let read_error = |error: serde_json::Error| describe(&error, text.len());
        let Versioned { version } = serde_json::from_str(text).map_err(read_error)?;
        let version = version.get();
        if version > SNAPSHOT_VERSION {
            return Err(SnapshotError::Newer { version });
        }
        if is_deeper_than(text, MAX_DEPTH + ENVELOPE_DEPTH) {
            return Err(SnapshotError::TooDeep);
        }
        let document: Document = serde_json::from_str(text).map_err(read_error)?;
        Ok(document.into())
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: NonZeroU64,
}

#[derive(Deserialize)]
struct Document {
    workflow_name: String,
    #[serde(deserialize_with = "run_id")]
    run_id: RunId,
    #[serde(deserialize_with = "state")]
    context_state: KeySpace<StateValue>,
    pending_events: Vec<Event>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Event {
    #[serde(deserialize_with = "object_text")]
    event: String,
    #[serde(deserialize_with = "deliveries")]
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    step: String,
    attempt: NonZeroU32,
    sent: u32,
    /// In milliseconds since the Unix epoch.
    due: Option<i64>,
    /// The key under which its event waits for others.
    held: Option<ExactString>,
    #[serde(default)]
    gathered: bool,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(deserialize_with = "requests")]
    input_requests: Vec<Request>,
    #[serde(default)]
    expected_events: Vec<Expected>,
    #[serde(default)]
    arrived_events: Vec<Arrived>,
    time_remaining_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Request {
    request_id: ExactString,
    #[serde(deserialize_with = "object_text")]
    event: String,
    /// In milliseconds since the Unix epoch.
    due: Option<i64>,
    #[serde(default, deserialize_with = "optional_object_text")]
    expiry: Option<String>,
}

/// An event from outside that the run waits for.
#[derive(Deserialize)]
struct Expected {
    id: ExactString,
    #[serde(rename = "type")]
    event_type: String,
    /// In milliseconds since the Unix epoch.
    due: Option<i64>,
    #[serde(default, deserialize_with = "optional_object_text")]
    expiry: Option<String>,
}

/// An event from outside that has come before it was expected.
#[derive(Deserialize)]
struct Arrived {
    id: ExactString,
    #[serde(deserialize_with = "object_text")]
    event: String,
}

#[derive(Deserialize)]
struct StateEntry {
    #[serde(default, deserialize_with = "present")]
    json: Option<Box<RawValue>>,
    bytes: Option<String>,
}

impl From<Document> for RunAtRest {
    fn from(document: Document) -> Self {
        let mut last_delivery = DeliverySeq(0);
        let mut numbered = |event: &str, Delivery { step, attempt, sent, due, held, gathered }: Delivery| {
            last_delivery.0 += 1;
            let held = held.map(|key| HeldEvent { key, event_type: type_in_text(event) });
            let (attempt, due) = (attempt.get(), due.map(WallMillis));
            PendingDelivery { seq: last_delivery, step: step.into(), attempt, sent, due, held, gathered }
        };
        let pending_events = document.pending_events.into_iter().map(|Event { event, deliveries }| {
            let deliveries = deliveries.into_iter().map(|delivery| numbered(&event, delivery)).collect();
            PendingEvent { json: event.into(), deliveries }
        });
        let pending_events = pending_events.collect();
        let Metadata { input_requests, expected_events, arrived_events, time_remaining_ms } =
            document.metadata;
        let wait = |id, kind, event: String, due: Option<i64>, expiry: Option<String>| RestingWait {
            id,
            kind,
            json: event.into(),
            due: due.map(WallMillis),
            // Without a time nothing goes out.
            expiry: expiry.filter(|_| due.is_some()).map(Into::into),
        };
        let inputs = input_requests.into_iter().map(|Request { request_id, event, due, expiry }| {
            wait(request_id, WaitKind::Input, event, due, expiry)
        });
        let expected = expected_events.into_iter().map(|Expected { id, event_type, due, expiry }| {
            let event = format!("{{\"type\":{}}}", ExactString::from(event_type.as_str()).to_json());
            wait(id, WaitKind::Expected, event, due, expiry)
        });
        let arrived = arrived_events
            .into_iter()
            .map(|Arrived { id, event }| wait(id, WaitKind::Arrived, event, None, None));
        Self {
            id: document.run_id,
            workflow_name: document.workflow_name,
            state: document.context_state,
            pending_events,
            waits: inputs.chain(expected).chain(arrived).collect(),
            time_remaining: time_remaining_ms.map(Duration::from_millis),
            last_delivery,
            origin: Origin::Snapshot,
        }
    }
}

/// The type of an event of which only the text is known.
#[must_use]
pub fn type_in_text(event: &str) -> Arc<str> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        name: String,
    }
    serde_json::from_str(event).map_or_else(|_| "?".into(), |Typed { name }| name.into())
}

fn run_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RunId, D::Error> {
    let text = String::deserialize(deserializer)?;
    uuid::Uuid::try_parse(&text).map(RunId).map_err(|_| D::Error::custom("`run_id` is not a UUID"))
}

/// The text of a JSON object; what is inside is JavaScript's to read.
fn object_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    if raw.get().starts_with('{') {
        Ok(raw.get().to_owned())
    } else {
        Err(D::Error::custom("`event` is not an object"))
    }
}

fn optional_object_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    object_text(deserializer).map(Some)
}

/// At least one delivery, and one to a step.
fn deliveries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Delivery>, D::Error> {
    let deliveries = Vec::<Delivery>::deserialize(deserializer)?;
    let mut steps = BTreeSet::new();
    if deliveries.is_empty() {
        return Err(D::Error::custom("an event is on its way to nobody"));
    }
    match deliveries.iter().find(|delivery| !steps.insert(&delivery.step)) {
        Some(twice) => {
            Err(D::Error::custom(format_args!("an event is on its way to {:?} twice", twice.step)))
        }
        None => Ok(deliveries),
    }
}

/// Requests whose ids tell them apart.
fn requests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Request>, D::Error> {
    let requests = Vec::<Request>::deserialize(deserializer)?;
    let mut ids = BTreeSet::new();
    match requests.iter().find(|request| !ids.insert(&request.request_id)) {
        Some(twice) => {
            Err(D::Error::custom(format_args!("two input requests are called {:?}", twice.request_id)))
        }
        None => Ok(requests),
    }
}

/// A value that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeySpace<StateValue>, D::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = KeySpace<StateValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of state values by key")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut state = KeySpace::default();
            while let Some((key, entry)) = map.next_entry::<ExactString, StateEntry>()? {
                state.set(key.as_wtf8(), state_value::<A::Error>(&key, entry)?);
            }
            Ok(state)
        }
    }

    deserializer.deserialize_map(Entries)
}

fn state_value<E: serde::de::Error>(key: &ExactString, entry: StateEntry) -> Result<StateValue, E> {
    match (entry.json, entry.bytes) {
        (Some(json), None) => Ok(StateValue::Json(json.get().to_owned())),
        (None, Some(bytes)) => BASE64
            .decode(bytes)
            .map(StateValue::Bytes)
            .map_err(|_| E::custom(format_args!("the bytes of state key {key:?} are not base64"))),
        _ => Err(E::custom(format_args!("state key {key:?} has neither `json` nor `bytes`, or both"))),
    }
}

fn describe(error: &serde_json::Error, length: usize) -> SnapshotError {
    if error.is_eof() {
        SnapshotError::CutOff { length }
    } else {
        SnapshotError::Malformed { reason: error.to_string() }
    }
}

/// Counts brackets outside strings; the text is known to be JSON.
fn is_deeper_than(json: &str, limit: u32) -> bool {
    let mut depth = 0;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth -= 1,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    false
}
