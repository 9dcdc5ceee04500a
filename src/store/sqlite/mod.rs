//! Runs in an SQLite file.
//!
//! [`SqliteStore`] owns one connection, and a lock beside the file for as long as it may write. What is in the file is
//! meant to be read by people too: docs/sqlite-schema.md describes it. Every record carries a checksum, and nothing is
//! given back whose checksum is wrong.
//!
//! A commit costs what it changes: it touches the records of one run by their keys, and looks nothing up for a run that
//! was touched before.

// SQLite is a name, and no code

mod changing;
mod columns;
mod committing;
mod failure;
mod history_log;
mod listing;
mod live_runs;
mod loading;
mod opening;
mod owner_lock;
mod place;
mod pruning;
mod run_record;
mod schema;
mod seal;
mod sealed_records;
mod statements;
mod store;
mod stream_log;
#[cfg(test)]
mod tests;
mod writing;

pub use store::{History, SqliteOptions, SqliteStore};
