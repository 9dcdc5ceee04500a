//! What becomes of a run with each commit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blazen::StateValue;
use blazen::store::commit::{Commit, Rest, Written};
use blazen::store::stored_run::{HistoryEntry, SettledDelivery, StoredValue};
use blazen::store::{RunSummary, Status, StoredRun};

/// A run and its history as they must be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub run: StoredRun,
    pub history: Vec<HistoryEntry>,
    pub rest: Rest,
}

impl Expected {
    /// The run with one more commit; `None` stands for a run that is not there yet.
    pub fn after(before: Option<&Self>, commit: &Commit) -> Self {
        let mut next = before.cloned().unwrap_or_else(|| Self::created_by(commit));
        let entry = next.entry_of(commit);
        next.history.push(entry);
        next.rest = commit.rest;
        let run = &mut next.run;
        run.version = commit.version;
        run.status = commit.status.clone();
        run.updated_at = commit.at;
        run.last_delivery = commit.last_delivery;
        run.time_remaining = commit.time_remaining;
        run.ending = commit.ending.clone().filter(|_| !commit.status.kind().is_ended());
        if let Some(code) = &commit.code {
            run.code = Some(code.clone());
        }
        run.streamed += commit.streamed.len() as u64;
        if commit.replaces {
            run.pending.clear();
            run.waits.clear();
            run.state.clear();
        }
        if let Some(settled) = &commit.settled {
            let is_gone = |delivery| delivery == settled.delivery && commit.done.is_none();
            run.pending.retain(|pending| !is_gone(pending.delivery));
            for pending in run.pending.iter_mut().filter(|pending| pending.delivery == settled.delivery) {
                (pending.done, pending.attempt, pending.sent) = (commit.done, 1, 0);
                pending.added = None;
            }
        }
        for pending in &mut run.pending {
            if let Some(sent) = commit.sent.filter(|sent| sent.delivery == pending.delivery) {
                pending.sent = sent.count;
            }
            if let Some(added) = commit.added.iter().find(|added| added.delivery == pending.delivery) {
                pending.added = Some(added.results.clone());
            }
            if let Some(again) = commit.again.iter().find(|again| again.delivery == pending.delivery) {
                pending.attempt = again.attempt;
                pending.sent = again.sent;
                pending.due = again.due;
            }
        }
        if let Some(closed) = &commit.closed {
            run.waits.retain(|wait| wait.id != *closed);
        }
        run.pending.extend(commit.queued.iter().cloned());
        run.pending.sort_by_key(|pending| pending.delivery);
        run.waits.extend(commit.opened.iter().cloned());
        for written in &commit.written {
            run.state.retain(|stored| stored.key != written.key);
            if let Some(value) = written.after.clone() {
                run.state.push(StoredValue { key: written.key.clone(), place: written.place, value });
            }
        }
        run.state.sort_by_key(|stored| stored.place);
        if run.status.kind().is_ended() {
            run.finished_at = Some(commit.at);
            run.pending.clear();
            run.waits.clear();
        }
        next
    }

    /// The run in a list of runs.
    pub fn summary(&self) -> RunSummary {
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

    fn created_by(commit: &Commit) -> Self {
        let workflow = commit.creates.as_deref().expect("the first commit creates the run");
        let run = StoredRun { parent: commit.parent, ..StoredRun::begun(commit.run, workflow, commit.at) };
        Self { run, history: Vec::new(), rest: commit.rest }
    }

    fn entry_of(&self, commit: &Commit) -> HistoryEntry {
        let settled = commit.settled.map(|settled| {
            let pending = self.run.pending.iter().find(|pending| pending.delivery == settled.delivery);
            let pending = pending.expect("only what is pending settles");
            SettledDelivery {
                delivery: settled.delivery,
                step: pending.step.to_string(),
                attempt: settled.attempt,
                began: settled.began,
                event: pending.event.to_string(),
            }
        });
        let queued = commit.queued.iter().map(|queued| {
            let (delivery, step, event_type) = (queued.delivery, &queued.step, &queued.event_type);
            format!("{{\"delivery\":{delivery},\"step\":\"{step}\",\"type\":\"{event_type}\"}}")
        });
        HistoryEntry {
            version: commit.version,
            at: commit.at,
            status: commit.status.kind(),
            settled,
            queued: json_list(queued),
            written: json_list(commit.written.iter().map(written_as_json)),
        }
    }
}

fn json_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn written_as_json(written: &Written) -> String {
    let key = written.key.to_json();
    match &written.before {
        None => format!("{{\"key\":{key}}}"),
        Some(StateValue::Json(json)) => format!("{{\"key\":{key},\"was\":{json}}}"),
        Some(StateValue::Bytes(bytes)) => {
            format!("{{\"key\":{key},\"wasBytes\":\"{}\"}}", STANDARD.encode(bytes))
        }
    }
}
