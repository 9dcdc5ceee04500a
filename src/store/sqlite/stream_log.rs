//! The table `stream`: appending to it, and reading a page of it.
//!
//! The offsets of a run are 0, 1, 2 and so on, and its record counts them, so that a stream that lacks an event is known
//! to be damaged. Most runs keep no stream, so its statements are not among those of every commit.

use std::sync::Arc;

use rusqlite::Connection;
use uuid::Uuid;

use super::super::Commit;
use super::columns::Record;
use super::failure::Failure;
use super::live_runs::LiveRun;
use super::run_record::RunRecord;
use super::seal::{Seal, Table};

/// A page has no more events when it has so many bytes.
const LARGE_PAGE: usize = 4 << 20;

/// Appends the events of a commit, and gives how many the stream has then.
pub(super) fn append(connection: &Connection, commit: &Commit, live: LiveRun) -> Result<u64, Failure> {
    let mut offset = live.counts.streamed;
    if commit.streamed.is_empty() {
        return Ok(offset);
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO stream (run, offset, crc, event) VALUES (?1, ?2, ?3, ?4)")?;
    for event in &commit.streamed {
        insert.execute((live.row, offset.cast_signed(), seal(commit.run, offset, event), &**event))?;
        offset += 1;
    }
    Ok(offset)
}

/// Events from an offset on: at most so many, and fewer if they are large.
pub(super) fn page(
    connection: &Connection,
    run: &RunRecord,
    from: u64,
    at_most: usize,
) -> Result<Vec<Arc<str>>, Failure> {
    let left = run.standing.counts.streamed.saturating_sub(from);
    let expected = usize::try_from(left).unwrap_or(usize::MAX).min(at_most);
    if expected == 0 {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached(
        "SELECT offset, crc, event FROM stream WHERE run = ?1 AND offset >= ?2 ORDER BY offset",
    )?;
    let mut rows = select.query((run.row, from.cast_signed()))?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while events.len() < expected && bytes < LARGE_PAGE {
        let offset = from + events.len() as u64;
        let lost =
            || Failure::damaged(Table::Stream, run.id, &format!("the event at offset {offset} is lost"));
        let row = rows.next()?.ok_or_else(lost)?;
        let record = Record { row, table: Table::Stream, run: run.id };
        if record.unsigned(0)? != offset {
            return Err(lost());
        }
        let event = record.text(2)?;
        record.refuse_unless_sealed(seal(run.id, offset, event), 1)?;
        bytes += event.len();
        events.push(event.into());
    }
    Ok(events)
}

fn seal(run: Uuid, offset: u64, event: &str) -> u32 {
    Seal::new(Table::Stream, run).number(offset.cast_signed()).bytes(event.as_bytes()).finish()
}
