//! `Store`: a connection to a store, as JavaScript holds it.

use std::path::Path;
use std::rc::Rc;

use napi::bindgen_prelude::Float64ArraySlice;
use napi::{Env, JsString};
use napi_derive::napi;

use super::connection::Connection;
use super::errors::{self, ErrorCode, Result, error};
use super::hosted_run::wall_clock;
use super::lent;
use super::loaded_run::LoadedRun;
use super::mailbox::{News, Wake};
use super::numbers::{number_from_js, number_to_js, parse_id, time_to_js};
use super::store_in_javascript::{ParentRun, RunCommit};
use super::text;
use crate::store::commit::Rest;
use crate::store::query::RunOrder;
use crate::store::stored_run::HistoryEntry;
use crate::store::writer::{Answer, Question};
use crate::store::{
    CheckpointStore, History, MemoryStore, RunPage, RunQuery, RunSummary, SqliteOptions, SqliteStore,
    StatusKind, UnixMillis,
};

/// A change of a run is durable: the run follows.
#[napi]
pub const NEWS_STORED: u32 = 0;
/// A change of a run is not stored: the run follows, and `whyLost` says why.
#[napi]
pub const NEWS_LOST: u32 = 1;
/// A question is answered: its ticket follows.
#[napi]
pub const NEWS_ANSWERED: u32 = 2;

const WORDS_OF_NEWS: usize = 2;

/// The time by the clock that says whether what a store has is due, in milliseconds since 1970.
#[napi(catch_unwind)]
#[must_use]
pub fn wall_clock_time() -> f64 {
    time_to_js(UnixMillis(wall_clock().0))
}

/// A connection to a store.
#[napi]
pub struct Store {
    connection: Rc<Connection>,
}

/// A run without what is large in it.
#[napi(object)]
pub struct ListedRun {
    pub run_id: String,
    pub workflow: String,
    pub parent: Option<ParentRun>,
    pub status: String,
    /// It goes on only when something comes from outside.
    pub waiting: bool,
    /// It goes on by itself, and not before this time.
    pub wakes_at: Option<f64>,
    pub created_at: f64,
    pub updated_at: f64,
    pub finished_at: Option<f64>,
}

/// Some runs, and where to go on.
#[napi(object)]
pub struct ListedRuns {
    pub runs: Vec<ListedRun>,
    pub next: Option<f64>,
    /// What is wrong with runs that cannot be listed.
    pub damaged: Vec<String>,
}

/// A commit of a run, as its history has it. Texts are JSON.
#[napi(object)]
pub struct PastCommit {
    pub version: f64,
    pub at: f64,
    pub status: String,
    pub settled: Option<PastDelivery>,
    pub queued: String,
    pub written: String,
}

/// A delivery that a commit has settled.
#[napi(object)]
pub struct PastDelivery {
    pub delivery: f64,
    pub step: String,
    pub attempt: u32,
    pub began: f64,
    pub event: String,
}

impl From<HistoryEntry> for PastCommit {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            version: number_to_js(entry.version),
            at: time_to_js(entry.at),
            status: entry.status.name().to_owned(),
            settled: entry.settled.map(|settled| PastDelivery {
                delivery: number_to_js(settled.delivery),
                step: settled.step,
                attempt: settled.attempt,
                began: time_to_js(settled.began),
                event: settled.event,
            }),
            queued: entry.queued,
            written: entry.written,
        }
    }
}

/// Why a run was lost.
#[napi(object)]
pub struct RunLoss {
    pub code: String,
    pub message: String,
}

#[napi]
impl Store {
    /// Opens or makes a file. `wake` is called when there is something to collect.
    #[napi(factory, catch_unwind)]
    pub fn open_sqlite(
        env: Env,
        path: String,
        read_only: bool,
        keeps_history: bool,
        wake: Wake,
    ) -> Result<Self> {
        let history = if keeps_history { History::Full } else { History::None };
        let options = SqliteOptions { read_only, history, vfs: None };
        let store = SqliteStore::open(Path::new(&path), options).map_err(errors::to_js)?;
        Self::start(env, Box::new(store), wake)
    }

    /// A store that is gone with the process.
    #[napi(factory, catch_unwind)]
    pub fn in_memory(env: Env, wake: Wake) -> Result<Self> {
        Self::start(env, Box::new(MemoryStore::new()), wake)
    }

