//! A run's records in the tables `runs` and `progress`, and their checksum.
//!
//! The result or the error, which may be large, has a checksum of its own, so that runs can be listed and gone on with
//! without reading it.

use rusqlite::Row;
use uuid::Uuid;

use super::super::commit::{Code, Parent, Rest};
use super::super::{Commit, RunSummary, Status, StatusKind, UnixMillis};
use super::columns::Record;
use super::failure::Failure;
use super::live_runs::{Counts, LiveRun};
use super::seal::{Seal, Table};

/// Where a [`RunRecord`] is read from. A run without its `progress` is damaged, and not one that was never there.
pub(super) const TABLES: &str = "runs LEFT JOIN progress ON progress.run = runs.row";

/// The columns of a [`RunRecord`], in the order in which it reads them.
pub(super) const COLUMNS: &str = "row, id, workflow, status, version, created_at, updated_at, finished_at, \
     last_delivery, time_remaining, pending_events, open_waits, state_keys, last_history, crc, parent, depth, \
     workflow_version, steps, error IS NOT NULL, streamed, carries, waiting, wakes_at";

/// How many those are.
pub(super) const COLUMN_COUNT: usize = 24;

/// The records without the outcome.
#[derive(Clone, Debug)]
pub(super) struct RunRecord {
    pub(super) id: Uuid,
    pub(super) workflow: String,
    pub(super) parent: Option<Parent>,
    pub(super) code: Option<Code>,
    pub(super) created_at: UnixMillis,
    pub(super) row: i64,
    pub(super) has_error: bool,
    pub(super) standing: Standing,
}

/// What a commit may change of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) version: u64,
    pub(super) status: StatusKind,
    pub(super) updated_at: UnixMillis,
    pub(super) finished_at: Option<UnixMillis>,
    pub(super) last_delivery: u64,
    pub(super) time_remaining: Option<u64>,
    pub(super) counts: Counts,
    pub(super) last_history: Option<i64>,
    /// Whether that entry carries a pending delivery.
    pub(super) carries: bool,
    pub(super) rest: Rest,
}

impl RunRecord {
    /// Reads the record of a run that was asked for by its id.
    pub(super) fn read(row: &Row<'_>, id: Uuid) -> Result<Self, Failure> {
        let record = Record { row, table: Table::Runs, run: id };
        if record.text(1)?.parse() != Ok(id) {
            return Err(record.damaged("the record under that id has another id"));
        }
        let status = StatusKind::named(record.text(3)?)
            .ok_or_else(|| record.damaged("the column status holds no status"))?;
        let read = Self {
            id,
            workflow: record.text(2)?.to_owned(),
            parent: parent(&record)?,
            code: code(&record)?,
            created_at: UnixMillis(record.number(5)?),
            row: record.number(0)?,
            has_error: record.flag(19)?,
            standing: Standing {
                version: record.unsigned(4)?,
                status,
                updated_at: UnixMillis(record.number(6)?),
                finished_at: record.optional_number(7)?.map(UnixMillis),
                last_delivery: record.unsigned(8)?,
                time_remaining: record.optional_number(9)?.map(i64::cast_unsigned),
                counts: Counts {
                    pending: record.unsigned(10)?,
                    waits: record.unsigned(11)?,
                    state: record.unsigned(12)?,
                    streamed: record.unsigned(20)?,
                },
                last_history: record.optional_number(13)?,
                carries: record.flag(21)?,
                rest: rest(&record)?,
            },
        };
        record.refuse_unless_sealed(read.standing.seal(read.identity()), 14)?;
        Ok(read)
    }

    /// Reads a record that was come across.
    pub(super) fn read_any(row: &Row<'_>) -> Result<Self, Failure> {
        let id = row.get_ref(1)?.as_bytes().ok().and_then(|id| Uuid::try_parse_ascii(id).ok());
        let Some(id) = id else {
            let at = row.get_ref(0)?.as_i64().unwrap_or_default();
            return Err(Failure::Damaged(format!(
                "table runs, row {at}: the column id holds no id of a run"
            )));
        };
        Self::read(row, id)
    }

    pub(super) fn identity(&self) -> u32 {
        let Self { id, workflow, parent, code, created_at, .. } = self;
        identity(*id, workflow, *parent, code.as_ref(), *created_at)
    }

