//! `Driver`: a driver of this package, called as a store in JavaScript is, so that one suite is for both.
//!
//! Here is the inverse of what is done for a store in JavaScript: its commits become ours, and our runs become its.

use std::path::Path;

use napi_derive::napi;

use super::errors::{self, ErrorCode, Result, error};
use super::numbers::{number_to_js, parse_id, time_to_js};
use super::store::ListedRuns;
use super::store_in_javascript::{
    AddedResults, AttemptedAgain, CheckpointedKey, CheckpointedRun, OpenWait, ParentRun, QueuedDelivery,
    RunCommit, SentEvents, SettledDelivery, WorkflowCode, WrittenKey, code, parent, pending, status, time,
    value, value_to_js, wait, whole,
};
use crate::ExactString;
use crate::store::commit::{Added, Again, Rest, Sent, Settled, Written};
use crate::store::query::RunOrder;
use crate::store::stored_run::StoredValue;
use crate::store::{
    CheckpointStore, Commit, MemoryStore, Refusal, RunQuery, SqliteOptions, SqliteStore, Status, StatusKind,
    StoredRun,
};

/// A driver.
#[napi]
pub struct Driver {
    store: Box<dyn CheckpointStore>,
}

/// A commit that was not taken.
#[napi(object)]
pub struct RefusedCommit {
    pub stored_version: f64,
}

#[napi]
impl Driver {
    /// A `MemoryStore`.
    #[napi(factory, catch_unwind)]
    pub fn memory() -> Self {
        Self { store: Box::new(MemoryStore::new()) }
    }

    /// A `SqliteStore`.
    #[napi(factory, catch_unwind)]
    pub fn sqlite(path: String) -> Result<Self> {
        let store = SqliteStore::open(Path::new(&path), SqliteOptions::default()).map_err(errors::to_js)?;
        Ok(Self { store: Box::new(store) })
    }

    #[napi(catch_unwind)]
    pub fn commit(&mut self, commits: Vec<RunCommit>) -> Result<Vec<Option<RefusedCommit>>> {
        let batch = commits.into_iter().map(commit).collect::<Result<Vec<_>>>()?;
        let answers = self.store.commit(&batch).map_err(errors::to_js)?;
        answers
            .into_iter()
            .map(|answer| answer.err().map(|refusal| self.refused(&refusal)).transpose())
            .collect()
    }

    fn refused(&mut self, refusal: &Refusal) -> Result<RefusedCommit> {
        let found = match *refusal {
            Refusal::Conflict { found, .. } => found,
            Refusal::Exists { run } => {
                self.store.load(run).map_err(errors::to_js)?.map_or(0, |run| run.version)
            }
            Refusal::TooLarge { .. } | Refusal::Damaged { .. } => {
                return Err(error(ErrorCode::Internal, refusal.to_string()));
            }
        };
        Ok(RefusedCommit { stored_version: number_to_js(found) })
    }

    #[napi(catch_unwind)]
    pub fn load(&mut self, run_id: String) -> Result<Option<CheckpointedRun>> {
        let run = self.store.load(parse_id(&run_id)?).map_err(errors::to_js)?;
        Ok(run.map(CheckpointedRun::from))
    }

    #[napi(catch_unwind)]
    pub fn runs(
        &mut self,
        workflow: Option<String>,
        status: Option<String>,
        oldest_first: bool,
        after: Option<f64>,
        limit: f64,
    ) -> Result<ListedRuns> {
        let query = RunQuery {
            workflow,
            status: status.as_deref().and_then(StatusKind::named),
            order: if oldest_first { RunOrder::OldestFirst } else { RunOrder::NewestFirst },
            after: after.map(|after| whole(after, "after")).transpose()?,
            limit: usize::try_from(whole(limit, "the limit")?).unwrap_or(usize::MAX),
        };
        Ok(self.store.runs(&query).map_err(errors::to_js)?.into())
    }

    #[napi(catch_unwind)]
    pub fn stream(&mut self, run_id: String, from: f64, at_most: u32) -> Result<Option<Vec<String>>> {
        let from = whole(from, "the offset")?;
        let events = self.store.stream(parse_id(&run_id)?, from, at_most as usize).map_err(errors::to_js)?;
        Ok(events.map(|events| events.iter().map(ToString::to_string).collect()))
    }

    #[napi(catch_unwind)]
    pub fn close(&mut self) -> Result<()> {
        self.store.close().map_err(errors::to_js)
    }
}

