//! One run in a process: what a driver does for it, with a model at its side.
//!
//! Everything that the run is told the model is told too, and everything that the run answers or asks for is held
//! against what the model says.

mod draining;
mod working;

use std::collections::BTreeMap;
use std::sync::Arc;

use blazen::ExactString;
use blazen::durable::{Recorder, at_rest};
use blazen::engine::{
    InvocationId, Millis, Now, PayloadRef, Run, RunAtRest, RunId, RunOptions, SessionPausePolicy, WallMillis,
};
use blazen::store::StoredRun;

use super::auditor::{Auditor, id_of};
use super::chance::Chance;
use super::expected::Rest;
use super::model::Model;
use super::sabotage::Sabotage;
use super::sights::Sight;
use super::workload::{Action, Workload};
use super::writer::{Holder, Report, Writer};

/// What a run needs of the world.
pub struct Surroundings<'a> {
    /// On the wall clock.
    pub now: u64,
    /// When the process was begun, which is where its own clock says 0.
    pub begun: u64,
    pub chance: &'a mut Chance,
    pub auditor: &'a mut Auditor,
    pub writer: &'a mut Writer,
    pub sabotage: Option<Sabotage>,
}

impl Surroundings<'_> {
    /// One instant on the clock of the process and on the wall clock.
    pub fn clocks(&self) -> Now {
        let wall = i64::try_from(self.now).expect("a time that is not far away");
        Now { monotonic: Millis(self.now - self.begun), wall: WallMillis(wall) }
    }
}

pub struct Hosted {
    pub holder: Holder,
    pub model: Model,
    /// The document, while the run is paused and that was announced.
    pub snapshot: Option<String>,
    /// Its holder has given it up.
    pub is_lost: bool,
    pub has_ended: bool,
    run: Run,
    recorder: Recorder,
    workload: Arc<Workload>,
    texts: BTreeMap<u32, Arc<str>>,
    next_payload: u32,
    at_work: Vec<Work>,
    /// Invocations from which nothing may be taken any more.
    late: Vec<InvocationId>,
    /// Questions that were put to people, by id.
    published: BTreeMap<Arc<str>, Arc<str>>,
}

struct Work {
    invocation: InvocationId,
    attempt: u32,
    script: Vec<Action>,
    next: usize,
    has_collected: bool,
}

impl Hosted {
    pub fn start(holder: Holder, workload: &Arc<Workload>, around: &mut Surroundings<'_>) -> Self {
        let id = RunId(id_of(holder.run));
        let mut recorder = Recorder::new(id, workload.definition.clone());
        let text = workload.start_event();
        recorder.keep_text(PayloadRef(0), text.clone());
        let now = around.clocks().monotonic;
        let run = Run::start(workload.definition.clone(), id, PayloadRef(0), options(workload), now);
        let model = Model::started(workload, around.now);
        Self::new(holder, workload, run, recorder, model, vec![text]).begun(around)
    }

    /// Takes up what a store has, which must be `rest`.
    pub fn take_up(
        holder: Holder,
        workload: &Arc<Workload>,
        stored: StoredRun,
        rest: Rest,
        around: &mut Surroundings<'_>,
    ) -> Self {
        let version = stored.version;
        let order = keys_in_order(&stored);
        let mut at_rest = at_rest(stored);
        if let Some(sabotage) = around.sabotage {
            sabotage.takes_up(&mut at_rest);
        }
        let model = Model::taken_up(workload, rest, version, around.now);
        let hosted = Self::resume(holder, workload, at_rest, model, around);
        hosted.has_keys_in_order(&order, around);
        hosted
    }

    /// Goes on from a snapshot of a run that stood as `rest`.
    pub fn move_here(
        holder: Holder,
        workload: &Arc<Workload>,
        snapshot: &str,
        rest: Rest,
        around: &mut Surroundings<'_>,
    ) -> Self {
        let mut at_rest = RunAtRest::from_snapshot(snapshot).expect("a snapshot that was written here");
        at_rest.id = RunId(id_of(holder.run));
        let model = Model::moved(workload, rest, around.now);
        Self::resume(holder, workload, at_rest, model, around)
    }

    fn resume(
        holder: Holder,
        workload: &Arc<Workload>,
        at_rest: RunAtRest,
        model: Model,
        around: &mut Surroundings<'_>,
    ) -> Self {
        let mut recorder = Recorder::new(at_rest.id, workload.definition.clone());
        let texts: Vec<Arc<str>> = at_rest.payload_texts().cloned().collect();
        for (payload, text) in (0..).map(PayloadRef).zip(&texts) {
            recorder.keep_text(payload, text.clone());
        }
        if let Some(ending) = &at_rest.ending {
            recorder.keep_failure(ending.error.to_string());
        }
        let now = around.clocks();
        let run = Run::resume(workload.definition.clone(), at_rest, options(workload), now)
            .expect("the workflow is the same");
        Self::new(holder, workload, run, recorder, model, texts).begun(around)
    }

    fn new(
        holder: Holder,
        workload: &Arc<Workload>,
        run: Run,
        recorder: Recorder,
        model: Model,
        texts: Vec<Arc<str>>,
    ) -> Self {
        Self {
            holder,
            model,
            snapshot: None,
            is_lost: false,
            has_ended: false,
            run,
            recorder,
            workload: workload.clone(),
            next_payload: u32::try_from(texts.len()).expect("few events"),
            texts: (0..).zip(texts).collect(),
            at_work: Vec::new(),
            late: Vec::new(),
            published: BTreeMap::new(),
        }
    }

