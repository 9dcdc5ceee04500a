//! `Workflow`: a name and its steps, and where runs begin.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;

use super::context::Context;
use super::errors::{self, Result};
use super::registry::OwnedRun;
use super::text::WellFormed;
use crate::engine::{Definition, Millis, PayloadRef, Run, RunId, RunOptions, Snapshot};

/// The clock of a run counts milliseconds.
const SHORTEST_LIMIT: Duration = Duration::from_millis(1);

/// The definition of a workflow. Handlers stay in JavaScript, in the order in which steps are defined.
#[napi]
pub struct Workflow {
    definition: Arc<Definition>,
    options: RunOptions,
}

#[napi]
impl Workflow {
    #[napi(constructor, catch_unwind)]
    pub fn new(name: String) -> Result<Self> {
        let definition = Definition::new(&name).map_err(errors::to_js)?;
        Ok(Self { definition: Arc::new(definition), options: RunOptions::default() })
    }

    /// The name of the workflow.
    #[napi(getter, catch_unwind)]
    pub fn name(&self) -> String {
        self.definition.name().to_owned()
    }

    /// Adds a step and gives the ids of the event types that it accepts, in the order given. Runs that have begun
    /// keep the steps that they began with.
    #[napi(catch_unwind)]
    pub fn define_step(&mut self, name: String, accepts: Vec<String>) -> Result<Vec<u32>> {
        let definition = Arc::make_mut(&mut self.definition);
        definition.add_step(&name, &accepts).map_err(errors::to_js)?;
        let id = |event_type: &String| definition.event_type(event_type).map(|id| id.0);
        Ok(accepts.iter().filter_map(id).collect())
    }

    /// Limits the time that a run may spend running; zero takes the limit off. Says whether there is one now.
    #[napi(catch_unwind)]
    pub fn limit_time(&mut self, seconds: f64) -> bool {
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds > 0.0);
        self.options.time_limit = limit.map(|limit| limit.max(SHORTEST_LIMIT));
        self.options.time_limit.is_some()
    }

    /// Begins a run whose start event is `payload`.
    #[napi(catch_unwind)]
    pub fn start(&self, payload: u32, now: f64) -> Context {
        let id = RunId(uuid::Uuid::now_v7());
        let run = Run::start(self.definition.clone(), id, PayloadRef(payload), self.options, millis(now));
        Context::new(OwnedRun::new(run))
    }

    /// Goes on from a snapshot. The events in it are `takePayloads` of the context: payloads 0, 1, 2, ...
    #[napi(catch_unwind)]
    pub fn take_up(&self, snapshot: WellFormed, now: f64) -> Result<Context> {
        let snapshot = Snapshot::parse(snapshot.as_str()).map_err(errors::to_js)?;
        let payloads = snapshot.payload_texts().map(str::to_owned).collect();
        let run = Run::resume(self.definition.clone(), snapshot, self.options, millis(now))
            .map_err(errors::to_js)?;
        Ok(Context::resumed(OwnedRun::new(run), payloads))
    }
}

/// The monotonic clock of JavaScript, which counts fractions.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a clock is neither negative nor that large
pub(super) fn millis(now: f64) -> Millis {
    Millis(now as u64)
}
