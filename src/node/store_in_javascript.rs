//! Commits and runs as a store that is written in JavaScript takes and gives them.

use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, Either, Utf16String};
use napi_derive::napi;

use super::errors::Result;
use super::given_run::{self, no_run};
use super::numbers::{number_to_js, parse_id, time_to_js};
use crate::store::commit::{
    Added, Again, Code, Parent, PendingDelivery, Rest, Sent, Settled, Wait, WaitKind, Written,
};
use crate::store::stored_run::StoredValue;
use crate::store::{Commit, Status, StatusKind, StoredRun, UnixMillis};
use crate::{ExactString, StateValue};

/// What one run has changed, to be kept as one or not at all. Lists are in the order in which things happened; `written` is by key.
#[napi(object)]
pub struct RunCommit {
    /// The run, a UUID.
    pub run_id: String,
    /// How many commits the run has with this one: taken only if the store has one less.
    pub version: f64,
    /// When the commit was made, in milliseconds since 1970.
    pub at: f64,
    /// The name of the workflow, with the first commit: it creates the run.
    pub creates: Option<String>,
    /// The run that this one is a child of, with the first commit.
    pub parent: Option<ParentRun>,
    /// The code that the run goes by from now on, if that is known.
    pub code: Option<WorkflowCode>,
    /// The commit holds all that the run has: what is stored of its pending events, waits and state gives way.
    pub replaces: bool,
    /// The delivery that has settled: it is pending no more.
    pub settled: Option<SettledDelivery>,
    /// The delivery that has settled stays pending all the same, under this key: its event waits for others.
    pub held: Option<Utf16String>,
    /// The delivery that has settled stays pending all the same, with this number: to be undone if the run fails.
    pub done: Option<f64>,
    /// Pending deliveries whose events have been had by another. Those that are held are pending no more.
    pub gathered: Vec<f64>,
    /// How many events a handler that is at work has sent.
    pub sent: Option<SentEvents>,
    /// What handlers that have not settled have added to the state so far.
    pub added: Vec<AddedResults>,
    /// Pending deliveries that will be attempted again.
    pub again: Vec<AttemptedAgain>,
    /// The wait that is open no more.
    pub closed: Option<Utf16String>,
    /// Deliveries that are pending from now on.
    pub queued: Vec<QueuedDelivery>,
    /// Waits that are open from now on.
    pub opened: Vec<OpenWait>,
    /// State keys that were set or taken out, each once.
    pub written: Vec<WrittenKey>,
    /// Events that follow those of the run's stream, JSON texts.
    pub streamed: Vec<String>,
    /// How the run stands now. One that has ended has nothing pending and nothing open any more; its state stays.
    pub status: String,
    /// The result of a completed run, a JSON text.
    pub result: Option<String>,
    /// Why a run has failed or was cancelled, a JSON text.
    pub error: Option<String>,
    /// The run undoes what it has done, and then ends because of this, a JSON text.
    pub ending: Option<String>,
    /// The greatest number that a delivery of the run has had.
    pub last_delivery: f64,
    /// What is left of the run's time, in milliseconds; not there if it has no limit.
    pub time_remaining: Option<f64>,
    /// Whether nothing of the run goes on before something comes from outside.
    pub waiting: bool,
    /// The time before which nothing of the run goes on, in milliseconds since 1970.
    pub wakes_at: Option<f64>,
}

/// The run that a run is a child of.
#[napi(object)]
pub struct ParentRun {
    pub run_id: String,
    /// How many runs are above the child.
    pub depth: u32,
}

/// The code that a run goes by.
#[napi(object)]
pub struct WorkflowCode {
    /// The version of the workflow.
    pub version: String,
    /// Its steps, a JSON text.
    pub steps: String,
}

/// A delivery whose handler has returned.
#[napi(object)]
pub struct SettledDelivery {
    pub delivery: f64,
    /// When its handler was called, in milliseconds since 1970.
    pub began: f64,
    pub attempt: u32,
}

/// How far a handler that is at work has come with sending.
#[napi(object)]
pub struct SentEvents {
    pub delivery: f64,
    pub count: u32,
}

