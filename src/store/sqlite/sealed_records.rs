//! The checksums of what a run has pending, open and in its state.

use rusqlite::types::ValueRef;
use uuid::Uuid;

use super::super::UnixMillis;
use super::super::commit::{PendingDelivery, Wait, WaitKind};
use super::columns::Record;
use super::failure::Failure;
use super::seal::{Seal, Table};
use crate::ExactString;

/// A record of the table `pending`, by reference.
#[derive(Clone, Copy)]
pub(super) struct PendingRecord<'a> {
    pub(super) delivery: u64,
    pub(super) step: &'a str,
    pub(super) event_type: &'a str,
    pub(super) attempt: u32,
    pub(super) sent: u32,
    pub(super) event: &'a str,
    pub(super) due: Option<UnixMillis>,
    /// A key, as WTF-8.
    pub(super) held: Option<&'a [u8]>,
    pub(super) gathered: bool,
    pub(super) done: Option<u64>,
    pub(super) added: Option<&'a str>,
}

impl<'a> PendingRecord<'a> {
    /// The columns that [`PendingRecord::read`] reads, in its order.
    pub(super) const COLUMNS: &'static str =
        "delivery, step, event_type, attempt, sent, crc, event, due, held, gathered, done, added";

    pub(super) fn of(pending: &'a PendingDelivery) -> Self {
        Self {
            delivery: pending.delivery,
            step: &pending.step,
            event_type: &pending.event_type,
            attempt: pending.attempt,
            sent: pending.sent,
            event: &pending.event,
            due: pending.due,
            held: pending.held.as_ref().map(ExactString::as_wtf8),
            gathered: pending.gathered,
            done: pending.done,
            added: pending.added.as_deref(),
        }
    }

    /// The record, and by how much it is off its checksum: 0 if it is not.
    pub(super) fn read(record: &Record<'a, '_>) -> Result<(Self, u32), Failure> {
        let read = Self {
            delivery: record.unsigned(0)?,
            step: record.text(1)?,
            event_type: record.text(2)?,
            attempt: record.small(3)?,
            sent: record.small(4)?,
            event: record.text(6)?,
            due: record.optional_number(7)?.map(UnixMillis),
            held: record.optional_bytes(8)?,
            gathered: record.flag(9)?,
            done: record.optional_number(10)?.map(i64::cast_unsigned),
            added: record.optional_text(11)?,
        };
        let off = record.small(5)? ^ read.seal(record.run);
        Ok((read, off))
    }

    pub(super) fn seal(&self, run: Uuid) -> u32 {
        let mut seal = Seal::new(Table::Pending, run);
        seal.number(self.delivery.cast_signed())
            .bytes(self.step.as_bytes())
            .bytes(self.event_type.as_bytes())
            .number(self.attempt.into())
            .number(self.sent.into())
            .bytes(self.event.as_bytes());
        // Files of version 1 have no such columns, and their checksums fit.
        if let Some(due) = self.due {
            seal.number(1).number(due.0);
        }
        if let Some(key) = self.held {
            seal.number(2).bytes(key);
        }
        if self.gathered {
            seal.number(3);
        }
        if let Some(done) = self.done {
            seal.number(4).number(done.cast_signed());
        }
        if let Some(added) = self.added {
            seal.number(5).bytes(added.as_bytes());
        }
        seal.finish()
    }

    pub(super) fn to_pending(self) -> PendingDelivery {
        PendingDelivery {
            delivery: self.delivery,
            step: self.step.into(),
            event_type: self.event_type.into(),
            event: self.event.into(),
            attempt: self.attempt,
            sent: self.sent,
            due: self.due,
            held: self.held.map(ExactString::from_wtf8),
            gathered: self.gathered,
            done: self.done,
            added: self.added.map(Into::into),
        }
    }
}

/// A record of the table `waits`, by reference.
#[derive(Clone, Copy)]
pub(super) struct WaitRecord<'a> {
    /// As WTF-8.
    id: &'a [u8],
    kind: WaitKind,
    event: &'a str,
    due: Option<UnixMillis>,
    expiry: Option<&'a str>,
}

impl<'a> WaitRecord<'a> {
    /// The columns that [`WaitRecord::read`] reads, in its order.
    pub(super) const COLUMNS: &'static str = "id, kind, crc, event, due, expiry";

    pub(super) fn of(wait: &'a Wait) -> Self {
        let Wait { id, kind, event, due, expiry } = wait;
        Self { id: id.as_wtf8(), kind: *kind, event, due: *due, expiry: expiry.as_deref() }
    }

    pub(super) fn read(record: &Record<'a, '_>) -> Result<Self, Failure> {
        let kind = WaitKind::named(record.text(1)?)
            .ok_or_else(|| record.damaged("the column kind holds no kind of a wait"))?;
        let read = Self {
            id: record.bytes(0)?,
            kind,
            event: record.text(3)?,
            due: record.optional_number(4)?.map(UnixMillis),
            expiry: record.optional_text(5)?,
        };
        record.refuse_unless_sealed(read.seal(record.run), 2)?;
        Ok(read)
    }

    pub(super) fn seal(&self, run: Uuid) -> u32 {
        let mut seal = Seal::new(Table::Waits, run);
        seal.bytes(self.id).bytes(self.event.as_bytes());
        // Files of version 1 have no such columns, and their checksums fit.
        if self.kind != WaitKind::Input {
            seal.number(1).bytes(self.kind.name().as_bytes());
        }
        if let Some(due) = self.due {
            seal.number(2).number(due.0);
        }
        if let Some(expiry) = self.expiry {
            seal.number(3).bytes(expiry.as_bytes());
        }
        seal.finish()
    }

    pub(super) fn to_wait(self) -> Wait {
        Wait {
            id: ExactString::from_wtf8(self.id),
            kind: self.kind,
            event: self.event.into(),
            due: self.due,
            expiry: self.expiry.map(Into::into),
        }
    }
}

pub(super) fn seal_of_value(run: Uuid, key: &[u8], place: u64, value: ValueRef<'_>) -> u32 {
    Seal::new(Table::State, run).bytes(key).number(place.cast_signed()).value(value).finish()
}
