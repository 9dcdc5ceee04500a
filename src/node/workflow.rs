//! `Workflow`: a name and its steps, and where runs begin.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;

use uuid::Uuid;

use super::connection::Connection;
use super::context::Context;
use super::errors::{self, Result};
use super::hosted_run::{HostedRun, wall_clock};
use super::loaded_run::LoadedRun;
use super::numbers::parse_id;
use super::registry::OwnedRun;
use super::store::Store;
use super::store_in_javascript::{self, ParentRun};
use super::text::WellFormed;
use crate::durable::{self, Recorder};
use crate::engine::{
    self, Definition, Durability, Millis, Now, Origin, PayloadRef, RetryPolicy, Run, RunAtRest, RunId,
    RunOptions, StepOptions,
};
use crate::store::commit::Code;

/// The clock of a run counts milliseconds.
const SHORTEST_LIMIT: Duration = Duration::from_millis(1);

/// The definition of a workflow. Handlers stay in JavaScript, in the order in which steps are defined.
#[napi]
pub struct Workflow {
    definition: Arc<Definition>,
    options: RunOptions,
    connection: Option<Rc<Connection>>,
    /// What runs that begin from now on remember of their code, if they are to.
    code: Option<Code>,
}

#[napi]
impl Workflow {
    #[napi(constructor, catch_unwind)]
    pub fn new(name: String) -> Result<Self> {
        let definition = Definition::new(&name).map_err(errors::to_js)?;
        Ok(Self {
            definition: Arc::new(definition),
            options: RunOptions::default(),
            connection: None,
            code: None,
        })
    }

    /// The name of the workflow.
    #[napi(getter, catch_unwind)]
    pub fn name(&self) -> String {
        self.definition.name().to_owned()
    }

    /// Adds a step and gives the ids of the event types that it accepts, in the order given. Runs that have begun
    /// keep the steps that they began with.
    #[napi(catch_unwind)]
    pub fn define_step(
        &mut self,
        name: String,
        accepts: Vec<String>,
        retry: Option<Retries>,
        concurrency: Option<u32>,
        compensation: Option<Retries>,
    ) -> Result<Vec<u32>> {
        let definition = Arc::make_mut(&mut self.definition);
        let options = StepOptions {
            retry: retry.map(RetryPolicy::from),
            concurrency,
            compensation: compensation.map(RetryPolicy::from),
        };
        definition.add_step_with(&name, &accepts, options).map_err(errors::to_js)?;
        let id = |event_type: &String| definition.event_type(event_type).map(|id| id.0);
        Ok(accepts.iter().filter_map(id).collect())
    }

    /// What the runs that begin from now on remember: the version of the workflow, and its steps, a JSON text.
    #[napi(catch_unwind)]
    pub fn go_by(&mut self, version: String, steps: String) {
        self.code = Some(Code { version: version.into(), steps: steps.into() });
    }

    /// The step whose name is most like `name`, if one is like it at all.
    #[napi(catch_unwind)]
    pub fn nearest_step(&self, name: String) -> Option<String> {
        self.definition.nearest_step(&name).map(str::to_owned)
    }

    /// The event type that is accepted or ends a run, and whose name is most like `name`, if one is like it at all.
    #[napi(catch_unwind)]
    pub fn nearest_event_type(&self, name: String) -> Option<String> {
        self.definition.nearest_event_type(&name).map(str::to_owned)
    }

