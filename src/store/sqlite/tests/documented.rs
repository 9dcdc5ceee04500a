//! `docs/sqlite-schema.md` against a file.

use std::fmt::Write;

use rusqlite::{Connection, OpenFlags};

use super::{Folder, open};
use crate::store::commit::Rest;
use crate::store::conformance::samples::{after, full, must_load, must_take, run_id, settled};
use crate::store::{CheckpointStore, UnixMillis};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sqlite-schema.md"));

#[test]
fn the_page_names_every_table_view_and_column() {
    let folder = Folder::new();
    let store = open(&folder.path("orders.db"));
    let connection = store.connection();
    let mut select = connection
        .prepare("SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'")
        .unwrap();
    let mut rows = select.raw_query();
    while let Some(row) = rows.next().unwrap() {
        let (table, column): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        // The two of `meta` are told in a sentence.
        let named = PAGE.contains(&column) || table == "meta";
        assert!(named && PAGE.contains(&format!("`{table}`")), "{table}.{column}");
    }
    let mut select = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").unwrap();
    let mut rows = select.raw_query();
    while let Some(row) = rows.next().unwrap() {
        let view: String = row.get(0).unwrap();
        assert!(PAGE.contains(&format!("`{view}`")), "{view}");
    }
}

#[test]
fn every_query_of_the_page_gives_an_answer() {
    let folder = Folder::new();
    let mut store = open(&folder.path("orders.db"));
    let commit = full(run_id(1));
    let mut next = after(&commit);
    next.settled = Some(settled(1));
    next.rest = Rest::Asleep(UnixMillis(70));
    must_take(&mut store, &[commit, full(run_id(2)), next]);
    let block = PAGE.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    let block = block.replace("0190...", &run_id(1).to_string());
    let mut counts = String::new();
    for query in block.split_inclusive(';').filter(|query| !query.trim().is_empty()) {
        let mut select = store.connection().prepare(query).unwrap();
        write!(counts, "{} ", select.raw_query().mapped(|_| Ok(())).count()).unwrap();
    }
    assert_eq!(counts, "2 0 1 4 1 0 2 0 2 ");
    store.close().unwrap();
}

#[test]
fn a_copy_that_is_made_as_the_page_says_is_a_store() {
    let vacuum =
        PAGE.split_once("-readonly orders.db \"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
    let folder = Folder::new();
    let (path, copy) = (folder.path("orders.db"), folder.path("copy.db"));
    let mut store = open(&path);
    let commit = full(run_id(1));
    must_take(&mut store, std::slice::from_ref(&commit));
    let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    reader.execute_batch(&vacuum.replace("copy.db", copy.to_str().unwrap())).unwrap();
    let mut copied = open(&copy);
    assert_eq!(must_load(&mut copied, run_id(1)), must_load(&mut store, run_id(1)));
    assert_eq!(copied.history(run_id(1)), store.history(run_id(1)));
    must_take(&mut copied, &[after(&commit)]);
}