    pub(super) fn live(&self) -> LiveRun {
        LiveRun {
            row: self.row,
            version: self.standing.version,
            last_delivery: self.standing.last_delivery,
            last_history: self.standing.last_history,
            carries: self.standing.carries,
            counts: self.standing.counts,
            status: self.standing.status,
            finished_at: self.standing.finished_at,
            has_error: self.has_error,
            identity: self.identity(),
        }
    }

    pub(super) fn into_summary(self) -> RunSummary {
        let Standing { status, updated_at, finished_at, rest, .. } = self.standing;
        RunSummary {
            id: self.id,
            workflow: self.workflow,
            parent: self.parent,
            status,
            rest,
            created_at: self.created_at,
            updated_at,
            finished_at,
        }
    }
}

impl Standing {
    /// The checksum of both records.
    pub(super) fn seal(&self, identity: u32) -> u32 {
        let mut seal = Seal::going_on(identity);
        seal.number(self.version.cast_signed())
            .bytes(self.status.name().as_bytes())
            .number(self.updated_at.0)
            .optional_number(self.finished_at.map(|at| at.0))
            .number(self.last_delivery.cast_signed())
            .optional_number(self.time_remaining.map(u64::cast_signed))
            .number(self.counts.pending.cast_signed())
            .number(self.counts.waits.cast_signed())
            .number(self.counts.state.cast_signed())
            .optional_number(self.last_history);
        // Files of version 1 have no such columns, and their checksums fit.
        if self.counts.streamed > 0 {
            seal.number(self.counts.streamed.cast_signed());
        }
        if self.carries {
            seal.bytes(b"carries");
        }
        // In files of version 2 nothing rests.
        match self.rest {
            Rest::Awake => &mut seal,
            Rest::Asleep(until) => seal.bytes(b"asleep").number(until.0),
            Rest::Waiting => seal.bytes(b"waiting"),
        };
        seal.finish()
    }
}

/// The checksum over what hardly ever changes in the records.
pub(super) fn identity(
    run: Uuid,
    workflow: &str,
    parent: Option<Parent>,
    code: Option<&Code>,
    created_at: UnixMillis,
) -> u32 {
    let mut seal = Seal::new(Table::Runs, run);
    seal.bytes(workflow.as_bytes()).number(created_at.0);
    // Files of version 1 have no such columns, and their checksums fit.
    if let Some(Parent { run, depth }) = parent {
        seal.number(1).bytes(run.as_bytes()).number(depth.into());
    }
    if let Some(Code { version, steps }) = code {
        seal.number(2).bytes(version.as_bytes()).bytes(steps.as_bytes());
    }
    seal.finish()
}

fn rest(record: &Record<'_, '_>) -> Result<Rest, Failure> {
    match (record.flag(22)?, record.optional_number(23)?) {
        (false, None) => Ok(Rest::Awake),
        (false, Some(until)) => Ok(Rest::Asleep(UnixMillis(until))),
        (true, None) => Ok(Rest::Waiting),
        (true, Some(_)) => Err(record.damaged("the columns waiting and wakes_at contradict each other")),
    }
}

fn parent(record: &Record<'_, '_>) -> Result<Option<Parent>, Failure> {
    let Some(run) = record.optional_text(15)? else { return Ok(None) };
    let run = Uuid::parse_str(run).map_err(|_| record.damaged("the column parent holds no id of a run"))?;
    Ok(Some(Parent { run, depth: record.small(16)? }))
}

fn code(record: &Record<'_, '_>) -> Result<Option<Code>, Failure> {
    let Some(version) = record.optional_text(17)? else { return Ok(None) };
    Ok(Some(Code { version: version.into(), steps: record.text(18)?.into() }))
}

/// What a run has ended with, or is about to: the texts of the columns `result` and `error`.
pub(super) fn outcome(commit: &Commit) -> (Option<&str>, Option<&str>) {
    match &commit.status {
        Status::Running | Status::Paused => (None, commit.ending.as_deref()),
        Status::Completed { result } => (result.as_deref(), None),
        Status::Failed { error } | Status::Cancelled { error } => (None, Some(error)),
    }
}

/// The checksum over those.
pub(super) fn outcome_seal(run: Uuid, (result, error): (Option<&str>, Option<&str>)) -> u32 {
    let mut seal = Seal::new(Table::Outcomes, run);
    for text in [result, error] {
        match text {
            None => seal.number(0),
            Some(text) => seal.number(1).bytes(text.as_bytes()),
        };
    }
    seal.finish()
}
