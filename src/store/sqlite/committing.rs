//! A batch of commits, in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use uuid::Uuid;

use super::super::commit::PendingDelivery;
use super::super::{Commit, Refusal};
use super::failure::Failure;
use super::history_log;
use super::live_runs::{LiveRun, LiveRuns};
use super::run_record::RunRecord;
use super::store::History;
use super::writing::Writer;

/// What every batch needs to know.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// The number of the owner, which must be in the file.
    pub(super) epoch: i64,
    /// Whether history is kept.
    pub(super) history: History,
    /// How many bytes a record may have.
    pub(super) longest_record: usize,
}

/// Writes a batch. After an error nothing of it is in the file, and what is in `live` is not to be trusted.
pub(super) fn commit_batch(
    connection: &mut Connection,
    live: &mut LiveRuns,
    terms: Terms,
    batch: &[Commit],
) -> Result<Vec<Result<(), Refusal>>, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    refuse_unless_owner(&transaction, terms.epoch)?;
    let mut writer = Writer::new(&transaction, terms.history, terms.longest_record)?;
    let mut answers = Vec::with_capacity(batch.len());
    for commit in batch {
        answers.push(take(&mut writer, live, commit)?);
    }
    drop(writer);
    transaction.commit()?;
    Ok(answers)
}

/// Whoever opens the file for running raises the number in it, and all who did so before may write no more.
pub(super) fn refuse_unless_owner(connection: &Connection, epoch: i64) -> Result<(), Failure> {
    let mut find = connection.prepare_cached("SELECT value FROM meta WHERE name = 'owner_epoch'")?;
    let found: Option<i64> = find.query_row([], |row| row.get(0)).optional()?;
    if found == Some(epoch) { Ok(()) } else { Err(Failure::TakenOver) }
}

fn take(
    writer: &mut Writer<'_>,
    live: &mut LiveRuns,
    commit: &Commit,
) -> Result<Result<(), Refusal>, Failure> {
    let found = match live.get(commit.run) {
        Some(found) => Some(found),
        None => match find(writer, commit.run) {
            Ok(None) => None,
            Ok(Some((found, carried))) => {
                live.put(commit.run, found, carried);
                Some(found)
            }
            Err(Failure::Damaged(reason)) => {
                return Ok(Err(Refusal::Damaged { run: commit.run, reason }));
            }
            Err(failure) => return Err(failure),
        },
    };
    if let Err(refusal) = refuse_wrong_version(commit, found) {
        return Ok(Err(refusal));
    }
    let written = writer.write(commit, found, live.carried(commit.run))?;
    Ok(written.map(|written| {
        let carried = commit.queued.first().filter(|_| written.carries).cloned();
        live.put(commit.run, written, carried);
    }))
}

fn find(writer: &mut Writer<'_>, run: Uuid) -> Result<Option<(LiveRun, Option<PendingDelivery>)>, Failure> {
    let mut rows =
        writer.statements.find_run.query([super::changing::id_text(run, &mut Uuid::encode_buffer())])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let record = RunRecord::read(row, run)?;
    let carried = history_log::carried(writer.connection, &record)?;
    Ok(Some((record.live(), carried)))
}

fn refuse_wrong_version(commit: &Commit, found: Option<LiveRun>) -> Result<(), Refusal> {
    let Commit { run, version, .. } = *commit;
    match (version, found) {
        (1, Some(_)) => Err(Refusal::Exists { run }),
        (1, None) if commit.creates.is_some() => Ok(()),
        (2.., Some(found)) if version == found.version + 1 => Ok(()),
        _ => Err(Refusal::Conflict { run, version, found: found.map_or(0, |found| found.version) }),
    }
}
