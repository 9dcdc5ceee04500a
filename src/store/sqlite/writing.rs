//! One commit, written.
//!
//! Everything that could refuse it is looked at before the first write, so that a refused commit leaves nothing to
//! undo and the others of its batch are not touched.

use std::sync::Arc;

use rusqlite::Connection;

use super::super::commit::{PendingDelivery, Settled};
use super::super::{Commit, Refusal, history};
use super::changing::is_plain;
use super::columns::{Record, column_of};
use super::failure::Failure;
use super::history_log::{NewEntry, NewSettled};
use super::live_runs::LiveRun;
use super::run_record::outcome;
use super::seal::Table;
use super::sealed_records::PendingRecord;
use super::statements::Statements;
use super::store::History;
use super::stream_log;

/// Larger events are not carried: a store remembers of each run what its history carries.
const LONGEST_CARRIED: usize = 1_024;

/// So many bytes more of a record that exists are not asked about: whatever is in it, there is room for them.
const LITTLE: usize = 500;

/// Where commits are written to.
pub(super) struct Writer<'c> {
    pub(super) connection: &'c Connection,
    pub(super) statements: Statements<'c>,
    history: History,
    longest_record: usize,
    entry: EntryTexts,
}

/// A history entry in the making; its texts are kept for their space.
#[derive(Default)]
struct EntryTexts {
    queued: String,
    written: String,
    settled: Option<SettledTexts>,
}

/// The delivery that settles, as it was pending.
struct SettledTexts {
    settled: Settled,
    step: Arc<str>,
    /// None if the entry before has carried it.
    event: Option<Arc<str>>,
    off: u32,
}

