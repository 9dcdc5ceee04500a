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

use super::super::additions::check_added;
use super::super::child_at_rest::{ChildAtRest, ChildRest};
use super::super::clock::WallMillis;
use super::super::ids::{DeliverySeq, RunId};
use super::super::json_array::skip_string;
use super::super::key_space::KeySpace;
use super::super::run_at_rest::{
    Ending, HeldEvent, Origin, PendingDelivery, PendingEvent, RestingWait, RunAtRest, WaitKind,
};
use super::{MAX_DEPTH, MAX_RUN_DEPTH, SNAPSHOT_VERSION, SnapshotError};
use crate::exact_string::ExactString;
use crate::state_value::StateValue;

/// How deep a value may be that is read: an event is an object around its values.
const VALUE_DEPTH: u32 = MAX_DEPTH + 1;
/// How many levels the document puts around a value: the most around what was thrown, as the cause of causes.
const ENVELOPE_DEPTH: u32 = 16;
/// How many levels the document puts around the document of a child.
const DEPTH_OF_CHILD: u32 = 4;
/// How deep a document may be, with the children of children in it.
const DOCUMENT_DEPTH: u32 = MAX_DEPTH + ENVELOPE_DEPTH + MAX_RUN_DEPTH * DEPTH_OF_CHILD;
/// The greatest number that JavaScript counts by.
const GREATEST_NUMBER: u64 = (1 << 53) - 1;

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
        if is_deeper_than(text, DOCUMENT_DEPTH) {
            return Err(SnapshotError::TooDeep);
        }
        let document: Document = serde_json::from_str(text).map_err(read_error)?;
        document.check_depth()?;
        document.try_into()
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: NonZeroU64,
}

#[derive(Deserialize)]
struct Document {
    workflow_name: String,
    workflow_version: Option<String>,
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
    /// Counted, in documents of the first version.
    #[serde(rename = "delivery")]
    number: Option<NonZeroU64>,
    step: String,
    attempt: NonZeroU32,
    sent: u32,
    /// In milliseconds since the Unix epoch.
    due: Option<i64>,
    /// The key under which its event waits for others.
    held: Option<ExactString>,
    #[serde(default)]
    gathered: bool,
    /// Its place among those that can be undone.
    done: Option<u64>,
    #[serde(default, deserialize_with = "added")]
    added: Option<Arc<str>>,
}

#[derive(Deserialize)]
struct Metadata {
    input_requests: Vec<Request>,
    #[serde(default)]
    expected_events: Vec<Expected>,
    #[serde(default)]
    arrived_events: Vec<Arrived>,
    time_remaining_ms: Option<u64>,
    last_delivery: Option<u64>,
    #[serde(default)]
    children: Vec<Child>,
    ending: Option<RunEnding>,
}

#[derive(Deserialize)]
struct RunEnding {
    aborted: bool,
    #[serde(deserialize_with = "error_text")]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChildStatus {
    Paused,
    Completed,
    Failed,
    Told,
}

#[derive(Deserialize)]
struct Child {
    delivery: NonZeroU64,
    position: u32,
    generation: u32,
    status: ChildStatus,
    snapshot: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "request_id")]
    id: ExactString,
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

impl Document {
    /// The document as a whole may be deeper than a value: there are children in it, each with values of its own.
    fn check_depth(&self) -> Result<(), SnapshotError> {
        let Self { context_state, pending_events, metadata, .. } = self;
        let state = context_state.in_order().into_iter().filter_map(|(_, value)| match value {
            StateValue::Json(json) => Some(json.as_str()),
            StateValue::Bytes(_) => None,
        });
        let events = pending_events.iter().map(|pending| pending.event.as_str());
        let requests = metadata
            .input_requests
            .iter()
            .flat_map(|request| [Some(&request.event), request.expiry.as_ref()]);
        let expected = metadata.expected_events.iter().map(|expected| expected.expiry.as_ref());
        let arrived = metadata.arrived_events.iter().map(|arrived| Some(&arrived.event));
        let waits = requests.chain(expected).chain(arrived).flatten().map(String::as_str);
        let of_children = metadata.children.iter().flat_map(|child| [&child.result, &child.error]);
        let outcomes = of_children.flatten().map(|json| json.get());
        if state.chain(events).chain(waits).chain(outcomes).any(|json| is_deeper_than(json, VALUE_DEPTH)) {
            return Err(SnapshotError::TooDeep);
        }
        Ok(())
    }
}

impl TryFrom<Document> for RunAtRest {
    type Error = SnapshotError;