/// What a handler that is at work has added to the state.
#[napi(object)]
pub struct AddedResults {
    pub delivery: f64,
    /// What its additions have given, a JSON text.
    pub results: String,
}

/// A pending delivery that will be attempted again.
#[napi(object)]
pub struct AttemptedAgain {
    pub delivery: f64,
    /// The number of its next attempt.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When that will be, in milliseconds since 1970; as soon as may be if it is not there.
    pub due: Option<f64>,
}

/// An event on its way to one step.
#[napi(object)]
pub struct QueuedDelivery {
    /// Its number in the run: pending deliveries are invoked in this order.
    pub delivery: f64,
    pub step: String,
    pub event_type: String,
    /// The event, a JSON text.
    pub event: String,
    /// The number of its next attempt.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When it will be attempted, in milliseconds since 1970; as soon as may be if it is not there.
    pub due: Option<f64>,
    /// It has settled, and its event waits for others under this key.
    pub held: Option<Utf16String>,
    /// Another delivery has had its event; not there if none has.
    pub gathered: Option<bool>,
    /// What its earlier attempts have added to the state, a JSON text.
    pub added: Option<String>,
    /// It has settled, and is to be undone if the run fails.
    pub done: Option<f64>,
}

/// Something that a run waits for, or that waits for a run.
#[napi(object)]
pub struct OpenWait {
    pub id: Utf16String,
    /// `input`, `expected` or `arrived`.
    pub kind: String,
    /// The `blazen::InputRequestEvent`; an object with the type that is expected; or the event that has come. A JSON text.
    pub event: String,
    /// When nothing is waited for any more, in milliseconds since 1970; never if it is not there.
    pub due: Option<f64>,
    /// The event that goes out then, a JSON text.
    pub expiry: Option<String>,
}

/// A state key that was set or taken out. A value is a JSON text, or bytes.
#[napi(object)]
pub struct WrittenKey {
    pub key: Utf16String,
    /// Its place in the order of the keys.
    pub place: f64,
    /// What stood there before; not there if nothing did.
    pub before: Option<Either<String, Buffer>>,
    /// What stands there now; not there if the key was taken out.
    pub after: Option<Either<String, Buffer>>,
}

/// A run as a store gives it back.
#[napi(object)]
pub struct CheckpointedRun {
    pub run_id: String,
    pub workflow: String,
    pub parent: Option<ParentRun>,
    pub code: Option<WorkflowCode>,
    pub version: f64,
    pub status: String,
    pub result: Option<String>,
    pub error: Option<String>,
    pub ending: Option<String>,
    pub created_at: f64,
    pub updated_at: f64,
    pub finished_at: Option<f64>,
    pub last_delivery: f64,
    pub time_remaining: Option<f64>,
    /// How many events its stream has; not there if it has none.
    pub streamed: Option<f64>,
    /// Events on their way, by delivery.
    pub pending: Vec<QueuedDelivery>,
    /// What it waits for, and what waits for it, in the order in which that began.
    pub waits: Vec<OpenWait>,
    /// The state, in the order of the places.
    pub state: Vec<CheckpointedKey>,
}

/// One key of a state. The value is a JSON text, or bytes.
#[napi(object)]
pub struct CheckpointedKey {
    pub key: Utf16String,
    pub place: f64,
    pub value: Either<String, Buffer>,
}