impl<'c> Writer<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        history: History,
        longest_record: usize,
    ) -> Result<Self, Failure> {
        let statements = Statements::prepare(connection)?;
        Ok(Self { connection, statements, history, longest_record, entry: EntryTexts::default() })
    }

    pub(super) fn keeps_history(&self) -> bool {
        self.history == History::Full
    }

    /// Writes a commit to a run, or the first one if there is none yet, and gives the run as it is then. `carried` is the
    /// delivery that its history carries.
    pub(super) fn write(
        &mut self,
        commit: &Commit,
        live: Option<LiveRun>,
        carried: Option<&PendingDelivery>,
    ) -> Result<Result<LiveRun, Refusal>, Failure> {
        let to_carry = self.event_to_carry(commit, live);
        if self.keeps_history() {
            match self.compose_entry(commit, live, carried) {
                Err(Failure::Damaged(reason)) => {
                    return Ok(Err(Refusal::Damaged { run: commit.run, reason }));
                }
                composed => composed?,
            }
        }
        let grown = self.longest_that_grows(commit, live, carried)?;
        if let Some(reason) = self.too_large(commit, to_carry, grown) {
            return Ok(Err(Refusal::TooLarge { run: commit.run, reason }));
        }
        let mut live = match live {
            None => self.create(commit)?,
            Some(live) => live,
        };
        if self.keeps_history() {
            live.last_history = Some(self.append_entry(commit, live, to_carry)?);
        }
        live.counts.pending = self.change_pending(commit, live, carried, to_carry.is_some())?;
        live.carries = to_carry.is_some();
        live.counts.waits = self.change_waits(commit, live)?;
        live.counts.state = self.change_state(commit, live)?;
        live.counts.streamed = stream_log::append(self.connection, commit, live)?;
        live = self.change_code(commit, live)?;
        self.change_run(commit, live).map(Ok)
    }

    /// The event of the delivery that a commit queues, if its history entry is to carry that, since mostly the next commit
    /// of the run settles it. It must be the only one, new, and such that `queued` tells all of it but the event.
    fn event_to_carry<'commit>(
        &self,
        commit: &'commit Commit,
        live: Option<LiveRun>,
    ) -> Option<&'commit str> {
        let [queued] = &commit.queued[..] else { return None };
        let Commit { sent, added, again, .. } = commit;
        let mut changed = (sent.iter().map(|sent| sent.delivery))
            .chain(added.iter().map(|added| added.delivery))
            .chain(again.iter().map(|again| again.delivery));
        let may_be = self.keeps_history()
            && !commit.status.kind().is_ended()
            && queued.delivery > live.map_or(0, |live| live.last_delivery)
            && queued.event.len() <= LONGEST_CARRIED
            && (queued.attempt, queued.sent) == (1, 0)
            && is_plain(queued)
            && !changed.any(|delivery| delivery == queued.delivery);
        may_be.then_some(&*queued.event)
    }

    fn compose_entry(
        &mut self,
        commit: &Commit,
        live: Option<LiveRun>,
        carried: Option<&PendingDelivery>,
    ) -> Result<(), Failure> {
        let entry = &mut self.entry;
        entry.queued.clear();
        entry.written.clear();
        entry.settled = None;
        history::write_queued(&mut entry.queued, &commit.queued);
        history::write_written(&mut entry.written, &commit.written);
        let (Some(settled), Some(live)) = (commit.settled, live) else { return Ok(()) };
        if let Some(carried) = carried.filter(|carried| carried.delivery == settled.delivery) {
            entry.settled = Some(SettledTexts { settled, step: carried.step.clone(), event: None, off: 0 });
            return Ok(());
        }
        let mut rows = self.statements.find_pending.query((live.row, settled.delivery.cast_signed()))?;
        if let Some(row) = rows.next()? {
            let record = Record { row, table: Table::Pending, run: commit.run };
            let (pending, off) = PendingRecord::read(&record)?;
            let (step, event) = (pending.step.into(), Some(pending.event.into()));
            entry.settled = Some(SettledTexts { settled, step, event, off });
        }
        Ok(())
    }

    fn append_entry(
        &mut self,
        commit: &Commit,
        live: LiveRun,
        carried: Option<&str>,
    ) -> Result<i64, Failure> {
        let EntryTexts { queued, written, settled } = &self.entry;
        let settled = settled.as_ref().map(|SettledTexts { settled, step, event, off }| NewSettled {
            delivery: settled.delivery,
            step,
            attempt: settled.attempt,
            began: settled.began,
            event: event.as_deref(),
            off: *off,
        });
        let entry = NewEntry {
            run: commit.run,
            row_of_run: live.row,
            previous: live.last_history,
            version: commit.version,
            at: commit.at,
            status: commit.status.kind(),
            settled,
            queued,
            written,
            carried,
        };
        entry.append(&mut self.statements.insert_history)
    }

    /// How long the longest of the pending deliveries becomes to which the commit adds more than a little.
    fn longest_that_grows(
        &mut self,
        commit: &Commit,
        live: Option<LiveRun>,
        carried: Option<&PendingDelivery>,
    ) -> Result<usize, Failure> {
        let added = commit.added.iter().map(|added| (added.delivery, added.results.len()));
        let held = commit.settled.zip(commit.held.as_ref());
        let held = held.map(|(settled, key)| (settled.delivery, key.as_wtf8().len()));
        let mut longest = 0;
        for (delivery, more) in added.chain(held).filter(|(_, more)| *more > LITTLE) {
            longest = longest.max(more + self.event_length(live, carried, delivery)?);
        }
        Ok(longest)
    }

    fn event_length(
        &mut self,
        live: Option<LiveRun>,
        carried: Option<&PendingDelivery>,
        delivery: u64,
    ) -> Result<usize, Failure> {
        if let Some(carried) = carried.filter(|carried| carried.delivery == delivery) {
            return Ok(carried.event.len());
        }
        let Some(live) = live else { return Ok(0) };
        let mut rows = self.statements.find_pending.query((live.row, delivery.cast_signed()))?;
        let Some(found) = rows.next()? else { return Ok(0) };
        Ok(found.get_ref("event")?.as_bytes().map_or(0, <[u8]>::len))
    }

    /// Whether a record would be larger than SQLite keeps, and which. `grown` is the length of what there is already and
    /// grows.
    fn too_large(&self, commit: &Commit, carried: Option<&str>, grown: usize) -> Option<String> {
        let (result, error) = outcome(commit);
        let workflow = commit.creates.as_ref().map_or(0, |workflow| workflow.len());
        let code = commit.code.as_ref().map_or(0, |code| code.version.len() + code.steps.len());
        let run = workflow + code + result.or(error).map_or(0, str::len);
        let EntryTexts { queued, written, settled } = &self.entry;
        let settled = settled
            .as_ref()
            .map_or(0, |settled| settled.step.len() + settled.event.as_ref().map_or(0, |event| event.len()));
        let entry = queued.len() + written.len() + settled + carried.map_or(0, str::len);
        let pending = commit.queued.iter().map(|pending| {
            let held = pending.held.as_ref().map_or(0, |key| key.as_wtf8().len());
            let added = pending.added.as_ref().map_or(0, |results| results.len());
            ("an event", pending.event.len() + pending.step.len() + pending.event_type.len() + held + added)
        });
        let waits = commit.opened.iter().map(|wait| {
            let expiry = wait.expiry.as_ref().map_or(0, |expiry| expiry.len());
            ("a wait", wait.event.len() + wait.id.as_wtf8().len() + expiry)
        });
        let values = commit.written.iter().map(|written| {
            let value = written.after.as_ref().map(column_of).and_then(|value| value.as_bytes().ok());
            ("a value of the state", value.map_or(0, <[u8]>::len) + written.key.as_wtf8().len())
        });
        let streamed = commit.streamed.iter().map(|event| ("an event of the stream", event.len()));
        let whole = [
            ("how the run ended", run),
            ("the history of one commit", entry),
            ("an event, with what belongs to it,", grown),
        ];
        let (what, length) = pending
            .chain(waits)
            .chain(values)
            .chain(streamed)
            .chain(whole)
            .find(|(_, length)| *length > self.longest_record)?;
        Some(format!("{what} takes {length} bytes, and {} is the most", self.longest_record))
    }
}