    /// The commits for a store in JavaScript. `wake` is called when there are some to take, and when there is something
    /// to collect.
    #[napi(factory, catch_unwind)]
    pub fn for_java_script(env: Env, wake: Wake) -> Self {
        Self { connection: Rc::new(Connection::of_java_script(env, wake)) }
    }

    /// Takes the commits that have queued up, as many as one batch may have.
    #[napi(catch_unwind)]
    pub fn take_commits(&self, at_most: u32) -> Vec<RunCommit> {
        self.connection.take_commits(at_most as usize).into_iter().map(RunCommit::from).collect()
    }

    /// The commits that were taken last are durable, but for those of which the store has another version: for these
    /// the list has that, in the order of the commits.
    #[napi(catch_unwind)]
    pub fn commits_are_durable(&self, other_versions: Vec<Option<f64>>) {
        self.connection.taken_are_durable(|position| {
            other_versions.get(position).copied().flatten().map(number_from_js)
        });
    }

    /// Whether the commits that were taken last are stored is not known.
    #[napi(catch_unwind)]
    pub fn commits_have_failed(&self, reason: String) {
        self.connection.taken_have_failed(&reason);
    }

    fn start(env: Env, store: Box<dyn CheckpointStore>, wake: Wake) -> Result<Self> {
        let connection = Connection::start(env, store, wake)
            .map_err(|failed| error(ErrorCode::StoreIo, format!("no thread for the store: {failed}")))?;
        let connection = Rc::new(connection);
        // The hook stays until the environment goes away, and must not keep what nobody else does.
        env.add_env_cleanup_hook(Rc::downgrade(&connection), |connection| {
            if let Some(connection) = connection.upgrade() {
                connection.shut_down();
            }
        })
        .map_err(errors::of_napi)?;
        Ok(Self { connection })
    }

    pub(super) fn connection(&self) -> Rc<Connection> {
        self.connection.clone()
    }

    /// Writes news as pairs of numbers and gives the number of words; fewer than there is room for means that there
    /// are no more.
    #[napi(catch_unwind)]
    pub fn collect(&self, mut lent: Float64ArraySlice) -> u32 {
        let words = lent::words(&mut lent);
        let mut written = 0;
        while words.len() - written >= WORDS_OF_NEWS {
            let (kind, number) = match self.connection.mailbox().next_news() {
                Some(News::Stored(run)) => (NEWS_STORED, run),
                Some(News::Lost(run)) => (NEWS_LOST, run),
                Some(News::Answered(ticket)) => (NEWS_ANSWERED, ticket),
                None => break,
            };
            words[written] = f64::from(kind);
            words[written + 1] = number_to_js(number);
            written += WORDS_OF_NEWS;
        }
        u32::try_from(written).unwrap_or(u32::MAX)
    }

    /// Why a run was lost, once.
    #[napi(catch_unwind)]
    pub fn why_lost(&self, run: f64) -> Result<RunLoss> {
        let loss = self.connection.mailbox().loss(number_from_js(run));
        let loss = loss.ok_or_else(|| error(ErrorCode::Internal, "no such run was lost"))?;
        Ok(RunLoss { code: loss.code.as_ref().to_owned(), message: loss.message })
    }

    /// Asks for a run; `loaded` gives it.
    #[napi(catch_unwind)]
    pub fn ask_for_run(&self, number: f64, run_id: String) -> Result<()> {
        self.connection.ask(number_from_js(number), Question::Load(parse_id(&run_id)?));
        Ok(())
    }

    /// A run that was asked for.
    #[napi(catch_unwind)]
    pub fn loaded(&self, number: f64) -> Result<Option<LoadedRun>> {
        match self.answer(number)? {
            Answer::Loaded(run) => Ok(run.map(|run| LoadedRun::new(*run))),
            _ => Err(another_answer()),
        }
    }

    /// Asks for a page of runs, after one that ended with `after`; `listed` gives them.
    #[napi(catch_unwind)]
    pub fn ask_for_runs(
        &self,
        number: f64,
        workflow: Option<String>,
        status: Option<String>,
        oldest_first: bool,
        after: Option<f64>,
        limit: u32,
    ) {
        let query = RunQuery {
            workflow,
            status: status.as_deref().and_then(StatusKind::named),
            order: if oldest_first { RunOrder::OldestFirst } else { RunOrder::NewestFirst },
            after: after.map(number_from_js),
            limit: limit as usize,
        };
        self.connection.ask(number_from_js(number), Question::Runs(query));
    }

