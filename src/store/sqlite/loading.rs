//! A run, read whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::super::commit::{PendingDelivery, Wait};
use super::super::stored_run::{HistoryEntry, StoredValue};
use super::super::{Status, StatusKind, StoredRun};
use super::changing::id_text;
use super::columns::Record;
use super::failure::Failure;
use super::history_log;
use super::live_runs::LiveRuns;
use super::run_record::{self, RunRecord, outcome_seal};
use super::seal::Table;
use super::sealed_records::{PendingRecord, WaitRecord, seal_of_value};
use super::stream_log;
use crate::ExactString;

/// Reads a run as it stands.
pub(super) fn load(
    connection: &mut Connection,
    live: &mut LiveRuns,
    run: Uuid,
) -> Result<Option<StoredRun>, Failure> {
    // One point in time, if somebody else is writing.
    let transaction = connection.transaction()?;
    let Some((record, outcome)) = find(&transaction, run)? else { return Ok(None) };
    let carried = history_log::carried(&transaction, &record)?;
    let (mut pending, waits, state) = (
        pending(&transaction, run, record.row)?,
        waits(&transaction, run, record.row)?,
        state(&transaction, run, record.row)?,
    );
    pending.extend(carried.clone());
    pending.sort_by_key(|pending| pending.delivery);
    let counts = record.standing.counts;
    for (table, counted, found) in [
        (Table::Pending, counts.pending, pending.len()),
        (Table::Waits, counts.waits, waits.len()),
        (Table::State, counts.state, state.len()),
    ] {
        if counted != found as u64 {
            return Err(Failure::damaged(table, run, &format!("of {counted} records, {found} are found")));
        }
    }
    refuse_twice(Table::Pending, run, pending.iter().map(|pending| pending.delivery))?;
    refuse_twice(Table::Waits, run, waits.iter().map(|wait| &wait.id))?;
    refuse_twice(Table::State, run, state.iter().map(|kept| &kept.key))?;
    live.put(run, record.live(), carried);
    let standing = record.standing;
    Ok(Some(StoredRun {
        id: run,
        workflow: record.workflow,
        parent: record.parent,
        code: record.code,
        version: standing.version,
        status: outcome.status,
        ending: outcome.ending,
        created_at: record.created_at,
        updated_at: standing.updated_at,
        finished_at: standing.finished_at,
        last_delivery: standing.last_delivery,
        time_remaining: standing.time_remaining,
        streamed: counts.streamed,
        pending,
        waits,
        state,
    }))
}

/// A damaged index can name one record twice and another never, so that their number is right.
fn refuse_twice<Name: Ord>(
    table: Table,
    run: Uuid,
    names: impl Iterator<Item = Name>,
) -> Result<(), Failure> {
    let mut met = BTreeSet::new();
    for name in names {
        if !met.insert(name) {
            return Err(Failure::damaged(table, run, "a record is found twice"));
        }
    }
    Ok(())
}

/// Reads what has happened in a run.
pub(super) fn history(connection: &mut Connection, run: Uuid) -> Result<Option<Vec<HistoryEntry>>, Failure> {
    let transaction = connection.transaction()?;
    let Some((record, _)) = find(&transaction, run)? else { return Ok(None) };
    history_log::walk(&transaction, run, record.standing.last_history).map(Some)
}

/// Reads a page of the stream of a run.
pub(super) fn stream(
    connection: &mut Connection,
    run: Uuid,
    from: u64,
    at_most: usize,
) -> Result<Option<Vec<Arc<str>>>, Failure> {
    let transaction = connection.transaction()?;
    let Some((record, _)) = find(&transaction, run)? else { return Ok(None) };
    stream_log::page(&transaction, &record, from, at_most).map(Some)
}

/// How a run stands, with what belongs to that.
struct Outcome {
    status: Status,
    ending: Option<Arc<str>>,
}

fn find(connection: &Connection, run: Uuid) -> Result<Option<(RunRecord, Outcome)>, Failure> {
    let select = format!(
        "SELECT {}, outcome_crc, result, error FROM {} WHERE id = ?1",
        run_record::COLUMNS,
        run_record::TABLES
    );
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = select.query([id_text(run, &mut Uuid::encode_buffer())])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let record = RunRecord::read(row, run)?;
    let outcome = read_outcome(row, &record)?;
    Ok(Some((record, outcome)))
}

fn read_outcome(row: &Row<'_>, found: &RunRecord) -> Result<Outcome, Failure> {
    const FIRST: usize = run_record::COLUMN_COUNT;
    let record = Record { row, table: Table::Outcomes, run: found.id };
    let (result, error) = (record.optional_text(FIRST + 1)?, record.optional_text(FIRST + 2)?);
    record.refuse_unless_sealed(outcome_seal(found.id, (result, error)), FIRST)?;
    let why = || {
        let error = error.ok_or_else(|| record.damaged("the run has failed, and the column error is empty"));
        error.map(str::to_owned)
    };
    let status = match found.standing.status {
        StatusKind::Running => Status::Running,
        StatusKind::Paused => Status::Paused,
        StatusKind::Completed => Status::Completed { result: result.map(str::to_owned) },
        StatusKind::Failed => Status::Failed { error: why()? },
        StatusKind::Cancelled => Status::Cancelled { error: why()? },
    };
    let ending = error.filter(|_| !status.kind().is_ended()).map(Into::into);
    Ok(Outcome { status, ending })
}

fn pending(connection: &Connection, run: Uuid, row_of_run: i64) -> Result<Vec<PendingDelivery>, Failure> {
    let select = format!("SELECT {} FROM pending WHERE run = ?1 ORDER BY delivery", PendingRecord::COLUMNS);
    each(connection, &select, row_of_run, |row| {
        let record = Record { row, table: Table::Pending, run };
        match PendingRecord::read(&record)? {
            (pending, 0) => Ok(pending.to_pending()),
            _ => Err(record.damaged("a record does not match its checksum")),
        }
    })
}

fn waits(connection: &Connection, run: Uuid, row_of_run: i64) -> Result<Vec<Wait>, Failure> {
    let select = format!("SELECT {} FROM waits WHERE run = ?1 ORDER BY row", WaitRecord::COLUMNS);
    each(connection, &select, row_of_run, |row| {
        WaitRecord::read(&Record { row, table: Table::Waits, run }).map(WaitRecord::to_wait)
    })
}

fn state(connection: &Connection, run: Uuid, row_of_run: i64) -> Result<Vec<StoredValue>, Failure> {
    let select = "SELECT key, place, crc, value FROM state WHERE run = ?1 ORDER BY place";
    each(connection, select, row_of_run, |row| {
        let record = Record { row, table: Table::State, run };
        let (key, place) = (record.bytes(0)?, record.unsigned(1)?);
        record.refuse_unless_sealed(seal_of_value(run, key, place, record.value(3)?), 2)?;
        Ok(StoredValue { key: ExactString::from_wtf8(key), place, value: record.state_value(3)? })
    })
}

fn each<T>(
    connection: &Connection,
    select: &str,
    row_of_run: i64,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([row_of_run])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
