//! The disk fails, everywhere: it is full, it breaks, it cannot be written to, and what is on it was changed.
//!
//! Whatever happens, the driver gives errors or works, and never an answer that is not so; what it has acknowledged is
//! there when the disk works again.
//!
//! `BLAZEN_CRASH_ROUNDS=10` tries ten times as much. `BLAZEN_CRASH_SEED=7` tries something else; a violation names the
//! seed that repeats it. What needs a disk of its own mounts one, and says so where that is not permitted.

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

mod corrupt_images;
mod failing_opening;
mod failing_operations;
mod playing;
mod unfit_places;