    /// Runs that were asked for.
    #[napi(catch_unwind)]
    pub fn listed(&self, number: f64) -> Result<ListedRuns> {
        match self.answer(number)? {
            Answer::Runs(page) => Ok(page.into()),
            _ => Err(another_answer()),
        }
    }

    /// Asks for what has happened in a run; `past` gives it.
    #[napi(catch_unwind)]
    pub fn ask_for_history(&self, number: f64, run_id: String) -> Result<()> {
        self.connection.ask(number_from_js(number), Question::History(parse_id(&run_id)?));
        Ok(())
    }

    /// What has happened in a run that was asked for, oldest first.
    #[napi(catch_unwind)]
    pub fn past(&self, number: f64) -> Result<Option<Vec<PastCommit>>> {
        match self.answer(number)? {
            Answer::History(entries) => {
                Ok(entries.map(|entries| entries.into_iter().map(PastCommit::from).collect()))
            }
            _ => Err(another_answer()),
        }
    }

    /// Asks for so many events of the stream of a run, from an offset on; `streamed` gives them.
    #[napi(catch_unwind)]
    pub fn ask_for_stream(&self, number: f64, run_id: String, from: f64, at_most: u32) -> Result<()> {
        let question = Question::Stream(parse_id(&run_id)?, number_from_js(from), at_most as usize);
        self.connection.ask(number_from_js(number), question);
        Ok(())
    }

    /// Events of a stream that was asked for, JSON texts.
    #[napi(catch_unwind)]
    pub fn streamed<'env>(&self, env: &'env Env, number: f64) -> Result<Option<Vec<JsString<'env>>>> {
        let Answer::Stream(events) = self.answer(number)? else { return Err(another_answer()) };
        let events = events.map(|events| events.iter().map(|event| text::to_js(env, event)).collect());
        events.transpose().map_err(errors::of_napi)
    }

    /// Asks to forget runs that ended before a time, but for children of `unwritten` ones; `pruned` says how many those were.
    #[napi(catch_unwind)]
    pub fn ask_to_prune(&self, number: f64, finished_before: f64, unwritten: Vec<String>) -> Result<()> {
        #[allow(clippy::cast_possible_truncation)] // a time of JavaScript, which counts whole milliseconds
        let before = UnixMillis(finished_before as i64);
        let unwritten = unwritten.iter().map(|run| parse_id(run)).collect::<Result<_>>()?;
        self.connection.ask(number_from_js(number), Question::Prune(before, unwritten));
        Ok(())
    }

    /// How many runs were forgotten.
    #[napi(catch_unwind)]
    pub fn pruned(&self, number: f64) -> Result<f64> {
        match self.answer(number)? {
            Answer::Pruned(count) => Ok(number_to_js(count as u64)),
            _ => Err(another_answer()),
        }
    }

    /// Asks to give the store up, after all that came before.
    #[napi(catch_unwind)]
    pub fn ask_to_close(&self, number: f64) {
        self.connection.ask(number_from_js(number), Question::Close);
    }

    /// The store has been given up.
    #[napi(catch_unwind)]
    pub fn closed(&self, number: f64) -> Result<()> {
        match self.answer(number)? {
            Answer::Closed => {
                self.connection.end_thread();
                Ok(())
            }
            _ => Err(another_answer()),
        }
    }

    fn answer(&self, number: f64) -> Result<Answer> {
        let answer = self.connection.mailbox().answer(number_from_js(number));
        answer.ok_or_else(another_answer)?.map_err(errors::to_js)
    }
}

impl From<RunPage> for ListedRuns {
    fn from(page: RunPage) -> Self {
        Self {
            runs: page.runs.into_iter().map(ListedRun::from).collect(),
            next: page.next.map(number_to_js),
            damaged: page.damaged.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<RunSummary> for ListedRun {
    fn from(run: RunSummary) -> Self {
        Self {
            run_id: run.id.to_string(),
            workflow: run.workflow,
            parent: run.parent.map(ParentRun::from),
            status: run.status.name().to_owned(),
            waiting: run.rest == Rest::Waiting,
            wakes_at: run.rest.wakes_at().map(time_to_js),
            created_at: time_to_js(run.created_at),
            updated_at: time_to_js(run.updated_at),
            finished_at: run.finished_at.map(time_to_js),
        }
    }
}

fn another_answer() -> errors::Error {
    error(ErrorCode::Internal, "the store has given no such answer; this is a bug in blazen")
}
