//! The checksum of a record.
//!
//! SQLite notices damage to its own structure, but not a bit that is flipped inside a value. So every record has a
//! CRC-32 over the run that it belongs to, the table that it is in and everything that it holds. Texts go in with
//! their lengths, so that nothing can move from one column to the next.

use rusqlite::types::ValueRef;
use uuid::Uuid;

/// What is sealed. The numbers are in the checksums of every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Table {
    Runs = 1,
    /// The result or the error in `runs`.
    Outcomes = 2,
    Pending = 3,
    Waits = 4,
    State = 5,
    History = 6,
    Stream = 7,
}

impl Table {
    /// Its name in the file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Runs | Self::Outcomes => "runs",
            Self::Pending => "pending",
            Self::Waits => "waits",
            Self::State => "state",
            Self::History => "history",
            Self::Stream => "stream",
        }
    }
}

/// A checksum in the making.
pub(super) struct Seal {
    hasher: crc32fast::Hasher,
    /// Small parts are collected: the checksum of many at once is had much faster.
    collected: [u8; 128],
    length: usize,
}

impl Seal {
    /// Of a record of the run.
    pub(super) fn new(table: Table, run: Uuid) -> Self {
        let mut seal = Self::going_on(0);
        seal.add(&[table as u8]);
        seal.add(run.as_bytes());
        seal
    }

    /// Goes on where [`Seal::finish`] has stopped.
    pub(super) fn going_on(from: u32) -> Self {
        let hasher = crc32fast::Hasher::new_with_initial(from);
        Self { hasher, collected: [0; 128], length: 0 }
    }

    fn add(&mut self, part: &[u8]) {
        if let Some(room) = self.collected[self.length..].get_mut(..part.len()) {
            room.copy_from_slice(part);
            self.length += part.len();
            return;
        }
        self.hasher.update(&self.collected[..self.length]);
        self.hasher.update(part);
        self.length = 0;
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.add(&number.to_le_bytes());
        self
    }

    pub(super) fn optional_number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            None => self.number(0),
            Some(number) => self.number(1).number(number),
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.add(&(bytes.len() as u64).to_le_bytes());
        self.add(bytes);
        self
    }

    /// A value whose type matters too.
    pub(super) fn value(&mut self, value: ValueRef<'_>) -> &mut Self {
        match value {
            ValueRef::Null => self.number(0),
            ValueRef::Integer(number) => self.number(1).number(number),
            ValueRef::Real(number) => self.number(2).number(number.to_bits().cast_signed()),
            ValueRef::Text(text) => self.number(3).bytes(text),
            ValueRef::Blob(bytes) => self.number(4).bytes(bytes),
        }
    }

    pub(super) fn finish(&mut self) -> u32 {
        self.hasher.update(&self.collected[..self.length]);
        self.length = 0;
        self.hasher.clone().finalize()
    }
}
