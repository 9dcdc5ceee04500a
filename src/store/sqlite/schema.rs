//! The tables, and how a file of an older version gets them.
//!
//! `PRAGMA user_version` is the version of the schema. A file is brought up to date in one transaction, so it has
//! either its old version or the newest. Files of versions that were ever released must open: `__test__/fixtures`.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Marks the file as one of ours: "blzn".
pub(super) const APPLICATION_ID: i32 = 0x626C_7A6E;

/// What leads from one version to the next; the first one begins with an empty file.
pub(super) const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

/// Columns that change at every step stand in no index. The history has no index at all: it is only appended to, and
/// walked from a run's last entry backwards.
const VERSION_1: &str = "
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('owner_epoch', 0);

    CREATE TABLE runs (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        workflow TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        finished_at INTEGER,
        last_delivery INTEGER NOT NULL,
        time_remaining INTEGER,
        pending_events INTEGER NOT NULL,
        open_requests INTEGER NOT NULL,
        state_keys INTEGER NOT NULL,
        last_history INTEGER,
        crc INTEGER NOT NULL,
        outcome_crc INTEGER NOT NULL,
        result TEXT,
        error TEXT
    ) STRICT;
    CREATE INDEX runs_by_workflow ON runs (workflow);
    CREATE INDEX runs_by_status ON runs (status);
    CREATE INDEX runs_by_workflow_and_status ON runs (workflow, status);
    CREATE INDEX runs_by_end ON runs (finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE pending (
        run INTEGER NOT NULL,
        delivery INTEGER NOT NULL,
        step TEXT NOT NULL,
        event_type TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (run, delivery)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE requests (
        row INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        id ANY NOT NULL,
        crc INTEGER NOT NULL,
        event TEXT NOT NULL,
        UNIQUE (run, id)
    ) STRICT;

    CREATE TABLE state (
        row INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        key ANY NOT NULL,
        place INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        value ANY NOT NULL,
        UNIQUE (run, key)
    ) STRICT;

    CREATE TABLE history (
        row INTEGER PRIMARY KEY,
        previous INTEGER,
        run INTEGER NOT NULL,
        version INTEGER NOT NULL,
        at INTEGER NOT NULL,
        status TEXT NOT NULL,
        delivery INTEGER,
        step TEXT,
        attempt INTEGER,
        began INTEGER,
        crc INTEGER NOT NULL,
        queued TEXT NOT NULL,
        event TEXT,
        written TEXT NOT NULL
    ) STRICT;

    CREATE VIEW run_overview AS
        SELECT id, workflow, status, version,
            datetime(created_at / 1000, 'unixepoch') AS created,
            datetime(updated_at / 1000, 'unixepoch') AS updated,
            datetime(finished_at / 1000, 'unixepoch') AS finished,
            pending_events, open_requests, state_keys,
            result, error
        FROM runs;
    CREATE VIEW run_pending AS
        SELECT runs.id AS run, delivery, step, event_type, attempt, sent, event
        FROM runs JOIN pending ON pending.run = runs.row;
    CREATE VIEW run_requests AS
        SELECT runs.id AS run, requests.id AS request, event
        FROM runs JOIN requests ON requests.run = runs.row;
    CREATE VIEW run_state AS
        SELECT runs.id AS run, key, value, place
        FROM runs JOIN state ON state.run = runs.row;
";

/// A pending delivery may have a time before which it is not attempted, may wait for others, may be done, to be
/// undone, and may have added to the state. A run waits for more than people, knows its parent and its code, and its
/// stream may be kept. What changes at every step stands in a table of its own, whose records are short: a commit writes
/// whole pages. The event of a run that goes from step to step stands in its history alone.
const VERSION_2: &str = "
    ALTER TABLE pending ADD COLUMN due INTEGER;
    ALTER TABLE pending ADD COLUMN held ANY;
    ALTER TABLE pending ADD COLUMN gathered INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE pending ADD COLUMN done INTEGER;
    ALTER TABLE pending ADD COLUMN added TEXT;
    DROP VIEW run_requests;
    DROP VIEW run_overview;
    DROP VIEW run_state;
    DROP VIEW run_pending;
    ALTER TABLE requests RENAME TO waits;
    ALTER TABLE waits ADD COLUMN kind TEXT NOT NULL DEFAULT 'input';
    ALTER TABLE waits ADD COLUMN due INTEGER;
    ALTER TABLE waits ADD COLUMN expiry TEXT;
    CREATE INDEX waits_that_expire ON waits (run) WHERE due IS NOT NULL;

    CREATE TABLE progress (
        run INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        last_delivery INTEGER NOT NULL,
        time_remaining INTEGER,
        pending_events INTEGER NOT NULL,
        open_waits INTEGER NOT NULL,
        state_keys INTEGER NOT NULL,
        streamed INTEGER NOT NULL,
        last_history INTEGER,
        carries INTEGER NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;
    INSERT INTO progress
        SELECT row, version, updated_at, last_delivery, time_remaining, pending_events, open_requests, state_keys, 0,
            last_history, 0, crc
        FROM runs;
    ALTER TABLE history ADD COLUMN carried TEXT;
    CREATE TABLE runs_of_version_2 (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        workflow TEXT NOT NULL,
        workflow_version TEXT,
        steps TEXT,
        parent TEXT,
        depth INTEGER,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        finished_at INTEGER,
        outcome_crc INTEGER NOT NULL,
        result TEXT,
        error TEXT
    ) STRICT;
    INSERT INTO runs_of_version_2
        SELECT row, id, workflow, NULL, NULL, NULL, NULL, status, created_at, finished_at, outcome_crc, result, error
        FROM runs;
    DROP TABLE runs;
    ALTER TABLE runs_of_version_2 RENAME TO runs;
    CREATE INDEX runs_by_workflow ON runs (workflow);
    CREATE INDEX runs_by_status ON runs (status);
    CREATE INDEX runs_by_workflow_and_status ON runs (workflow, status);
    CREATE INDEX runs_by_end ON runs (finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE stream (
        run INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (run, offset)
    ) STRICT, WITHOUT ROWID;
    CREATE VIEW run_pending AS
        SELECT runs.id AS run, delivery, step, event_type, attempt, sent,
            datetime(due / 1000, 'unixepoch') AS due, held, done, event
        FROM runs JOIN pending ON pending.run = runs.row
        UNION ALL
        SELECT runs.id, queued ->> '$[0].delivery', queued ->> '$[0].step', queued ->> '$[0].type', 1, 0,
            NULL, NULL, NULL, carried
        FROM runs JOIN progress ON progress.run = runs.row JOIN history ON history.row = progress.last_history
        WHERE carries;
    CREATE VIEW run_state AS
        SELECT runs.id AS run, key, value, place
        FROM runs JOIN state ON state.run = runs.row;
    CREATE VIEW run_waits AS
        SELECT runs.id AS run, waits.id AS wait, kind, datetime(due / 1000, 'unixepoch') AS due, event, expiry
        FROM runs JOIN waits ON waits.run = runs.row;
    CREATE VIEW run_stream AS
        SELECT runs.id AS run, offset, event
        FROM runs JOIN stream ON stream.run = runs.row;
    CREATE VIEW run_overview AS
        SELECT id, workflow, workflow_version, parent, status, version,
            datetime(created_at / 1000, 'unixepoch') AS created,
            datetime(updated_at / 1000, 'unixepoch') AS updated,
            datetime(finished_at / 1000, 'unixepoch') AS finished,
            pending_events, open_waits, state_keys,
            result, error
        FROM runs JOIN progress ON progress.run = runs.row;
";

/// A run at rest says so. Of those in an older file nobody knows before their next commit.
const VERSION_3: &str = "
    ALTER TABLE progress ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE progress ADD COLUMN wakes_at INTEGER;
    DROP INDEX waits_that_expire;
    DROP VIEW run_overview;
    CREATE VIEW run_overview AS
        SELECT id, workflow, workflow_version, parent, status, version,
            datetime(created_at / 1000, 'unixepoch') AS created,
            datetime(updated_at / 1000, 'unixepoch') AS updated,
            datetime(finished_at / 1000, 'unixepoch') AS finished,
            waiting, datetime(wakes_at / 1000, 'unixepoch') AS wakes,
            pending_events, open_waits, state_keys,
            result, error
        FROM runs JOIN progress ON progress.run = runs.row;
";

/// The newest version there is.
pub(super) fn newest_version(migrations: &[&str]) -> u32 {
    u32::try_from(migrations.len()).expect("a list of migrations is short")
}

/// Brings a file from a version up to the newest.
pub(super) fn migrate(
    connection: &mut Connection,
    from: u32,
    migrations: &[&str],
) -> Result<(), rusqlite::Error> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let missing = migrations.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", newest_version(migrations))?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> u32 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_file_of_an_older_version_gets_what_it_lacks() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, &[VERSION_1]).unwrap();
        assert_eq!(version(&connection), 1);
        let version_2 = "ALTER TABLE runs ADD COLUMN note TEXT";
        let version_3 = "UPDATE runs SET note = 'none'";
        migrate(&mut connection, 1, &[VERSION_1, version_2, version_3]).unwrap();
        assert_eq!(version(&connection), 3);
        connection.prepare("SELECT note FROM runs").unwrap();
    }

    #[test]
    fn a_migration_that_fails_leaves_the_older_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, &[VERSION_1]).unwrap();
        let version_2 = "ALTER TABLE runs ADD COLUMN note TEXT";
        migrate(&mut connection, 1, &[VERSION_1, version_2, "nonsense"]).unwrap_err();
        assert_eq!(version(&connection), 1);
        connection.prepare("SELECT note FROM runs").unwrap_err();
    }
}
