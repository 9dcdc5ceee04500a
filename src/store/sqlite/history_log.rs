//! The table `history`: appending to it, and walking it.
//!
//! Each entry names the row of the one before it of the same run, and the run names its last one. So appending needs
//! no index, and a run's history is a walk from its end.

use rusqlite::{CachedStatement, Connection, Row, ToSql};
use uuid::Uuid;

use super::super::stored_run::{HistoryEntry, SettledDelivery};
use super::super::{StatusKind, UnixMillis};
use super::columns::Record;
use super::failure::Failure;
use super::seal::{Seal, Table};

/// What is appended, by reference.
pub(super) struct NewEntry<'a> {
    pub(super) run: Uuid,
    pub(super) row_of_run: i64,
    pub(super) previous: Option<i64>,
    pub(super) version: u64,
    pub(super) at: UnixMillis,
    pub(super) status: StatusKind,
    pub(super) settled: Option<NewSettled<'a>>,
    pub(super) queued: &'a str,
    pub(super) written: &'a str,
}

/// The delivery that settled, as it was pending.
#[derive(Clone, Copy)]
pub(super) struct NewSettled<'a> {
    pub(super) delivery: u64,
    pub(super) step: &'a str,
    pub(super) attempt: u32,
    pub(super) began: UnixMillis,
    pub(super) event: &'a str,
    /// By how much its record was off its checksum. The entry's is off by as much: what was damaged stays known to be.
    pub(super) off: u32,
}

impl NewEntry<'_> {
    /// Appends it and gives its row.
    pub(super) fn append(&self, insert: &mut CachedStatement<'_>) -> Result<i64, Failure> {
        let settled = self.settled;
        let number = |number: Option<i64>| number;
        let parameters: [&dyn ToSql; 13] = [
            &self.previous,
            &self.row_of_run,
            &self.version.cast_signed(),
            &self.at.0,
            &self.status.name(),
            &number(settled.map(|settled| settled.delivery.cast_signed())),
            &settled.map(|settled| settled.step),
            &settled.map(|settled| settled.attempt),
            &number(settled.map(|settled| settled.began.0)),
            &(self.seal() ^ settled.map_or(0, |settled| settled.off)),
            &self.queued,
            &settled.map(|settled| settled.event),
            &self.written,
        ];
        Ok(insert.insert(parameters)?)
    }

    fn seal(&self) -> u32 {
        let mut seal = Seal::new(Table::History, self.run);
        seal.optional_number(self.previous)
            .number(self.version.cast_signed())
            .number(self.at.0)
            .bytes(self.status.name().as_bytes());
        match self.settled {
            None => seal.number(0),
            Some(settled) => seal
                .number(1)
                .number(settled.delivery.cast_signed())
                .bytes(settled.step.as_bytes())
                .number(settled.attempt.into())
                .number(settled.began.0)
                .bytes(settled.event.as_bytes()),
        };
        seal.bytes(self.queued.as_bytes()).bytes(self.written.as_bytes()).finish()
    }
}

/// The entries of a run, oldest first.
pub(super) fn walk(
    connection: &Connection,
    run: Uuid,
    last: Option<i64>,
) -> Result<Vec<HistoryEntry>, Failure> {
    let mut find = connection.prepare_cached(
        "SELECT previous, run, version, at, status, delivery, step, attempt, began, crc, queued, event, written \
         FROM history WHERE row = ?1",
    )?;
    let mut entries: Vec<HistoryEntry> = Vec::new();
    let mut next = last;
    while let Some(row) = next {
        let mut rows = find.query([row])?;
        let Some(row) = rows.next()? else {
            return Err(Failure::damaged(Table::History, run, "an entry that another names is not there"));
        };
        let (entry, previous) = read(row, run)?;
        // A chain that is damaged, with checksums that fit by chance, must not be walked for ever.
        if entries.last().is_some_and(|later| later.version <= entry.version) {
            return Err(Failure::damaged(Table::History, run, "an entry names one that is not older"));
        }
        entries.push(entry);
        next = previous;
    }
    entries.reverse();
    Ok(entries)
}

fn read(row: &Row<'_>, run: Uuid) -> Result<(HistoryEntry, Option<i64>), Failure> {
    let record = Record { row, table: Table::History, run };
    let settled = match record.optional_number(5)? {
        None => None,
        Some(delivery) => Some(NewSettled {
            delivery: delivery.cast_unsigned(),
            step: record.text(6)?,
            attempt: record.small(7)?,
            began: UnixMillis(record.number(8)?),
            event: record.text(11)?,
            off: 0,
        }),
    };
    let entry = NewEntry {
        run,
        row_of_run: record.number(1)?,
        previous: record.optional_number(0)?,
        version: record.unsigned(2)?,
        at: UnixMillis(record.number(3)?),
        status: StatusKind::named(record.text(4)?)
            .ok_or_else(|| record.damaged("the column status holds no status"))?,
        settled,
        queued: record.text(10)?,
        written: record.text(12)?,
    };
    record.refuse_unless_sealed(entry.seal(), 9)?;
    let NewEntry { previous, version, at, status, queued, written, .. } = entry;
    let (queued, written) = (queued.to_owned(), written.to_owned());
    let settled = settled.map(NewSettled::to_owned);
    Ok((HistoryEntry { version, at, status, settled, queued, written }, previous))
}

impl NewSettled<'_> {
    fn to_owned(self) -> SettledDelivery {
        SettledDelivery {
            delivery: self.delivery,
            step: self.step.to_owned(),
            attempt: self.attempt,
            began: self.began,
            event: self.event.to_owned(),
        }
    }
}