impl From<Commit> for RunCommit {
    fn from(commit: Commit) -> Self {
        let status = commit.status.kind().name().to_owned();
        let (result, error) = match commit.status {
            Status::Completed { result } => (result, None),
            Status::Failed { error } | Status::Cancelled { error } => (None, Some(error)),
            Status::Running | Status::Paused => (None, None),
        };
        Self {
            run_id: commit.run.to_string(),
            version: number_to_js(commit.version),
            at: time_to_js(commit.at),
            creates: commit.creates.map(|workflow| workflow.to_string()),
            parent: commit.parent.map(ParentRun::from),
            code: commit.code.map(WorkflowCode::from),
            replaces: commit.replaces,
            settled: commit.settled.map(SettledDelivery::from),
            held: commit.held.map(|key| key.to_utf16().into()),
            done: commit.done.map(number_to_js),
            gathered: commit.gathered.into_iter().map(number_to_js).collect(),
            sent: commit
                .sent
                .map(|Sent { delivery, count }| SentEvents { delivery: number_to_js(delivery), count }),
            added: commit.added.into_iter().map(AddedResults::from).collect(),
            again: commit.again.into_iter().map(AttemptedAgain::from).collect(),
            closed: commit.closed.map(|id| id.to_utf16().into()),
            queued: commit.queued.into_iter().map(QueuedDelivery::from).collect(),
            opened: commit.opened.into_iter().map(OpenWait::from).collect(),
            written: commit.written.into_iter().map(WrittenKey::from).collect(),
            streamed: commit.streamed.iter().map(ToString::to_string).collect(),
            status,
            result,
            error,
            ending: commit.ending.map(|why| why.to_string()),
            last_delivery: number_to_js(commit.last_delivery),
            time_remaining: commit.time_remaining.map(number_to_js),
            waiting: commit.rest == Rest::Waiting,
            wakes_at: commit.rest.wakes_at().map(time_to_js),
        }
    }
}

impl From<Settled> for SettledDelivery {
    fn from(Settled { delivery, began, attempt }: Settled) -> Self {
        Self { delivery: number_to_js(delivery), began: time_to_js(began), attempt }
    }
}

impl From<Added> for AddedResults {
    fn from(Added { delivery, results }: Added) -> Self {
        Self { delivery: number_to_js(delivery), results: results.to_string() }
    }
}

impl From<Again> for AttemptedAgain {
    fn from(Again { delivery, attempt, sent, due }: Again) -> Self {
        Self { delivery: number_to_js(delivery), attempt, sent, due: due.map(time_to_js) }
    }
}

impl From<PendingDelivery> for QueuedDelivery {
    fn from(pending: PendingDelivery) -> Self {
        Self {
            delivery: number_to_js(pending.delivery),
            step: pending.step.to_string(),
            event_type: pending.event_type.to_string(),
            event: pending.event.to_string(),
            attempt: pending.attempt,
            sent: pending.sent,
            due: pending.due.map(time_to_js),
            held: pending.held.map(|key| key.to_utf16().into()),
            gathered: pending.gathered.then_some(true),
            added: pending.added.map(|added| added.to_string()),
            done: pending.done.map(number_to_js),
        }
    }
}

impl From<Wait> for OpenWait {
    fn from(wait: Wait) -> Self {
        Self {
            id: wait.id.to_utf16().into(),
            kind: wait.kind.name().to_owned(),
            event: wait.event.to_string(),
            due: wait.due.map(time_to_js),
            expiry: wait.expiry.map(|expiry| expiry.to_string()),
        }
    }
}

impl From<Parent> for ParentRun {
    fn from(Parent { run, depth }: Parent) -> Self {
        Self { run_id: run.to_string(), depth }
    }
}

impl From<Code> for WorkflowCode {
    fn from(Code { version, steps }: Code) -> Self {
        Self { version: version.to_string(), steps: steps.to_string() }
    }
}

impl From<Written> for WrittenKey {
    fn from(Written { key, place, before, after }: Written) -> Self {
        Self {
            key: key.to_utf16().into(),
            place: number_to_js(place),
            before: before.map(value_to_js),
            after: after.map(value_to_js),
        }
    }
}

