//! Runs by workflow, status and age, a page at a time.

use std::path::Path;

use rusqlite::{Connection, named_params};

use super::super::query::RunOrder;
use super::super::{RunPage, RunQuery, StatusKind};
use super::failure::Failure;
use super::run_record::{COLUMNS, RunRecord, TABLES};

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
        match RunRecord::read_any(row) {
            Ok(record) => page.runs.push(record.into_summary()),
            Err(damage @ Failure::Damaged(_)) => page.damaged.push(damage.into_store_error(path)),
            Err(failure) => return Err(failure),
        }
    }
    Ok(page)
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