fn commit(from: RunCommit) -> Result<Commit> {
    Ok(Commit {
        run: parse_id(&from.run_id)?,
        version: whole(from.version, "the version")?,
        at: time(from.at, "at")?,
        creates: from.creates.map(Into::into),
        parent: from.parent.map(parent).transpose()?,
        code: from.code.map(code),
        replaces: from.replaces,
        settled: from.settled.map(settled).transpose()?,
        held: from.held.map(|key| ExactString::from_utf16(&key)),
        done: from.done.map(|done| whole(done, "done")).transpose()?,
        gathered: from.gathered.into_iter().map(delivery).collect::<Result<_>>()?,
        sent: from.sent.map(sent).transpose()?,
        added: from.added.into_iter().map(added).collect::<Result<_>>()?,
        again: from.again.into_iter().map(again).collect::<Result<_>>()?,
        closed: from.closed.map(|id| ExactString::from_utf16(&id)),
        queued: from.queued.into_iter().map(pending).collect::<Result<_>>()?,
        opened: from.opened.into_iter().map(wait).collect::<Result<_>>()?,
        written: from.written.into_iter().map(written).collect::<Result<_>>()?,
        streamed: from.streamed.into_iter().map(Into::into).collect(),
        status: status(&from.status, from.result, from.error)?,
        ending: from.ending.map(Into::into),
        last_delivery: delivery(from.last_delivery)?,
        time_remaining: from.time_remaining.map(|left| whole(left, "timeRemaining")).transpose()?,
        rest: match (from.waiting, from.wakes_at) {
            (true, _) => Rest::Waiting,
            (false, Some(until)) => Rest::Asleep(time(until, "wakesAt")?),
            (false, None) => Rest::Awake,
        },
    })
}

fn delivery(number: f64) -> Result<u64> {
    whole(number, "the number of a delivery")
}

fn settled(from: SettledDelivery) -> Result<Settled> {
    let SettledDelivery { began, attempt, .. } = from;
    Ok(Settled { delivery: delivery(from.delivery)?, began: time(began, "began")?, attempt })
}

fn sent(SentEvents { delivery: number, count }: SentEvents) -> Result<Sent> {
    Ok(Sent { delivery: delivery(number)?, count })
}

fn added(AddedResults { delivery: number, results }: AddedResults) -> Result<Added> {
    Ok(Added { delivery: delivery(number)?, results: results.into() })
}

fn again(from: AttemptedAgain) -> Result<Again> {
    let AttemptedAgain { attempt, sent, .. } = from;
    let due = from.due.map(|due| time(due, "due")).transpose()?;
    Ok(Again { delivery: delivery(from.delivery)?, attempt, sent, due })
}

fn written(from: WrittenKey) -> Result<Written> {
    Ok(Written {
        key: ExactString::from_utf16(&from.key),
        place: whole(from.place, "the place of a state key")?,
        before: from.before.map(value),
        after: from.after.map(value),
    })
}

impl From<StoredRun> for CheckpointedRun {
    fn from(run: StoredRun) -> Self {
        let status = run.status.kind().name().to_owned();
        let (result, error) = match run.status {
            Status::Completed { result } => (result, None),
            Status::Failed { error } | Status::Cancelled { error } => (None, Some(error)),
            Status::Running | Status::Paused => (None, None),
        };
        Self {
            run_id: run.id.to_string(),
            workflow: run.workflow,
            parent: run.parent.map(ParentRun::from),
            code: run.code.map(WorkflowCode::from),
            version: number_to_js(run.version),
            status,
            result,
            error,
            ending: run.ending.map(|why| why.to_string()),
            created_at: time_to_js(run.created_at),
            updated_at: time_to_js(run.updated_at),
            finished_at: run.finished_at.map(time_to_js),
            last_delivery: number_to_js(run.last_delivery),
            time_remaining: run.time_remaining.map(number_to_js),
            streamed: (run.streamed > 0).then(|| number_to_js(run.streamed)),
            pending: run.pending.into_iter().map(QueuedDelivery::from).collect(),
            waits: run.waits.into_iter().map(OpenWait::from).collect(),
            state: run.state.into_iter().map(CheckpointedKey::from).collect(),
        }
    }
}

impl From<StoredValue> for CheckpointedKey {
    fn from(StoredValue { key, place, value }: StoredValue) -> Self {
        Self { key: key.to_utf16().into(), place: number_to_js(place), value: value_to_js(value) }
    }
}
