//! Every input that is kept in `fuzz/corpus`, a folder for each target, put through the target: the seeds, and what was
//! ever found.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test may

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(input).unwrap());
    }
}

#[test]
fn any_string_of_javascript_comes_back_as_it_was() {
    replay("exact_string", fuzz::exact_string);
}

#[test]
fn in_any_schedule_every_run_comes_to_its_end() {
    replay("schedule", fuzz::schedule);
}

#[test]
fn any_snapshot_is_refused_or_can_be_gone_on_from() {
    replay("snapshot", fuzz::snapshot);
}

#[test]
fn any_store_file_is_refused_or_gives_what_was_written() {
    replay("store_file", fuzz::store_file);
}

#[test]
fn any_stored_run_is_refused_or_can_be_gone_on_from() {
    replay("stored_run", fuzz::stored_run);
}
