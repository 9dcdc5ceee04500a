//! `LoadedRun`: a run as a store has given it back, before anybody goes on with it.

use napi::Env;
use napi::JsString;
use napi::bindgen_prelude::{BufferSlice, Either, Utf16String};
use napi_derive::napi;

use super::errors::{self, ErrorCode, Result, error};
use super::numbers::{number_to_js, time_to_js};
use super::store_in_javascript::{CheckpointedRun, OpenWait};
use super::text;
use crate::StateValue;
use crate::store::commit::PendingDelivery;
use crate::store::{Status, StoredRun};

/// A run as a store has given it back.
#[napi]
pub struct LoadedRun {
    run: Option<StoredRun>,
}

/// An event on its way to a step.
#[napi(object)]
pub struct PendingEvent {
    pub step: String,
    pub event: String,
    pub attempt: u32,
    /// In milliseconds since 1970.
    pub due: Option<f64>,
    pub held: Option<Utf16String>,
}

impl LoadedRun {
    pub(super) fn new(run: StoredRun) -> Self {
        Self { run: Some(run) }
    }

    /// The run, for whoever goes on with it.
    pub(super) fn take(&mut self) -> Result<StoredRun> {
        self.run.take().ok_or_else(taken)
    }

    fn run(&self) -> Result<&StoredRun> {
        self.run.as_ref().ok_or_else(taken)
    }
}

#[napi]
impl LoadedRun {
    /// A run that a store in JavaScript has given.
    #[napi(factory, catch_unwind)]
    pub fn given(run: CheckpointedRun) -> Result<Self> {
        run.into_stored().map(Self::new)
    }

    #[napi(getter, catch_unwind)]
    pub fn run_id(&self) -> Result<String> {
        Ok(self.run()?.id.to_string())
    }

    #[napi(getter, catch_unwind)]
    pub fn workflow(&self) -> Result<String> {
        Ok(self.run()?.workflow.clone())
    }

    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> Result<String> {
        Ok(self.run()?.status.kind().name().to_owned())
    }

    #[napi(getter, catch_unwind)]
    pub fn created_at(&self) -> Result<f64> {
        Ok(time_to_js(self.run()?.created_at))
    }

    #[napi(getter, catch_unwind)]
    pub fn updated_at(&self) -> Result<f64> {
        Ok(time_to_js(self.run()?.updated_at))
    }

    #[napi(getter, catch_unwind)]
    pub fn finished_at(&self) -> Result<Option<f64>> {
        Ok(self.run()?.finished_at.map(time_to_js))
    }

    /// The JSON text of the result, of a run that was completed with one.
    #[napi(getter, catch_unwind)]
    pub fn result(&self) -> Result<Option<String>> {
        match &self.run()?.status {
            Status::Completed { result } => Ok(result.clone()),
            _ => Ok(None),
        }
    }

    /// The JSON text of what ended the run, if it ended without a result.
    #[napi(getter, catch_unwind)]
    pub fn error(&self) -> Result<Option<String>> {
        match &self.run()?.status {
            Status::Failed { error } | Status::Cancelled { error } => Ok(Some(error.clone())),
            _ => Ok(None),
        }
    }

    /// How many events its stream has.
    #[napi(getter, catch_unwind)]
    pub fn streamed(&self) -> Result<f64> {
        Ok(number_to_js(self.run()?.streamed))
    }

    /// The events on their way.
    #[napi(getter, catch_unwind)]
    pub fn pending(&self) -> Result<Vec<PendingEvent>> {
        Ok(self.run()?.pending.iter().map(PendingEvent::from).collect())
    }

    /// What it waits for, and what has come before.
    #[napi(getter, catch_unwind)]
    pub fn waits(&self) -> Result<Vec<OpenWait>> {
        Ok(self.run()?.waits.iter().cloned().map(OpenWait::from).collect())
    }

    /// The keys of the state, in order.
    #[napi(catch_unwind)]
    pub fn state_keys<'env>(&self, env: &'env Env) -> Result<Vec<JsString<'env>>> {
        let keys = self.run()?.state.iter().map(|kept| text::exact_to_js(env, &kept.key));
        keys.collect::<napi::Result<_>>().map_err(errors::of_napi)
    }

    /// The values of the state, in the order of the keys: JSON texts, or bytes.
    #[napi(catch_unwind)]
    pub fn state_values<'env>(
        &self,
        env: &'env Env,
    ) -> Result<Vec<Either<JsString<'env>, BufferSlice<'env>>>> {
        let values = self.run()?.state.iter().map(|kept| match &kept.value {
            StateValue::Json(json) => text::to_js(env, json).map(Either::A),
            StateValue::Bytes(bytes) => BufferSlice::copy_from(env, bytes).map(Either::B),
        });
        values.collect::<napi::Result<_>>().map_err(errors::of_napi)
    }
}

impl From<&PendingDelivery> for PendingEvent {
    fn from(pending: &PendingDelivery) -> Self {
        Self {
            step: pending.step.to_string(),
            event: pending.event.to_string(),
            attempt: pending.attempt,
            due: pending.due.map(time_to_js),
            held: pending.held.as_ref().map(|key| key.to_utf16().into()),
        }
    }
}

fn taken() -> errors::Error {
    error(ErrorCode::Internal, "the run is taken up already; this is a bug in blazen")
}
