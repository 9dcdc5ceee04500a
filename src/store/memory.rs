//! Runs in memory: the plainest driver there is.
//!
//! It forgets everything with the process, so it is for tests, of workflows and of other drivers: what another driver
//! answers, this one answers too. It keeps a history.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::commit::{PendingDelivery, Rest, Settled};
use super::query::RunOrder;
use super::stored_run::{HistoryEntry, SettledDelivery, StoredValue};
use super::{
    CheckpointStore, Commit, Refusal, RunPage, RunQuery, RunSummary, StoreError, StoredRun, UnixMillis,
    history,
};
use crate::ExactString;

/// A store without a file.
#[derive(Debug, Default)]
pub struct MemoryStore {
    runs: BTreeMap<Uuid, Kept>,
    /// Which run was created when. Numbers are never used twice.
    created: BTreeMap<u64, Uuid>,
    last_created: u64,
    closed: bool,
}

/// One run, and what has happened in it.
#[derive(Debug)]
struct Kept {
    number: u64,
    run: StoredRun,
    history: Vec<HistoryEntry>,
    stream: Vec<Arc<str>>,
    rest: Rest,
}

impl Kept {
    fn summary(&self) -> RunSummary {
        let run = &self.run;
        RunSummary {
            id: run.id,
            workflow: run.workflow.clone(),
            parent: run.parent,
            status: run.status.kind(),
            rest: self.rest,
            created_at: run.created_at,
            updated_at: run.updated_at,
            finished_at: run.finished_at,
        }
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&mut self) -> Result<&mut Self, StoreError> {
        if self.closed { Err(StoreError::Closed) } else { Ok(self) }
    }

    fn take(&mut self, commit: &Commit) -> Result<(), Refusal> {
        self.refuse_wrong_version(commit)?;
        if commit.version == 1 {
            self.create(commit);
        }
        let kept = self.runs.get_mut(&commit.run).expect("a run whose version was checked");
        kept.history.push(kept.run.history_entry(commit));
        kept.run.apply(commit);
        kept.stream.extend(commit.streamed.iter().cloned());
        kept.rest = commit.rest;
        Ok(())
    }

    fn refuse_wrong_version(&self, commit: &Commit) -> Result<(), Refusal> {
        let Commit { run, version, .. } = *commit;
        let found = self.runs.get(&run).map_or(0, |kept| kept.run.version);
        match (version, found) {
            (1, 1..) => Err(Refusal::Exists { run }),
            (1, 0) if commit.creates.is_some() => Ok(()),
            (2.., 1..) if version == found + 1 => Ok(()),
            _ => Err(Refusal::Conflict { run, version, found }),
        }
    }

    fn has_unfinished_parent(&self, run: &StoredRun, unwritten: &HashSet<Uuid>) -> bool {
        let Some(parent) = run.parent else { return false };
        let is_unfinished = |above: &Kept| above.run.finished_at.is_none();
        unwritten.contains(&parent.run) || self.runs.get(&parent.run).is_some_and(is_unfinished)
    }

    fn create(&mut self, commit: &Commit) {
        self.last_created += 1;
        self.created.insert(self.last_created, commit.run);
        let begun = StoredRun::begun(commit.run, commit.creates.as_deref().unwrap_or_default(), commit.at);
        let run = StoredRun { parent: commit.parent, ..begun };
        let (history, stream) = (Vec::new(), Vec::new());
        self.runs
            .insert(commit.run, Kept { number: self.last_created, run, history, stream, rest: commit.rest });
    }
}

impl CheckpointStore for MemoryStore {
    fn commit(&mut self, batch: &[Commit]) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        let store = self.open()?;
        Ok(batch.iter().map(|commit| store.take(commit)).collect())
    }

    fn load(&mut self, run: Uuid) -> Result<Option<StoredRun>, StoreError> {
        Ok(self.open()?.runs.get(&run).map(|kept| kept.run.clone()))
    }

    fn runs(&mut self, query: &RunQuery) -> Result<RunPage, StoreError> {
        let store = self.open()?;
        let mut in_order: Vec<_> = store.created.iter().collect();
        if query.order == RunOrder::NewestFirst {
            in_order.reverse();
        }
        let mut page = RunPage { runs: Vec::new(), damaged: Vec::new(), next: None };
        let mut last = None;
        for (number, id) in in_order {
            let summary = store.runs[id].summary();
            if !query.is_after_page_before(*number) || !query.fits(&summary) {
                continue;
            }
            if page.runs.len() == query.limit {
                page.next = last;
                break;
            }
            last = Some(*number);
            page.runs.push(summary);
        }
        Ok(page)
    }

    fn history(&mut self, run: Uuid) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        Ok(self.open()?.runs.get(&run).map(|kept| kept.history.clone()))
    }

    fn stream(&mut self, run: Uuid, from: u64, at_most: usize) -> Result<Option<Vec<Arc<str>>>, StoreError> {
        let Some(kept) = self.open()?.runs.get(&run) else { return Ok(None) };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(Some(kept.stream.iter().skip(from).take(at_most).cloned().collect()))
    }

    fn prune(
        &mut self,
        finished_before: UnixMillis,
        at_most: usize,
        unwritten: &[Uuid],
    ) -> Result<usize, StoreError> {
        let store = self.open()?;
        let unwritten = unwritten.iter().copied().collect();
        let mut ended: Vec<_> = store
            .runs
            .values()
            .filter(|kept| !store.has_unfinished_parent(&kept.run, &unwritten))
            .filter_map(|kept| Some((kept.run.finished_at?, kept.number, kept.run.id)))
            .filter(|(finished_at, ..)| *finished_at < finished_before)
            .collect();
        ended.sort_unstable();
        ended.truncate(at_most);
        for (_, number, id) in &ended {
            store.created.remove(number);
            store.runs.remove(id);
        }
        Ok(ended.len())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.open()?.closed = true;
        Ok(())
    }
}