    fn try_from(document: Document) -> Result<Self, SnapshotError> {
        let Metadata {
            input_requests,
            expected_events,
            arrived_events,
            time_remaining_ms,
            last_delivery,
            children,
            ending,
        } = document.metadata;
        let mut numbers = Numbers::default();
        let mut numbered = |event: &str, delivery: Delivery| {
            let seq = numbers.next(delivery.number)?;
            let held = delivery.held.map(|key| HeldEvent { key, event_type: type_in_text(event) });
            let Delivery { step, attempt, sent, due, gathered, done, added, .. } = delivery;
            let (step, attempt, due) = (step.into(), attempt.get(), due.map(WallMillis));
            Ok(PendingDelivery { seq, step, attempt, sent, due, held, gathered, done, added })
        };
        let pending_events = document.pending_events.into_iter().map(|Event { event, deliveries }| {
            let deliveries = deliveries.into_iter().map(|delivery| numbered(&event, delivery));
            Ok(PendingEvent { deliveries: deliveries.collect::<Result<_, _>>()?, json: event.into() })
        });
        let pending_events = pending_events.collect::<Result<_, _>>()?;
        let wait = |id, kind, event: String, due: Option<i64>, expiry: Option<String>| {
            RestingWait::new(id, kind, event.into(), due.map(WallMillis), expiry.map(Into::into))
        };
        let inputs = input_requests
            .into_iter()
            .map(|Request { id, event, due, expiry }| wait(id, WaitKind::Input, event, due, expiry));
        let expected = expected_events.into_iter().map(|Expected { id, event_type, due, expiry }| {
            let event = format!("{{\"type\":{}}}", ExactString::from(event_type.as_str()).to_json());
            wait(id, WaitKind::Expected, event, due, expiry)
        });
        let arrived = arrived_events
            .into_iter()
            .map(|Arrived { id, event }| wait(id, WaitKind::Arrived, event, None, None));
        let waits: Vec<_> = inputs.chain(expected).chain(arrived).collect();
        check_names(&waits)?;
        Ok(Self {
            id: document.run_id,
            workflow_name: document.workflow_name,
            workflow_version: document.workflow_version.map(Arc::from),
            state: document.context_state,
            pending_events,
            waits,
            time_remaining: time_remaining_ms.map(Duration::from_millis),
            last_delivery: numbers.last(last_delivery)?,
            children: children.into_iter().map(ChildAtRest::try_from).collect::<Result<_, _>>()?,
            ending: ending
                .map(|RunEnding { aborted, error }| Ending { error: error.into(), is_abort: aborted }),
            origin: Origin::Snapshot,
        })
    }
}

impl TryFrom<Child> for ChildAtRest {
    type Error = SnapshotError;

    fn try_from(child: Child) -> Result<Self, SnapshotError> {
        let Child { delivery, position, generation, status, snapshot, result, error } = child;
        let text = |json: Box<RawValue>| Arc::<str>::from(json.get());
        let object = |json: Option<Box<RawValue>>| {
            let object = json.filter(|json| json.get().starts_with('{')).map(text);
            object.ok_or_else(|| {
                malformed("a child is paused without a snapshot, or failed without an error".into())
            })
        };
        let rest = match status {
            ChildStatus::Paused => {
                let snapshot = object(snapshot)?;
                RunAtRest::from_snapshot(&snapshot)?; // to be refused with the whole, and not when it is its turn
                ChildRest::Paused(snapshot)
            }
            ChildStatus::Completed => ChildRest::Completed(result.map(text)),
            ChildStatus::Failed => ChildRest::Failed(object(error)?),
            ChildStatus::Told => ChildRest::Told,
        };
        Ok(Self { delivery: DeliverySeq(delivery.get()), position, generation, rest })
    }
}

/// The numbers of the deliveries, which go up.
#[derive(Default)]
struct Numbers {
    last: u64,
}

impl Numbers {
    fn next(&mut self, given: Option<NonZeroU64>) -> Result<DeliverySeq, SnapshotError> {
        let next = given.map_or(self.last + 1, NonZeroU64::get);
        if next <= self.last || next > GREATEST_NUMBER {
            return Err(malformed(format!("delivery {next} comes after delivery {}", self.last)));
        }
        self.last = next;
        Ok(DeliverySeq(next))
    }

    /// The last that has been given out, of deliveries that have settled as well.
    fn last(&self, given: Option<u64>) -> Result<DeliverySeq, SnapshotError> {
        match given {
            Some(last) if last < self.last || last > GREATEST_NUMBER => {
                Err(malformed(format!("`last_delivery` is {last}, and delivery {} is pending", self.last)))
            }
            given => Ok(DeliverySeq(given.unwrap_or(self.last))),
        }
    }
}

/// Names tell all waits apart, whatever they are for.
fn check_names(waits: &[RestingWait]) -> Result<(), SnapshotError> {
    let mut names = BTreeSet::new();
    match waits.iter().find(|wait| !names.insert(&wait.id)) {
        Some(twice) => Err(malformed(format!("two of what the run waits for are called {:?}", twice.id))),
        None => Ok(()),
    }
}

fn malformed(reason: String) -> SnapshotError {
    SnapshotError::Malformed { reason }
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
    text_of_object(deserializer, "event")
}

/// The text of an error that this package wrote: one with a code and a message.
fn error_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    struct Told<'a> {
        #[serde(borrow)]
        code: &'a RawValue,
        #[serde(borrow)]
        message: &'a RawValue,
    }
    let text = text_of_object(deserializer, "error")?;
    let Told { code, message } = serde_json::from_str(&text).map_err(D::Error::custom)?;
    if code.get().starts_with('"') && message.get().starts_with('"') {
        Ok(text)
    } else {
        Err(D::Error::custom("`error` has no text as its code or its message"))
    }
}

fn text_of_object<'de, D: Deserializer<'de>>(deserializer: D, field: &str) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    if raw.get().starts_with('{') {
        Ok(raw.get().to_owned())
    } else {
        Err(D::Error::custom(format_args!("`{field}` is not an object")))
    }
}

fn optional_object_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    object_text(deserializer).map(Some)
}

/// What was added to the state.
fn added<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    match check_added(raw.get()) {
        Ok(()) => Ok(Some(raw.get().into())),
        Err(refused) => Err(D::Error::custom(format_args!("`added` is not what was added: {refused}"))),
    }
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
