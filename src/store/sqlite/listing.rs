//! Runs by workflow, status and age, a page at a time.

use std::path::Path;

use rusqlite::{Connection, Row, named_params};

use super::super::query::RunOrder;
use super::super::{GoesOn, RunPage, RunQuery, RunSummary, StatusKind, UnixMillis};
use super::columns::Record;
use super::failure::Failure;
use super::loading::refuse_unless_found;
use super::run_record::{COLUMNS, RunRecord, Standing, TABLES};
use super::seal::Table;
use super::sealed_records::{PendingRecord, WaitRecord};

/// Reads one page. A run that is damaged is told of and passed over.
pub(super) fn list(connection: &Connection, path: &Path, query: &RunQuery) -> Result<RunPage, Failure> {
    let mut select = connection.prepare_cached(&select(query))?;
    let after = query.after.map(|after| i64::try_from(after).unwrap_or(i64::MAX));
    let status = query.status.map(StatusKind::name);
    let one_more = i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1);
    for (name, value) in named_params! {
        ":workflow": query.workflow, ":status": status, ":after": after, ":limit": one_more,
    } {
        if let Some(index) = select.parameter_index(name)? {
            select.raw_bind_parameter(index, value)?;
        }
    }
    let mut rows = select.raw_query();
    let mut page = RunPage { runs: Vec::new(), damaged: Vec::new(), next: None };
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.runs.len() + page.damaged.len() == query.limit {
            page.next = last;
            break;
        }
        last = Some(row.get::<_, i64>(0)?.cast_unsigned());
        match summary(connection, row) {
            Ok(summary) => page.runs.push(summary),
            Err(damage @ Failure::Damaged(_)) => page.damaged.push(damage.into_store_error(path)),
            Err(failure) => return Err(failure),
        }
    }
    Ok(page)
}

fn summary(connection: &Connection, row: &Row<'_>) -> Result<RunSummary, Failure> {
    let record = RunRecord::read_any(row)?;
    let goes_on = goes_on(connection, &record)?;
    Ok(record.into_summary(goes_on))
}

/// What makes a run go on. Of what has its time, only the first is read.
fn goes_on(connection: &Connection, run: &RunRecord) -> Result<Option<GoesOn>, Failure> {
    let Standing { status, counts, carries, .. } = run.standing;
    if status.is_ended() {
        return Ok(None);
    }
    // One that says why it ends, and has not ended, undoes what it has done.
    if carries || run.has_error || counts.pending > 0 && is_on_its_way(connection, run.row)? {
        return Ok(Some(GoesOn::AtOnce));
    }
    let mut due = None;
    if counts.pending > 0 {
        refuse_unless_there(connection, run, Table::Pending, counts.pending)?;
        due = first_due_delivery(connection, run)?;
    }
    if counts.waits > 0 {
        refuse_unless_there(connection, run, Table::Waits, counts.waits)?;
        due = due.into_iter().chain(first_expiry(connection, run)?).min();
    }
    Ok(Some(due.map_or(GoesOn::WhenTold, GoesOn::At)))
}

/// What is lost would never wake its run.
fn refuse_unless_there(
    connection: &Connection,
    run: &RunRecord,
    table: Table,
    counted: u64,
) -> Result<(), Failure> {
    let count = format!("SELECT count(*) FROM {} WHERE run = ?1", table.name());
    let found: i64 = connection.prepare_cached(&count)?.query_row([run.row], |row| row.get(0))?;
    refuse_unless_found(table, run.id, counted, found.cast_unsigned())
}

/// Whether a delivery is pending that may be invoked as soon as may be.
fn is_on_its_way(connection: &Connection, row_of_run: i64) -> Result<bool, Failure> {
    const FIND: &str =
        "SELECT 1 FROM pending WHERE run = ?1 AND due IS NULL AND held IS NULL AND done IS NULL";
    Ok(connection.prepare_cached(FIND)?.exists([row_of_run])?)
}

fn first_due_delivery(connection: &Connection, run: &RunRecord) -> Result<Option<UnixMillis>, Failure> {
    let select = format!(
        "SELECT {} FROM pending WHERE run = ?1 AND due IS NOT NULL AND held IS NULL AND done IS NULL \
         ORDER BY due LIMIT 1",
        PendingRecord::COLUMNS
    );
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = select.query([run.row])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    PendingRecord::read_sealed(&Record { row, table: Table::Pending, run: run.id }).map(|first| first.due)
}

fn first_expiry(connection: &Connection, run: &RunRecord) -> Result<Option<UnixMillis>, Failure> {
    let select = format!(
        "SELECT {} FROM waits WHERE run = ?1 AND due IS NOT NULL ORDER BY due LIMIT 1",
        WaitRecord::COLUMNS
    );
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = select.query([run.row])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    WaitRecord::read(&Record { row, table: Table::Waits, run: run.id }).map(|first| first.due)
}

/// With every combination of conditions there is an index that gives the rows in order.
fn select(query: &RunQuery) -> String {
    let (newer_or_older, direction) = match query.order {
        RunOrder::NewestFirst => ("<", "DESC"),
        RunOrder::OldestFirst => (">", "ASC"),
    };
    let mut conditions = Vec::new();
    if query.workflow.is_some() {
        conditions.push("workflow = :workflow".to_owned());
    }
    if query.status.is_some() {
        conditions.push("status = :status".to_owned());
    }
    if query.after.is_some() {
        conditions.push(format!("runs.row {newer_or_older} :after"));
    }
    let conditions = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
    format!("SELECT {COLUMNS} FROM {TABLES} WHERE {conditions} ORDER BY runs.row {direction} LIMIT :limit")
}

#[cfg(test)]
mod tests {
    use super::super::schema::{MIGRATIONS, migrate};
    use super::*;

    #[test]
    fn no_query_reads_more_than_its_page() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS).unwrap();
        for workflow in [None, Some("orders".to_owned())] {
            for status in [None, Some(StatusKind::Running)] {
                for order in [RunOrder::NewestFirst, RunOrder::OldestFirst] {
                    for after in [None, Some(7)] {
                        let workflow = workflow.clone();
                        let query = RunQuery { workflow, status, order, after, limit: 50 };
                        assert_reads_in_order(&connection, &query);
                    }
                }
            }
        }
    }

    fn assert_reads_in_order(connection: &Connection, query: &RunQuery) {
        let explain = format!("EXPLAIN QUERY PLAN {}", select(query));
        let mut explain = connection.prepare(&explain).unwrap();
        let plan: Vec<String> =
            explain.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().unwrap();
        let filtered = query.workflow.is_some() || query.status.is_some();
        let expected = if filtered { "SEARCH runs USING INDEX runs_by_" } else { "runs" };
        assert!(plan[0].contains(expected), "{query:?}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{query:?}: {plan:?}");
    }
}