    /// Limits the time that a run may spend running; zero takes the limit off. Says whether there is one now.
    #[napi(catch_unwind)]
    pub fn limit_time(&mut self, seconds: f64) -> bool {
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds > 0.0);
        self.options.time_limit = limit.map(|limit| limit.max(SHORTEST_LIMIT));
        self.options.time_limit.is_some()
    }

    /// Writes the runs that begin from now on to a store.
    #[napi(catch_unwind)]
    pub fn write_to(&mut self, store: &Store, durability: RunDurability) {
        self.connection = Some(store.connection());
        self.options.durability = Some(durability.into());
    }

    /// The streams of the runs that begin from now on are written to the store as well.
    #[napi(catch_unwind)]
    pub fn keep_streams(&mut self) {
        self.options.keeps_stream = true;
    }

    /// What the runs that begin from now on do about lost updates.
    #[napi(catch_unwind)]
    pub fn watch_state(&mut self, conflicts: StateConflicts) {
        self.options.state_conflicts = conflicts.into();
    }

    /// Begins a run whose start event is `payload`.
    #[napi(catch_unwind)]
    pub fn start(&self, payload: u32, now: f64) -> Context {
        let id = RunId(Uuid::now_v7());
        let run = Run::start(self.definition.clone(), id, PayloadRef(payload), self.options, millis(now));
        Context::new(OwnedRun::new(self.hosted(
            run.by_version(self.version()),
            self.code.as_ref(),
            None,
            now,
        )))
    }

    /// Begins a run that is stored, so that its start event has the text `json`, or that has an id already, or a parent.
    #[napi(catch_unwind)]
    pub fn start_as(
        &self,
        payload: u32,
        json: Option<WellFormed>,
        run_id: Option<String>,
        now: f64,
        parent: Option<ParentRun>,
    ) -> Result<Context> {
        let id = RunId(run_id.as_deref().map_or_else(|| Ok(Uuid::now_v7()), parse_id)?);
        let payload = PayloadRef(payload);
        let run = Run::start(self.definition.clone(), id, payload, self.options, millis(now));
        let run = run.by_version(self.version());
        let text = json.map(|json| (payload, Arc::from(json.as_str())));
        let parent = parent.map(store_in_javascript::parent).transpose()?;
        let mut hosted = self.hosted(run, self.code.as_ref(), text, now);
        if let (Some(recorder), Some(parent)) = (hosted.recorder(), parent) {
            recorder.keep_parent(parent);
        }
        Ok(Context::new(OwnedRun::new(hosted)))
    }

    /// Goes on from a snapshot. The events in it are `takePayloads` of the context: payloads 0, 1, 2, ...
    #[napi(catch_unwind)]
    pub fn take_up(&self, snapshot: WellFormed, now: f64) -> Result<Context> {
        let at_rest = RunAtRest::from_snapshot(snapshot.as_str()).map_err(errors::to_js)?;
        self.resume(at_rest, now)
    }

    /// Goes on with a stored run, of which the same holds.
    #[napi(catch_unwind)]
    pub fn take_up_stored(&self, run: &mut LoadedRun, now: f64) -> Result<Context> {
        let at_rest = run.take()?;
        self.resume(if run.is_rewritten() { at_rest.migrated_to(self.version()) } else { at_rest }, now)
    }

    /// Takes a stored run up for nothing but to end it, which is to be done at once. It needs none of its steps.
    #[napi(catch_unwind)]
    pub fn take_up_to_end(&self, run: &mut LoadedRun, now: f64) -> Result<Context> {
        self.resume(run.take()?.only_to_end(), now)
    }

    fn resume(&self, at_rest: RunAtRest, now: f64) -> Result<Context> {
        let payloads: Vec<Arc<str>> = at_rest.payload_texts().cloned().collect();
        let children = at_rest.children.clone();
        let ending = at_rest.ending.as_ref().map(|ending| ending.error.clone());
        let is_unwritten = at_rest.origin.is_unwritten();
        let code = if is_unwritten { self.code_of(at_rest.workflow_version.as_ref()) } else { None };
        // A store has the events of its own runs, but for a stream that begins now; and what goes out later, if at all, is
        // written once more then.
        let begins_stream =
            matches!(at_rest.origin, Origin::Store { streamed: 0, .. }) && self.options.keeps_stream;
        let stored = if is_unwritten || begins_stream { 0 } else { at_rest.pending_events.len() };
        let run = Run::resume(self.definition.clone(), at_rest, self.options, on_both_clocks(now))
            .map_err(errors::to_js)?;
        let texts = (0..).map(PayloadRef).zip(payloads.iter().cloned()).skip(stored);
        let mut hosted = self.hosted(run, code.as_ref(), texts, now);
        if let (Some(recorder), Some(ending)) = (hosted.recorder(), &ending) {
            recorder.keep_failure(ending.to_string());
        }
        Ok(Context::resumed(OwnedRun::new(hosted), payloads, children, ending))
    }

    fn version(&self) -> Option<Arc<str>> {
        self.code.as_ref().map(|code| code.version.clone())
    }

    /// What is known of a version: the steps of this workflow's own.
    fn code_of(&self, version: Option<&Arc<str>>) -> Option<Code> {
        let version = version?.clone();
        let own = self.code.clone().filter(|own| own.version == version);
        Some(own.unwrap_or_else(|| Code { version, steps: durable::UNKNOWN_STEPS.into() }))
    }

    fn hosted(
        &self,
        run: Run,
        code: Option<&Code>,
        texts: impl IntoIterator<Item = (PayloadRef, Arc<str>)>,
        now: f64,
    ) -> HostedRun {
        let Some(connection) = &self.connection else { return HostedRun::in_memory(run) };
        let mut recorder = Recorder::new(run.id(), self.definition.clone());
        if let Some(code) = code {
            recorder = recorder.by_code(code.clone());
        }
        for (payload, text) in texts {
            recorder.keep_text(payload, text);
        }
        HostedRun::stored(run, recorder, connection.clone(), millis(now))
    }
}

/// How often a step is attempted, and how long it rests in between; checked in JavaScript.
#[napi(object)]
pub struct Retries {
    pub max_attempts: u32,
    pub initial_delay_ms: f64,
    pub factor: f64,
    pub max_delay_ms: f64,
    pub jitter: f64,
}

impl From<Retries> for RetryPolicy {
    fn from(retries: Retries) -> Self {
        let Retries { max_attempts, initial_delay_ms, factor, max_delay_ms, jitter } = retries;
        Self {
            max_attempts,
            initial_delay: wait(initial_delay_ms),
            factor,
            max_delay: wait(max_delay_ms),
            jitter,
        }
    }
}

/// When a run is written to its store.
#[napi(string_enum = "lowercase")]
#[derive(Clone, Copy)]
pub enum RunDurability {
    Sync,
    Async,
    Exit,
}

impl From<RunDurability> for Durability {
    fn from(durability: RunDurability) -> Self {
        match durability {
            RunDurability::Sync => Self::Sync,
            RunDurability::Async => Self::Async,
            RunDurability::Exit => Self::Exit,
        }
    }
}

/// A number of milliseconds, as long as there is time for it.
pub(super) fn wait(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1_000.0).unwrap_or(Duration::MAX)
}

/// JavaScript's monotonic clock and the system's, which is asked now.
pub(super) fn on_both_clocks(now: f64) -> Now {
    Now { monotonic: millis(now), wall: wall_clock() }
}

/// What is done about a lost update of the state.
#[napi(string_enum = "lowercase")]
#[derive(Clone, Copy)]
pub enum StateConflicts {
    Off,
    Warn,
    Error,
}

impl From<StateConflicts> for engine::StateConflicts {
    fn from(conflicts: StateConflicts) -> Self {
        match conflicts {
            StateConflicts::Off => Self::Off,
            StateConflicts::Warn => Self::Warn,
            StateConflicts::Error => Self::Refuse,
        }
    }
}

/// The monotonic clock of JavaScript, which counts fractions.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a clock is neither negative nor that large
pub(super) fn millis(now: f64) -> Millis {
    Millis(now as u64)
}
