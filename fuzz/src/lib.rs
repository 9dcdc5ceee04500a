//! What the fuzz targets do with the bytes that they are given: each function takes any bytes and panics if something
//! does not hold. Nothing in here knows of libFuzzer, so that `tests/fuzz_corpus.rs` can replay what it has found.

#![allow(clippy::disallowed_methods)] // the list is what the engine must not use

mod bytes;
mod driven;
mod exact_string;
mod ledger;
mod memory;
mod schedule;
mod snapshot;
mod store_file;
mod stored_run;

pub use exact_string::exact_string;
pub use schedule::schedule;
pub use snapshot::snapshot;
pub use store_file::store_file;
pub use stored_run::stored_run;
