//! `Context`: one run, as JavaScript holds it.
//!
//! A handler receives a light object that stands on this one and knows its delivery; this object owns the run.
//! Its methods are what happens seldom in a run.

use std::sync::Arc;

use napi_derive::napi;

use super::effects::{invocation_from_js, invocation_to_js};
use super::errors::{self, Coded, ErrorCode, Result, error};
use super::hosted_run::HostedRun;
use super::hot_path::emission;
use super::numbers::number_to_js;
use super::registry::OwnedRun;
use super::resting_child::RestingChild;
use super::session_namespace::SessionNamespace;
use super::state_namespace::StateNamespace;
use super::text::Exact;
use super::workflow::{millis, on_both_clocks, wait};
use crate::engine::{
    ChildAtRest, Emission, EventTypeId, Expiry, FailedAttempt, Incoming, Outcome, PayloadRef,
    SessionPausePolicy, Special,
};

/// One run of a workflow.
#[napi]
pub struct Context {
    run: OwnedRun,
    resumed_payloads: Vec<Arc<str>>,
    resumed_children: Vec<ChildAtRest>,
    resumed_ending: Option<Arc<str>>,
}

/// How many changes an asynchronous run may be ahead of its store.
#[napi]
pub const MOST_AHEAD: u32 = crate::engine::MOST_AHEAD;

/// How a run has ended.
#[napi(object)]
pub struct RunOutcome {
    /// The stop event of a run that was completed.
    pub stop: Option<u32>,
    /// The error code of a run that was not.
    pub code: Option<String>,
    /// Why it was not.
    pub message: Option<String>,
}

/// When a run waits no more for something from outside.
#[napi(object)]
pub struct WaitExpiry {
    /// On the monotonic clock of JavaScript.
    pub due: f64,
    /// The event that goes out then; the run fails if there is none.
    pub event_type: Option<u32>,
    pub payload: Option<u32>,
}

impl From<WaitExpiry> for Expiry {
    fn from(WaitExpiry { due, event_type, payload }: WaitExpiry) -> Self {
        let event = event_type.map(EventTypeId).zip(payload.map(PayloadRef));
        Self { due: millis(due.ceil()), event }
    }
}

/// What a pause does about session values.
#[napi(string_enum = "snake_case")]
#[derive(Clone, Copy)]
pub enum PausePolicy {
    PickleOrError,
    WarnDrop,
    HardError,
}

impl From<PausePolicy> for SessionPausePolicy {
    fn from(policy: PausePolicy) -> Self {
        match policy {
            PausePolicy::PickleOrError => Self::PickleOrError,
            PausePolicy::WarnDrop => Self::WarnDrop,
            PausePolicy::HardError => Self::HardError,
        }
    }
}

impl Context {
    pub(super) fn new(run: OwnedRun) -> Self {
        Self { run, resumed_payloads: Vec::new(), resumed_children: Vec::new(), resumed_ending: None }
    }

    pub(super) fn resumed(
        run: OwnedRun,
        payloads: Vec<Arc<str>>,
        children: Vec<ChildAtRest>,
        ending: Option<Arc<str>>,
    ) -> Self {
        Self { run, resumed_payloads: payloads, resumed_children: children, resumed_ending: ending }
    }
}

#[napi]
impl Context {
    /// The number by which the functions of the hot path name this run.
    #[napi(getter, catch_unwind)]
    pub fn key(&self) -> f64 {
        self.run.key().to_js()
    }