impl RunQuery {
    fn fits(&self, run: &RunSummary) -> bool {
        self.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow)
            && self.status.is_none_or(|status| status == run.status)
    }

    fn is_after_page_before(&self, number: u64) -> bool {
        self.after.is_none_or(|after| match self.order {
            RunOrder::NewestFirst => number < after,
            RunOrder::OldestFirst => number > after,
        })
    }
}

impl StoredRun {
    fn apply(&mut self, commit: &Commit) {
        self.version = commit.version;
        self.updated_at = commit.at;
        self.last_delivery = commit.last_delivery;
        self.time_remaining = commit.time_remaining;
        if commit.code.is_some() {
            self.code.clone_from(&commit.code);
        }
        self.streamed += commit.streamed.len() as u64;
        if commit.replaces {
            self.pending.clear();
            self.waits.clear();
            self.state.clear();
        }
        self.change_pending(commit);
        self.change_waits(commit);
        self.change_state(commit);
        let ended = commit.status.kind().is_ended();
        self.finished_at = ended.then(|| self.finished_at.unwrap_or(commit.at));
        self.status.clone_from(&commit.status);
        self.ending = commit.ending.clone().filter(|_| !ended);
        if ended {
            self.pending.clear();
            self.waits.clear();
        }
    }

    fn change_pending(&mut self, commit: &Commit) {
        if let Some(settled) = commit.settled {
            match (&commit.held, commit.done, self.pending_delivery(settled.delivery)) {
                (Some(key), _, Some(pending)) => {
                    (pending.held, pending.added) = (Some(key.clone()), None);
                }
                (None, done @ Some(_), Some(pending)) => {
                    (pending.done, pending.attempt, pending.sent, pending.added) = (done, 1, 0, None);
                }
                _ => self.pending.retain(|pending| pending.delivery != settled.delivery),
            }
        }
        for gathered in &commit.gathered {
            self.pending.retain(|pending| pending.delivery != *gathered || pending.held.is_none());
            if let Some(pending) = self.pending_delivery(*gathered) {
                pending.gathered = true;
            }
        }
        for queued in &commit.queued {
            self.pending.retain(|pending| pending.delivery != queued.delivery);
            self.pending.push(queued.clone());
        }
        self.pending.sort_by_key(|pending| pending.delivery);
        if let Some(sent) = commit.sent
            && let Some(pending) = self.pending_delivery(sent.delivery)
        {
            pending.sent = sent.count;
        }
        for added in &commit.added {
            if let Some(pending) = self.pending_delivery(added.delivery) {
                pending.added = Some(added.results.clone());
            }
        }
        for again in &commit.again {
            if let Some(pending) = self.pending_delivery(again.delivery) {
                pending.attempt = again.attempt;
                pending.sent = again.sent;
                pending.due = again.due;
            }
        }
    }

    fn pending_delivery(&mut self, delivery: u64) -> Option<&mut PendingDelivery> {
        self.pending.iter_mut().find(|pending| pending.delivery == delivery)
    }

    fn change_waits(&mut self, commit: &Commit) {
        if let Some(closed) = &commit.closed {
            self.waits.retain(|wait| wait.id != *closed);
        }
        for opened in &commit.opened {
            self.waits.retain(|wait| wait.id != opened.id);
            self.waits.push(opened.clone());
        }
    }

    fn change_state(&mut self, commit: &Commit) {
        for written in &commit.written {
            self.state.retain(|stored| stored.key != written.key);
            if let Some(value) = written.after.clone() {
                let key: ExactString = written.key.clone();
                self.state.push(StoredValue { key, place: written.place, value });
            }
        }
        self.state.sort_by_key(|stored| stored.place);
    }

    /// What the commit will have been, told before it is applied.
    fn history_entry(&self, commit: &Commit) -> HistoryEntry {
        let (mut queued, mut written) = (String::new(), String::new());
        history::write_queued(&mut queued, &commit.queued);
        history::write_written(&mut written, &commit.written);
        let settled = commit.settled.and_then(|settled| self.settled_delivery(settled));
        let Commit { version, at, .. } = *commit;
        HistoryEntry { version, at, status: commit.status.kind(), settled, queued, written }
    }

    fn settled_delivery(&self, settled: Settled) -> Option<SettledDelivery> {
        let pending = self.pending.iter().find(|pending| pending.delivery == settled.delivery)?;
        Some(SettledDelivery {
            delivery: settled.delivery,
            step: pending.step.to_string(),
            attempt: settled.attempt,
            began: settled.began,
            event: pending.event.to_string(),
        })
    }
}
