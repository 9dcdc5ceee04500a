//! The table `history`: appending to it, and walking it.
//!
//! Each entry names the row of the one before it of the same run, and the run names its last one. So appending needs
//! no index, and a run's history is a walk from its end.
//!
//! A run that goes from step to step has one delivery that is pending, which its next commit settles. To put it into
//! `pending` and take it out again would be much of what a step writes: its last entry *carries* it instead, until the
//! next commit, which settles it or puts it down in `pending`.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, ToSql};
use serde::Deserialize;
use uuid::Uuid;

use super::super::commit::PendingDelivery;
use super::super::stored_run::{HistoryEntry, SettledDelivery};
use super::super::{StatusKind, UnixMillis};
use super::columns::Record;
use super::failure::Failure;
use super::run_record::RunRecord;
use super::seal::{Seal, Table};

const FIND: &str = "SELECT previous, run, version, at, status, delivery, step, attempt, began, crc, queued, event, \
     written, carried FROM history WHERE row = ?1";

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
    /// The event of the one delivery that is queued, if that stands nowhere else.
    pub(super) carried: Option<&'a str>,
}

/// The delivery that settled, as it was pending.
#[derive(Clone, Copy)]
pub(super) struct NewSettled<'a> {
    pub(super) delivery: u64,
    pub(super) step: &'a str,
    pub(super) attempt: u32,
    pub(super) began: UnixMillis,
    /// None if the entry before has carried it.
    pub(super) event: Option<&'a str>,
    /// By how much its record was off its checksum. The entry's is off by as much: what was damaged stays known to be.
    pub(super) off: u32,
}

impl NewEntry<'_> {
    /// Appends it and gives its row.
    pub(super) fn append(&self, insert: &mut CachedStatement<'_>) -> Result<i64, Failure> {
        let settled = self.settled;
        let number = |number: Option<i64>| number;
        let parameters: [&dyn ToSql; 14] = [
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
            &settled.and_then(|settled| settled.event),
            &self.written,
            &self.carried,
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
                .number(settled.began.0),
        };
        // In files of version 1 every entry has its event, none carries one, and their checksums fit.
        if let Some(event) = self.settled.and_then(|settled| settled.event) {
            seal.bytes(event.as_bytes());
        }
        seal.bytes(self.queued.as_bytes()).bytes(self.written.as_bytes());
        if let Some(carried) = self.carried {
            seal.number(1).bytes(carried.as_bytes());
        }
        seal.finish()
    }
}

/// The entries of a run, oldest first.
pub(super) fn walk(
    connection: &Connection,
    run: Uuid,
    last: Option<i64>,
) -> Result<Vec<HistoryEntry>, Failure> {
    let mut find = connection.prepare_cached(FIND)?;
    let mut newest_first: Vec<Found> = Vec::new();
    let mut next = last;
    while let Some(row) = next {
        let mut rows = find.query([row])?;
        let Some(row) = rows.next()? else {
            return Err(Failure::damaged(Table::History, run, "an entry that another names is not there"));
        };
        let found = read(row, run)?;
        // A chain that is damaged, with checksums that fit by chance, must not be walked for ever.
        if newest_first.last().is_some_and(|later| later.entry.version <= found.entry.version) {
            return Err(Failure::damaged(Table::History, run, "an entry names one that is not older"));
        }
        next = found.previous;
        newest_first.push(found);
    }
    let mut entries = Vec::with_capacity(newest_first.len());
    let mut carried_before = None;
    for Found { mut entry, carried, lacks_event, .. } in newest_first.into_iter().rev() {
        if let Some(settled) = entry.settled.as_mut().filter(|_| lacks_event) {
            let Some(PendingDelivery { event, .. }) = carried_before else {
                return Err(Failure::damaged(Table::History, run, "the event of an entry is not there"));
            };
            settled.event = event.to_string();
        }
        carried_before = carried;
        entries.push(entry);
    }
    Ok(entries)
}

/// The pending delivery that the last entry of a run carries, if it does.
pub(super) fn carried(
    connection: &Connection,
    record: &RunRecord,
) -> Result<Option<PendingDelivery>, Failure> {
    if !record.standing.carries {
        return Ok(None);
    }
    let mut find = connection.prepare_cached(FIND)?;
    let found = find.query_row([record.standing.last_history], |row| Ok(read(row, record.id))).optional()?;
    let last = found.transpose()?.and_then(|last| last.carried);
    let missing = || Failure::damaged(Table::History, record.id, "the last entry carries nothing");
    last.ok_or_else(missing).map(Some)
}

/// An entry as it stands.
struct Found {
    entry: HistoryEntry,
    previous: Option<i64>,
    carried: Option<PendingDelivery>,
    /// The event of what has settled is not here, but carried by the entry before.
    lacks_event: bool,
}

/// What [`history::write_queued`](super::super::history::write_queued) tells of a delivery.
#[derive(Deserialize)]
struct Queued {
    delivery: u64,
    step: String,
    #[serde(rename = "type")]
    event_type: String,
}

fn read(row: &Row<'_>, run: Uuid) -> Result<Found, Failure> {
    let record = Record { row, table: Table::History, run };
    let settled = match record.optional_number(5)? {
        None => None,
        Some(delivery) => Some(NewSettled {
            delivery: delivery.cast_unsigned(),
            step: record.text(6)?,
            attempt: record.small(7)?,
            began: UnixMillis(record.number(8)?),
            event: record.optional_text(11)?,
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
        carried: record.optional_text(13)?,
    };
    record.refuse_unless_sealed(entry.seal(), 9)?;
    let NewEntry { previous, version, at, status, queued, written, .. } = entry;
    let carried = entry.carried.map(|event| {
        let carried = carried_delivery(queued, event);
        carried.map_err(|_| record.damaged("an entry carries an event, and does not say where to"))
    });
    let (queued, written) = (queued.to_owned(), written.to_owned());
    Ok(Found {
        entry: HistoryEntry {
            version,
            at,
            status,
            settled: settled.map(NewSettled::to_owned),
            queued,
            written,
        },
        previous,
        carried: carried.transpose()?,
        lacks_event: settled.is_some_and(|settled| settled.event.is_none()),
    })
}

/// The one delivery that was `queued`, with its event.
fn carried_delivery(queued: &str, event: &str) -> serde_json::Result<PendingDelivery> {
    let [Queued { delivery, step, event_type }] = serde_json::from_str(queued)?;
    Ok(PendingDelivery::emitted(delivery, step.into(), event_type.into(), event.into()))
}

impl NewSettled<'_> {
    fn to_owned(self) -> SettledDelivery {
        SettledDelivery {
            delivery: self.delivery,
            step: self.step.to_owned(),
            attempt: self.attempt,
            began: self.began,
            event: self.event.unwrap_or_default().to_owned(),
        }
    }
}
