//! The power is cut, everywhere.
//!
//! A script of calls is played to the `SQLite` driver on a disk that keeps a log of all that was done to it. For every
//! line of the log, what a disk may hold at that moment is given to the driver, which must find in it what it
//! has acknowledged, whole, and nothing that nobody has asked for.
//!
//! `BLAZEN_CRASH_ROUNDS=10` draws ten times as many cuts, and plays ten times as many random scripts.
//! `BLAZEN_CRASH_SEED=7` draws others; a violation names the seed that repeats it.

#![allow(clippy::unwrap_used)] // a test may
#![allow(clippy::disallowed_methods)] // the list is what the engine must not use

#[path = "../driver/mod.rs"]
mod driver;
#[path = "../expected_runs/mod.rs"]
mod expected_runs;
#[path = "../faulty_disk/mod.rs"]
mod faulty_disk;
#[path = "../settings/mod.rs"]
mod settings;

mod cutting;
mod damaged_wal;
mod every_operation;
mod least;
mod planted_bugs;
mod recording;
