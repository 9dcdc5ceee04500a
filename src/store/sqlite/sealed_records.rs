//! The checksums of what a run has pending, open and in its state.

use rusqlite::types::ValueRef;
use uuid::Uuid;

use super::super::UnixMillis;
use super::super::commit::PendingDelivery;
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
}

impl<'a> PendingRecord<'a> {
    /// The columns that [`PendingRecord::read`] reads, in its order.
    pub(super) const COLUMNS: &'static str =
        "delivery, step, event_type, attempt, sent, crc, event, due, held, gathered";

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
        }
    }
}

pub(super) fn seal_of_request(run: Uuid, id: &[u8], event: &str) -> u32 {
    Seal::new(Table::Requests, run).bytes(id).bytes(event.as_bytes()).finish()
}

pub(super) fn seal_of_value(run: Uuid, key: &[u8], place: u64, value: ValueRef<'_>) -> u32 {
    Seal::new(Table::State, run).bytes(key).number(place.cast_signed()).value(value).finish()
}