    /// The id of the run, a UUID.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> Result<String> {
        self.run.key().with(|run| Ok(run.id().to_string()))
    }

    /// The state of the run.
    #[napi(catch_unwind)]
    pub fn open_state(&self) -> StateNamespace {
        StateNamespace::new(self.run.key())
    }

    /// The session of the run.
    #[napi(catch_unwind)]
    pub fn open_session(&self) -> SessionNamespace {
        SessionNamespace::new(self.run.key())
    }

    /// The JSON texts of the events that a resumed run came with, once.
    #[napi(catch_unwind)]
    pub fn take_payloads(&mut self) -> Vec<String> {
        std::mem::take(&mut self.resumed_payloads).iter().map(ToString::to_string).collect()
    }

    /// The children that a resumed run came with, once.
    #[napi(catch_unwind)]
    pub fn take_children(&mut self) -> Vec<RestingChild> {
        std::mem::take(&mut self.resumed_children).into_iter().map(RestingChild::from).collect()
    }

    /// Why a resumed run is about to end, a JSON text, if it undoes what it has done; once.
    #[napi(catch_unwind)]
    pub fn take_ending(&mut self) -> Option<String> {
        self.resumed_ending.take().map(|ending| ending.to_string())
    }

    /// Whether the run undoes what it has done, and is about to end.
    #[napi(getter, catch_unwind)]
    pub fn is_undoing(&self) -> Result<bool> {
        self.run.key().with(|run| Ok(run.is_undoing()))
    }

    /// As `stage`, for an input request that is answered in time or not at all.
    #[napi(catch_unwind)]
    pub fn stage_request(
        &self,
        invocation: f64,
        payload: u32,
        request_id: Exact,
        expiry: WaitExpiry,
    ) -> Result<()> {
        let emission = request(payload, &request_id, expiry);
        self.run.key().with(|run| run.stage(invocation_from_js(invocation), emission).map_err(errors::to_js))
    }

    /// The handler of `invocation` threw. `error` is what a store keeps of the failure of the run, a JSON text.
    #[napi(catch_unwind)]
    pub fn fail_step(&self, invocation: f64, error: Option<String>) -> Result<()> {
        self.run.key().with(|run| {
            run.expect_in_flight(invocation_from_js(invocation)).map_err(errors::to_js)?;
            if !run.is_undoing() || run.is_compensating(invocation_from_js(invocation)) {
                keep_failure(run, error);
            }
            run.fail_step(invocation_from_js(invocation)).map_err(errors::to_js)
        })
    }

    /// The handler of `invocation` threw. Says whether it will be called again; if not, nothing has changed, and
    /// `failStep` or `giveUp` says what comes of it. `chance` is from 0 up to 1.
    #[napi(catch_unwind)]
    pub fn try_again(
        &self,
        invocation: f64,
        retryable: bool,
        retry_after_ms: Option<f64>,
        chance: f64,
        now: f64,
    ) -> Result<bool> {
        let failed = FailedAttempt { retryable, retry_after: retry_after_ms.map(wait), chance };
        self.run.key().with(|run| {
            run.try_again(invocation_from_js(invocation), &failed, millis(now.ceil())).map_err(errors::to_js)
        })
    }

    /// The handler of `invocation` has failed for good, and the run goes on with this event in its stead.
    #[napi(catch_unwind)]
    pub fn give_up(&self, invocation: f64, event_type: i32, payload: u32, name: Option<Exact>) -> Result<()> {
        let emission = emission(event_type, payload, name.as_ref())?;
        self.run
            .key()
            .with(|run| run.give_up(invocation_from_js(invocation), emission).map_err(errors::to_js))
    }

    /// The handler of `invocation` sends an event that is delivered when the time has come.
    #[napi(catch_unwind)]
    pub fn send_later(&self, invocation: f64, event_type: u32, payload: u32, due: f64) -> Result<()> {
        let (event_type, payload) = (EventTypeId(event_type), PayloadRef(payload));
        let later = Special::Later { event_type, payload, due: millis(due.ceil()) };
        self.run
            .key()
            .with(|run| run.send(invocation_from_js(invocation), later.into()).map_err(errors::to_js))
    }

    /// The handler of `invocation` makes an input request that expires.
    #[napi(catch_unwind)]
    pub fn ask(&self, invocation: f64, payload: u32, request_id: Exact, expiry: WaitExpiry) -> Result<()> {
        let emission = request(payload, &request_id, expiry);
        self.run.key().with(|run| run.send(invocation_from_js(invocation), emission).map_err(errors::to_js))
    }

    /// The handler of `invocation` expects an event from outside. `id` names the wait.
    #[napi(catch_unwind)]
    pub fn expect(
        &self,
        invocation: f64,
        id: Exact,
        event_type: u32,
        expiry: Option<WaitExpiry>,
    ) -> Result<()> {
        let (id, event_type) = (id.to_exact_string(), EventTypeId(event_type));
        let expectation = Special::Expect { id, event_type, expiry: expiry.map(Expiry::from) };
        self.run
            .key()
            .with(|run| run.send(invocation_from_js(invocation), expectation.into()).map_err(errors::to_js))
    }

    /// Takes an event from outside, which `id` names while it is kept. Says whether steps receive it: `at_once` even if
    /// the run does not expect it.
    #[napi(catch_unwind)]
    pub fn receive(&self, id: Exact, event_type: u32, payload: u32, at_once: bool) -> Result<bool> {
        let (id, event_type, payload) = (id.to_exact_string(), EventTypeId(event_type), PayloadRef(payload));
        let incoming = Incoming { id, event_type, payload, at_once };
        self.run.key().with(|run| run.receive(incoming).map_err(errors::to_js))
    }

    /// Answers an input request.
    #[napi(catch_unwind)]
    pub fn respond(&self, request_id: Exact, payload: u32) -> Result<()> {
        self.run
            .key()
            .with(|run| run.respond(request_id.to_exact_string(), PayloadRef(payload)).map_err(errors::to_js))
    }

    /// Stops new deliveries; `EFFECT_PAUSED` follows.
    #[napi(catch_unwind)]
    pub fn pause(&self, policy: PausePolicy) -> Result<()> {
        self.run.key().with(|run| run.pause(policy.into()).map_err(errors::to_js))
    }

    /// Waits no longer for what is in flight, and gives the invocations that were cut short.
    #[napi(catch_unwind)]
    pub fn interrupt(&self) -> Result<Vec<f64>> {
        self.run.key().with(|run| Ok(run.interrupt().into_iter().map(invocation_to_js).collect()))
    }

    /// Does not wait for these invocations, and gives those of them that were cut short.
    #[napi(catch_unwind)]
    pub fn cut_short(&self, invocations: Vec<f64>) -> Result<Vec<f64>> {
        let invocations: Vec<_> = invocations.into_iter().map(invocation_from_js).collect();
        self.run.key().with(|run| Ok(run.cut_short(&invocations).into_iter().map(invocation_to_js).collect()))
    }

    /// The handlers of these invocations have not been called, and a pause does not wait for them.
    #[napi(catch_unwind)]
    pub fn put_back(&self, invocations: Vec<f64>) -> Result<()> {
        let invocations: Vec<_> = invocations.into_iter().map(invocation_from_js).collect();
        self.run.key().with(|run| {
            run.put_back(&invocations);
            Ok(())
        })
    }

    /// Takes deliveries up again.
    #[napi(catch_unwind)]
    pub fn resume_in_place(&self, now: f64) -> Result<()> {
        self.run.key().with(|run| run.resume_in_place(millis(now)).map_err(errors::to_js))
    }

    /// Ends the run, once what it has done is undone, and says whether it does: it may have ended already, or be about to.
    /// `error` is what a store keeps of the reason, a
    /// JSON text.
    #[napi(catch_unwind)]
    pub fn abort(&self, error: Option<String>) -> Result<bool> {
        self.run.key().with(|run| {
            if run.outcome().is_none() && !run.is_undoing() {
                keep_failure(run, error);
            }
            Ok(run.abort())
        })
    }

    /// Ends the run here, and not in its store.
    #[napi(catch_unwind)]
    pub fn abandon(&self) -> Result<()> {
        self.run.key().with(|run| {
            run.abandon();
            Ok(())
        })
    }

    /// Writes all that a paused run has to its store. The texts of its events have been handed over.
    #[napi(catch_unwind)]
    pub fn write_whole(&self) -> Result<()> {
        self.run.key().with(|run| {
            run.write_whole();
            Ok(())
        })
    }

    /// Whether the run is paused.
    #[napi(getter, catch_unwind)]
    pub fn is_paused(&self) -> Result<bool> {
        self.run.key().with(|run| Ok(run.is_paused()))
    }

    /// The number of the last change of a stored run.
    #[napi(getter, catch_unwind)]
    pub fn last_change(&self) -> Result<f64> {
        self.run.key().with(|run| Ok(number_to_js(run.last_change())))
    }

    /// The number of the last change that is durable.
    #[napi(getter, catch_unwind)]
    pub fn durable_change(&self) -> Result<f64> {
        self.run.key().with(|run| Ok(number_to_js(run.durable_change())))
    }

    /// Tells the run the time; gives the time by which it must be told again, if it must.
    #[napi(catch_unwind)]
    pub fn time_is_now(&self, now: f64) -> Result<Option<f64>> {
        self.run.key().with(|run| {
            run.time_is_now(millis(now));
            #[allow(clippy::cast_precision_loss)] // a clock in milliseconds
            Ok(run.wake_at().map(|due| due.0 as f64))
        })
    }

    /// The payloads whose JSON texts `snapshot` needs, in that order.
    #[napi(catch_unwind)]
    pub fn pending_payloads(&self) -> Result<Vec<u32>> {
        self.run.key().with(|run| Ok(run.pending_payloads().into_iter().map(|payload| payload.0).collect()))
    }

    /// The paused run as a JSON document, with its children. `ending` is why it is about to end, a JSON text, if it undoes
    /// what it has done.
    #[napi(catch_unwind)]
    pub fn snapshot(
        &self,
        payloads: Vec<String>,
        children: Vec<RestingChild>,
        policy: PausePolicy,
        timestamp: String,
        now: f64,
        ending: Option<String>,
    ) -> Result<String> {
        self.run.key().with(|run| {
            run.rest_with(children.into_iter().map(ChildAtRest::from).collect());
            if let Some(ending) = ending {
                run.keep_ending(ending.into());
            }
            run.snapshot(&payloads, policy.into(), &timestamp, on_both_clocks(now)).map_err(errors::to_js)
        })
    }

    /// How the run has ended, or is about to.
    #[napi(catch_unwind)]
    pub fn outcome(&self) -> Result<RunOutcome> {
        self.run.key().with(|run| match run.outcome().or_else(|| run.ending()) {
            Some(outcome) => Ok(outcome.into()),
            None => Err(error(ErrorCode::Internal, "the run has not ended")),
        })
    }
}

fn request(payload: u32, request_id: &Exact, expiry: WaitExpiry) -> Emission {
    let expiry = Some(Expiry::from(expiry));
    let (request_id, payload) = (request_id.to_exact_string(), PayloadRef(payload));
    Special::InputRequest { request_id, payload, expiry }.into()
}

fn keep_failure(run: &mut HostedRun, error: Option<String>) {
    if let (Some(recorder), Some(error)) = (run.recorder(), error) {
        recorder.keep_failure(error);
    }
}

impl From<&Outcome> for RunOutcome {
    fn from(outcome: &Outcome) -> Self {
        let (code, message) = match outcome {
            Outcome::Completed { stop } => return Self { stop: Some(stop.0), code: None, message: None },
            Outcome::Failed(failure) => (failure.code(), failure.to_string()),
            Outcome::Aborted => (ErrorCode::Aborted, "the run was aborted".to_owned()),
        };
        Self { stop: None, code: Some(code.as_ref().to_owned()), message: Some(message) }
    }
}
