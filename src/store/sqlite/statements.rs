//! The statements of a commit.
//!
//! They are looked up once for a batch, in the connection's own cache of prepared statements, and used for all of its
//! commits.

use rusqlite::{CachedStatement, Connection};

use super::run_record;
use super::sealed_records::PendingRecord;

/// All that a commit may need.
pub(super) struct Statements<'c> {
    pub(super) find_run: CachedStatement<'c>,
    pub(super) insert_run: CachedStatement<'c>,
    pub(super) update_run: CachedStatement<'c>,
    pub(super) insert_progress: CachedStatement<'c>,
    pub(super) update_progress: CachedStatement<'c>,
    pub(super) update_code: CachedStatement<'c>,
    pub(super) find_pending: CachedStatement<'c>,
    pub(super) insert_pending: CachedStatement<'c>,
    pub(super) insert_plain: CachedStatement<'c>,
    pub(super) update_pending: CachedStatement<'c>,
    pub(super) delete_pending: CachedStatement<'c>,
    pub(super) insert_wait: CachedStatement<'c>,
    pub(super) delete_wait: CachedStatement<'c>,
    pub(super) insert_state: CachedStatement<'c>,
    pub(super) update_state: CachedStatement<'c>,
    pub(super) delete_state: CachedStatement<'c>,
    pub(super) insert_history: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, rusqlite::Error> {
        let find_run = format!("SELECT {} FROM {} WHERE id = ?1", run_record::COLUMNS, run_record::TABLES);
        let find_pending =
            format!("SELECT {} FROM pending WHERE run = ?1 AND delivery = ?2", PendingRecord::COLUMNS);
        Ok(Self {
            find_run: connection.prepare_cached(&find_run)?,
            insert_run: connection.prepare_cached(
                "INSERT INTO runs (id, workflow, status, created_at, outcome_crc, parent, depth, workflow_version, \
                 steps) VALUES (?1, ?2, 'running', ?3, 0, ?4, ?5, ?6, ?7)",
            )?,
            update_run: connection.prepare_cached(
                "UPDATE runs SET status = ?2, finished_at = ?3, outcome_crc = ?4, result = ?5, error = ?6 \
                 WHERE row = ?1",
            )?,
            insert_progress: connection.prepare_cached(
                "INSERT OR REPLACE INTO progress (run, version, updated_at, last_delivery, time_remaining, pending_events, \
                 open_waits, state_keys, streamed, last_history, carries, waiting, wakes_at, crc) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?,
            update_progress: connection.prepare_cached(
                "UPDATE progress SET version = ?2, updated_at = ?3, last_delivery = ?4, time_remaining = ?5, \
                 pending_events = ?6, open_waits = ?7, state_keys = ?8, streamed = ?9, last_history = ?10, \
                 carries = ?11, waiting = ?12, wakes_at = ?13, crc = ?14 WHERE run = ?1",
            )?,
            update_code: connection
                .prepare_cached("UPDATE runs SET workflow_version = ?2, steps = ?3 WHERE row = ?1")?,
            find_pending: connection.prepare_cached(&find_pending)?,
            insert_pending: connection.prepare_cached(
                "INSERT OR IGNORE INTO pending (run, delivery, step, event_type, attempt, sent, crc, event, due, held, \
                 gathered, done, added) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?,
            insert_plain: connection.prepare_cached(
                "INSERT OR IGNORE INTO pending (run, delivery, step, event_type, attempt, sent, crc, event) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            update_pending: connection.prepare_cached(
                "UPDATE pending SET attempt = ?3, sent = ?4, crc = ?5, due = ?6, held = ?7, gathered = ?8, \
                 done = ?9, added = ?10 \
                 WHERE run = ?1 AND delivery = ?2",
            )?,
            delete_pending: connection
                .prepare_cached("DELETE FROM pending WHERE run = ?1 AND delivery = ?2")?,
            insert_wait: connection.prepare_cached(
                "INSERT OR IGNORE INTO waits (run, id, kind, crc, event, due, expiry) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            delete_wait: connection.prepare_cached("DELETE FROM waits WHERE run = ?1 AND id = ?2")?,
            insert_state: connection.prepare_cached(
                "INSERT OR IGNORE INTO state (run, key, place, crc, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            update_state: connection.prepare_cached(
                "UPDATE state SET place = ?3, crc = ?4, value = ?5 WHERE run = ?1 AND key = ?2",
            )?,
            delete_state: connection.prepare_cached("DELETE FROM state WHERE run = ?1 AND key = ?2")?,
            insert_history: connection.prepare_cached(
                "INSERT INTO history (previous, run, version, at, status, delivery, step, attempt, began, crc, \
                 queued, event, written, carried) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?,
        })
    }
}

/// Takes away all that a run has in a table. Rare, so it is not among the statements above.
pub(super) fn delete_all_of(connection: &Connection, table: &str, row: i64) -> Result<(), rusqlite::Error> {
    let delete = format!("DELETE FROM {table} WHERE run = ?1");
    connection.prepare_cached(&delete)?.execute([row])?;
    Ok(())
}