impl CheckpointedRun {
    /// The run, checked.
    pub(super) fn into_stored(self) -> Result<StoredRun> {
        let id = parse_id(&self.run_id)?;
        let status = status(&self.status, self.result, self.error)?;
        let pending = self.pending.into_iter().map(pending).collect::<Result<Vec<_>>>()?;
        let state = self.state.into_iter().map(|kept| {
            Ok(StoredValue {
                key: ExactString::from_utf16(&kept.key),
                place: whole(kept.place, "the place of a state key")?,
                value: value(kept.value),
            })
        });
        let run = StoredRun {
            id,
            workflow: self.workflow,
            parent: self.parent.map(parent).transpose()?,
            code: self.code.map(code),
            version: whole(self.version, "the version")?,
            status,
            ending: self.ending.map(Arc::from),
            created_at: time(self.created_at, "createdAt")?,
            updated_at: time(self.updated_at, "updatedAt")?,
            finished_at: self.finished_at.map(|at| time(at, "finishedAt")).transpose()?,
            last_delivery: whole(self.last_delivery, "lastDelivery")?,
            time_remaining: self.time_remaining.map(|left| whole(left, "timeRemaining")).transpose()?,
            streamed: whole(self.streamed.unwrap_or_default(), "streamed")?,
            pending,
            waits: self.waits.into_iter().map(wait).collect::<Result<_>>()?,
            state: state.collect::<Result<Vec<_>>>()?,
        };
        given_run::check(&run)?;
        Ok(run)
    }
}

pub(super) fn pending(queued: QueuedDelivery) -> Result<PendingDelivery> {
    Ok(PendingDelivery {
        delivery: whole(queued.delivery, "the number of a delivery")?,
        step: Arc::from(queued.step),
        event_type: Arc::from(queued.event_type),
        event: Arc::from(queued.event),
        attempt: queued.attempt,
        sent: queued.sent,
        due: queued.due.map(|due| time(due, "due")).transpose()?,
        held: queued.held.map(|key| ExactString::from_utf16(&key)),
        gathered: queued.gathered.unwrap_or(false),
        added: queued.added.map(Arc::from),
        done: queued.done.map(|done| whole(done, "done")).transpose()?,
    })
}

pub(super) fn wait(opened: OpenWait) -> Result<Wait> {
    let OpenWait { id, kind, event, due, expiry } = opened;
    let unknown = || no_run(&format!("there is no kind of waits {kind:?}"));
    Ok(Wait {
        id: ExactString::from_utf16(&id),
        kind: WaitKind::named(&kind).ok_or_else(unknown)?,
        event: event.into(),
        due: due.map(|due| time(due, "due")).transpose()?,
        expiry: expiry.map(Arc::from),
    })
}

pub(super) fn parent(ParentRun { run_id, depth }: ParentRun) -> Result<Parent> {
    Ok(Parent { run: parse_id(&run_id)?, depth })
}

pub(super) fn code(WorkflowCode { version, steps }: WorkflowCode) -> Code {
    Code { version: version.into(), steps: steps.into() }
}

pub(super) fn value(kept: Either<String, Buffer>) -> StateValue {
    match kept {
        Either::A(json) => StateValue::Json(json),
        Either::B(bytes) => StateValue::Bytes(bytes.to_vec()),
    }
}

pub(super) fn status(name: &str, result: Option<String>, error: Option<String>) -> Result<Status> {
    let error = || error.clone().ok_or_else(|| no_run("a run that failed or was cancelled has no error"));
    match StatusKind::named(name) {
        Some(StatusKind::Running) => Ok(Status::Running),
        Some(StatusKind::Paused) => Ok(Status::Paused),
        Some(StatusKind::Completed) => Ok(Status::Completed { result }),
        Some(StatusKind::Failed) => Ok(Status::Failed { error: error()? }),
        Some(StatusKind::Cancelled) => Ok(Status::Cancelled { error: error()? }),
        None => Err(no_run(&format!("there is no status {name:?}"))),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked
pub(super) fn whole(number: f64, what: &str) -> Result<u64> {
    const GREATEST: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && (0.0..=GREATEST).contains(&number) {
        return Ok(number as u64);
    }
    Err(no_run(&format!("{what} is {number}")))
}

#[allow(clippy::cast_possible_truncation)] // a date of JavaScript is within bounds
pub(super) fn time(millis: f64, what: &str) -> Result<UnixMillis> {
    if millis.is_finite() {
        Ok(UnixMillis(millis as i64))
    } else {
        Err(no_run(&format!("{what} is {millis}")))
    }
}

pub(super) fn value_to_js(value: StateValue) -> Either<String, Buffer> {
    match value {
        StateValue::Json(json) => Either::A(json),
        StateValue::Bytes(bytes) => Either::B(bytes.into()),
    }
}