    fn begun(mut self, around: &mut Surroundings<'_>) -> Self {
        self.drain(around);
        self
    }

    /// The keys of the state stand in the order in which the store has them. Only for a run with nothing at work.
    pub fn has_keys_in_order(&self, stored: &[String], around: &mut Surroundings<'_>) {
        let Ok(state) = self.run.state() else { return };
        let keys = state.in_order();
        let is_so = keys.iter().map(|(key, _)| key.as_str()).eq(stored.iter().map(|key| Some(&**key)));
        around.auditor.check(is_so, || format!("the keys {keys:?} are not in the order of {stored:?}"));
    }

    pub fn has_work(&self) -> bool {
        !self.at_work.is_empty()
    }

    pub fn pause(&mut self, around: &mut Surroundings<'_>) {
        self.model.now = around.now;
        if self.run.pause(SessionPausePolicy::PickleOrError).is_ok() {
            self.model.pauses();
        }
        self.drain_perhaps(around);
    }

    pub fn interrupt(&mut self, around: &mut Surroundings<'_>) {
        self.model.now = around.now;
        let expected = self.model.is_interrupted();
        let found: Vec<u64> = self.run.interrupt().into_iter().map(|invocation| invocation.0).collect();
        around.auditor.check(found == expected, || format!("{found:?} were cut short, not {expected:?}"));
        if !found.is_empty() {
            around.auditor.sees(Sight::CutShort);
            self.late.extend(self.at_work.drain(..).map(|work| work.invocation));
        }
        self.drain_perhaps(around);
    }

    pub fn go_on(&mut self, around: &mut Surroundings<'_>) {
        self.model.now = around.now;
        let was_paused = self.run.is_paused();
        if self.run.resume_in_place(around.clocks().monotonic).is_ok() {
            around.auditor.sees(if was_paused { Sight::WentOn } else { Sight::PauseTakenBack });
            self.snapshot = None;
            self.model.goes_on();
        }
        self.drain_perhaps(around);
    }

    pub fn abort(&mut self, around: &mut Surroundings<'_>) {
        self.model.now = around.now;
        if self.run.abort() {
            self.snapshot = None;
            self.model.is_aborted();
        }
        self.drain_perhaps(around);
    }

    /// Somebody answers one of the questions, if any was put.
    pub fn answer(&mut self, around: &mut Surroundings<'_>) {
        let index = around.chance.index(self.published.len());
        let Some((id, question)) = self.published.iter().nth(index) else { return };
        let (id, answer) = (id.clone(), self.workload.answer_to(question));
        self.model.now = around.now;
        let payload = self.keep(&answer);
        if self.run.respond(ExactString::from(&*id), payload).is_ok() {
            around.auditor.sees(Sight::Answered);
            self.published.remove(&id);
            self.model.is_answered(&id, &answer);
        } else {
            around.auditor.sees(Sight::AnswerRefused);
            self.texts.remove(&payload.0);
            let refuses = self.run.is_paused() || self.model.is_ended() || self.model.is_undoing();
            around.auditor.check(refuses, || format!("the answer to {id} was refused"));
        }
        self.drain_perhaps(around);
    }

    /// The clock of the driver has come to `around.now`.
    pub fn it_is_time(&mut self, around: &mut Surroundings<'_>) {
        let due = self.model.due();
        let wake_at = self.run.wake_at().map(|at| at.0 + around.begun);
        around.auditor.check(wake_at == due, || format!("I6: the run wakes at {wake_at:?}, not {due:?}"));
        if around.sabotage == Some(Sabotage::MissATimer) {
            return;
        }
        let early = if around.sabotage == Some(Sabotage::FireATimerEarly) { 20 } else { 0 };
        self.model.now = around.now;
        self.model.it_is_time();
        self.run.time_is_now(Millis(around.clocks().monotonic.0 + early));
        if due.is_some() && self.model.is_ended() {
            around.auditor.sees(Sight::TimedOut);
        }
        let (ended, expected) = (self.run.outcome().is_some(), self.model.is_ended());
        around.auditor.check(ended == expected, || format!("I6: at {} the run ended: {ended}", around.now));
        self.drain_perhaps(around);
    }

    pub(super) fn keep(&mut self, text: &Arc<str>) -> PayloadRef {
        let payload = PayloadRef(self.next_payload);
        self.next_payload += 1;
        self.texts.insert(payload.0, text.clone());
        self.recorder.keep_text(payload, text.clone());
        payload
    }

    /// What became of one of its commits.
    pub fn is_told(&mut self, report: Report, around: &mut Surroundings<'_>) {
        if self.is_lost {
            return;
        }
        match report {
            Report::Committed(version) => {
                around.auditor.acknowledged(self.holder.run, version);
                self.run.durable(version);
                self.drain(around);
            }
            Report::Refused | Report::Failed => {
                around.auditor.tell(|| format!("run {} is given up after {report:?}", self.holder.run));
                around.auditor.sees(Sight::RunGivenUp);
                self.is_lost = true;
                self.run.abandon();
                while self.run.poll_effect().is_some() {}
                around.auditor.check(self.run.poll_change().is_none(), || "a lost run is written".to_owned());
                self.late.extend(self.at_work.drain(..).map(|work| work.invocation));
            }
        }
    }
}

fn options(workload: &Workload) -> RunOptions {
    RunOptions { time_limit: workload.limit, durability: Some(workload.durability), ..RunOptions::default() }
}

/// The keys of a state, in the order in which they were first set.
pub fn keys_in_order(stored: &StoredRun) -> Vec<String> {
    stored.state.iter().map(|kept| kept.key.to_string()).collect()
}
