//! Values on their way into columns and out of them.
//!
//! What is read is not trusted: a column of another type than was written is damage, and is told as such.

use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use uuid::Uuid;

use super::failure::Failure;
use super::seal::Table;
use crate::{ExactString, StateValue};

/// A record that has been read, of a run that it is said to belong to.
pub(super) struct Record<'row, 'statement> {
    pub(super) row: &'row Row<'statement>,
    pub(super) table: Table,
    pub(super) run: Uuid,
}

impl<'row> Record<'row, '_> {
    pub(super) fn value(&self, column: usize) -> Result<ValueRef<'row>, Failure> {
        Ok(self.row.get_ref(column)?)
    }

    pub(super) fn optional_number(&self, column: usize) -> Result<Option<i64>, Failure> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number)),
            _ => Err(self.of_wrong_type(column)),
        }
    }

    pub(super) fn number(&self, column: usize) -> Result<i64, Failure> {
        self.optional_number(column)?.ok_or_else(|| self.of_wrong_type(column))
    }

    /// A number that was a `u64` when it was written.
    pub(super) fn unsigned(&self, column: usize) -> Result<u64, Failure> {
        self.number(column).map(i64::cast_unsigned)
    }

    pub(super) fn small(&self, column: usize) -> Result<u32, Failure> {
        u32::try_from(self.number(column)?).map_err(|_| self.of_wrong_type(column))
    }

    /// What was written with [`Exact`].
    pub(super) fn bytes(&self, column: usize) -> Result<&'row [u8], Failure> {
        match self.value(column)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(self.of_wrong_type(column)),
        }
    }

    pub(super) fn optional_bytes(&self, column: usize) -> Result<Option<&'row [u8]>, Failure> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            _ => self.bytes(column).map(Some),
        }
    }

    /// 0 or 1.
    pub(super) fn flag(&self, column: usize) -> Result<bool, Failure> {
        match self.number(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.of_wrong_type(column)),
        }
    }

    pub(super) fn text(&self, column: usize) -> Result<&'row str, Failure> {
        std::str::from_utf8(self.bytes(column)?).map_err(|_| self.of_wrong_type(column))
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<&'row str>, Failure> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    pub(super) fn state_value(&self, column: usize) -> Result<StateValue, Failure> {
        match self.value(column)? {
            ValueRef::Blob(bytes) => Ok(StateValue::Bytes(bytes.to_owned())),
            _ => self.text(column).map(|json| StateValue::Json(json.to_owned())),
        }
    }

    /// Holds the record against its checksum.
    pub(super) fn refuse_unless_sealed(&self, seal: u32, column: usize) -> Result<(), Failure> {
        if self.number(column)? == i64::from(seal) {
            return Ok(());
        }
        Err(self.damaged("a record does not match its checksum"))
    }

    pub(super) fn damaged(&self, what: &str) -> Failure {
        Failure::damaged(self.table, self.run, what)
    }

    fn of_wrong_type(&self, column: usize) -> Failure {
        let name = self.row.as_ref().column_name(column).unwrap_or("?");
        self.damaged(&format!("the column {name} holds something else than was written"))
    }
}

/// A string that is a text if it is valid Unicode, and bytes (WTF-8) if it is not.
pub(super) struct Exact<'a>(pub(super) &'a ExactString);

impl ToSql for Exact<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(column_of_wtf8(self.0.as_wtf8())))
    }
}

/// How an exact string stands in its column.
pub(super) fn column_of_wtf8(string: &[u8]) -> ValueRef<'_> {
    match std::str::from_utf8(string) {
        Ok(text) => ValueRef::Text(text.as_bytes()),
        Err(_) => ValueRef::Blob(string),
    }
}

/// How a value of the state stands in its column.
pub(super) fn column_of(value: &StateValue) -> ValueRef<'_> {
    match value {
        StateValue::Json(json) => ValueRef::Text(json.as_bytes()),
        StateValue::Bytes(bytes) => ValueRef::Blob(bytes),
    }
}
