//! Forgetting runs that have ended.

use std::collections::HashSet;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;

use super::super::UnixMillis;
use super::committing::refuse_unless_owner;
use super::failure::Failure;
use super::opening::PATIENCE;
use super::run_record::TABLES;
use super::statements::delete_all_of;

/// Deletes up to `at_most` runs that ended before a point in time, but for children of `unwritten` ones, and gives the file
/// system back what they took.
pub(super) fn prune(
    connection: &mut Connection,
    epoch: i64,
    finished_before: UnixMillis,
    at_most: usize,
    unwritten: &[Uuid],
) -> Result<usize, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    refuse_unless_owner(&transaction, epoch)?;
    let ended = ended_runs(&transaction, finished_before, at_most, unwritten)?;
    if ended.is_empty() {
        return Ok(0);
    }
    for run in &ended {
        forget(&transaction, run)?;
    }
    run_to_its_end(&transaction, "PRAGMA incremental_vacuum")?;
    transaction.commit()?;
    // The file itself shrinks only when the log has been written back into it.
    write_log_back(connection)?;
    Ok(ended.len())
}

/// Writes the log into the file, as far as no reader needs it. Waits for none: what is left is written back later.
pub(super) fn write_log_back(connection: &Connection) -> Result<(), Failure> {
    connection.busy_timeout(Duration::ZERO)?;
    let written = run_to_its_end(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    connection.busy_timeout(PATIENCE)?;
    written
}

struct EndedRun {
    row: i64,
    last_history: Option<i64>,
}

fn ended_runs(
    connection: &Connection,
    finished_before: UnixMillis,
    at_most: usize,
    unwritten: &[Uuid],
) -> Result<Vec<EndedRun>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT row, last_history, parent FROM {TABLES} \
         WHERE finished_at < ?1 \
           AND NOT EXISTS (SELECT 1 FROM runs AS above WHERE above.id = runs.parent AND above.finished_at IS NULL) \
         ORDER BY finished_at, row"
    ))?;
    let unwritten: HashSet<_> = unwritten.iter().collect();
    let mut rows = select.query((finished_before.0,))?;
    let mut ended = Vec::new();
    while ended.len() < at_most
        && let Some(row) = rows.next()?
    {
        let parent: Option<String> = row.get(2)?;
        let is_unwritten =
            |parent: String| Uuid::parse_str(&parent).is_ok_and(|parent| unwritten.contains(&parent));
        if !parent.is_some_and(is_unwritten) {
            ended.push(EndedRun { row: row.get(0)?, last_history: row.get(1)? });
        }
    }
    Ok(ended)
}

fn forget(connection: &Connection, run: &EndedRun) -> Result<(), Failure> {
    // Its chain may be damaged: an entry of another run is left alone, and ends it.
    let mut delete_entry =
        connection.prepare_cached("DELETE FROM history WHERE row = ?1 AND run = ?2 RETURNING previous")?;
    let mut next = run.last_history;
    while let Some(row) = next {
        let mut rows = delete_entry.query((row, run.row))?;
        next = match rows.next()? {
            Some(deleted) => deleted.get(0)?,
            None => None,
        };
    }
    for table in ["pending", "waits", "state", "stream", "progress"] {
        delete_all_of(connection, table, run.row)?;
    }
    connection.prepare_cached("DELETE FROM runs WHERE row = ?1")?.execute([run.row])?;
    Ok(())
}

/// These go on for as long as they are asked for the next row.
fn run_to_its_end(connection: &Connection, pragma: &str) -> Result<(), Failure> {
    let mut pragma = connection.prepare(pragma)?;
    let mut rows = pragma.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}
