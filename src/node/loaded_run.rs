//! `LoadedRun`: a run as a store has given it back, before anybody goes on with it.

use napi::Env;
use napi::JsString;
use napi::bindgen_prelude::{BufferSlice, Either};
use napi_derive::napi;

use super::errors::{self, ErrorCode, Result, error};
use super::hosted_run::wall_clock;
use super::numbers::{number_to_js, time_to_js};
use super::store_in_javascript::{
    self, CheckpointedKey, CheckpointedRun, OpenWait, ParentRun, QueuedDelivery,
};
use super::text::{self, WellFormed};
use crate::durable;
use crate::engine::{ChildAtRest, Origin, RunAtRest};
use crate::store::stored_run::StoredValue;
use crate::store::{Status, StoredRun, UnixMillis};
use crate::{ExactString, StateValue};

/// A run as a store has given it back, or as a snapshot has it.
#[napi]
pub struct LoadedRun {
    run: Option<StoredRun>,
    /// The children that the run rests with, if it is that of a snapshot, of which a store may know nothing.
    children: Option<Vec<ChildAtRest>>,
    is_rewritten: bool,
}

impl LoadedRun {
    pub(super) fn new(run: StoredRun) -> Self {
        Self { run: Some(run), children: None, is_rewritten: false }
    }

    /// The run, for whoever goes on with it.
    pub(super) fn take(&mut self) -> Result<RunAtRest> {
        let mut at_rest = durable::at_rest(self.run.take().ok_or_else(taken)?);
        if let Some(children) = self.children.take() {
            at_rest.children = children;
            at_rest.origin = Origin::Snapshot;
        }
        Ok(at_rest)
    }

    /// Whether somebody has changed it since it was read, to fit other code.
    pub(super) fn is_rewritten(&self) -> bool {
        self.is_rewritten
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

    /// The run of a snapshot.
    #[napi(factory, catch_unwind)]
    pub fn of_snapshot(snapshot: WellFormed) -> Result<Self> {
        let mut at_rest = RunAtRest::from_snapshot(snapshot.as_str()).map_err(errors::to_js)?;
        let children = Some(std::mem::take(&mut at_rest.children));
        let run = durable::unstored(at_rest, UnixMillis(wall_clock().0));
        Ok(Self { children, ..Self::new(run) })
    }

    /// The version of the workflow that it goes by, if that is known.
    #[napi(getter, catch_unwind)]
    pub fn workflow_version(&self) -> Result<Option<String>> {
        Ok(self.run()?.code.as_ref().map(|code| code.version.to_string()))
    }

    /// The steps of that version, a JSON text.
    #[napi(getter, catch_unwind)]
    pub fn workflow_steps(&self) -> Result<Option<String>> {
        Ok(self.run()?.code.as_ref().map(|code| code.steps.to_string()))
    }

    /// The greatest number that a delivery of the run has had.
    #[napi(getter, catch_unwind)]
    pub fn last_delivery(&self) -> Result<f64> {
        Ok(number_to_js(self.run()?.last_delivery))
    }

    /// The events on their way, and those of what can be undone.
    #[napi(getter, catch_unwind)]
    pub fn queued(&self) -> Result<Vec<QueuedDelivery>> {
        Ok(self.run()?.pending.iter().cloned().map(QueuedDelivery::from).collect())
    }

    /// To be called before what is read is used to `rewrite` the run: from then on the attempts that a lost process may
    /// have begun are counted.
    #[napi(catch_unwind)]
    pub fn begin_rewriting(&mut self) -> Result<()> {
        let is_of_snapshot = self.children.is_some();
        let run = self.run.as_mut().ok_or_else(taken)?;
        if !is_of_snapshot {
            durable::count_lost_attempts(run);
        }
        Ok(())
    }

    /// What it waits for, and what waits for it.
    #[napi(getter, catch_unwind)]
    pub fn waits(&self) -> Result<Vec<OpenWait>> {
        Ok(self.run()?.waits.iter().cloned().map(OpenWait::from).collect())
    }

    /// Replaces what was read, by what is checked already: the state, in its order, the events on their way, by delivery,
    /// and the waits.
    #[napi(catch_unwind)]
    pub fn rewrite(
        &mut self,
        state: Vec<CheckpointedKey>,
        pending: Vec<QueuedDelivery>,
        waits: Vec<OpenWait>,
    ) -> Result<()> {
        let run = self.run.as_mut().ok_or_else(taken)?;
        let pending = pending.into_iter().map(store_in_javascript::pending).collect::<Result<Vec<_>>>()?;
        let waits = waits.into_iter().map(store_in_javascript::wait).collect::<Result<Vec<_>>>()?;
        let state = (0..).zip(state).map(|(place, CheckpointedKey { key, value, .. })| StoredValue {
            key: ExactString::from_utf16(&key),
            place,
            value: store_in_javascript::value(value),
        });
        run.state = state.collect();
        run.last_delivery = pending.iter().map(|one| one.delivery).fold(run.last_delivery, u64::max);
        run.pending = pending;
        run.waits = waits;
        self.is_rewritten = true;
        Ok(())
    }

    #[napi(getter, catch_unwind)]
    pub fn run_id(&self) -> Result<String> {
        Ok(self.run()?.id.to_string())
    }

    #[napi(getter, catch_unwind)]
    pub fn workflow(&self) -> Result<String> {
        Ok(self.run()?.workflow.clone())
    }

    /// The run that it is a child of, if it is one.
    #[napi(getter, catch_unwind)]
    pub fn parent(&self) -> Result<Option<ParentRun>> {
        Ok(self.run()?.parent.map(ParentRun::from))
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

    /// The JSON text of why the run is about to end, if it undoes what it has done.
    #[napi(getter, catch_unwind)]
    pub fn ending(&self) -> Result<Option<String>> {
        Ok(self.run()?.ending.as_ref().map(ToString::to_string))
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

fn taken() -> errors::Error {
    error(ErrorCode::Internal, "the run is taken up already; this is a bug in blazen")
}
