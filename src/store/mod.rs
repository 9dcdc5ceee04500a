//! Where runs are kept.
//!
//! A [`CheckpointStore`] takes [`Commit`]s and gives runs back as they stand after the last of them. It keeps opaque
//! rows: it knows no steps, no routes and no rules of the engine, and the texts in the rows are JavaScript's.
//!
//! Drivers are [`MemoryStore`], for tests, and [`SqliteStore`]. Whoever writes another finds what it must hold to on
//! the trait, and a suite that checks it in [`conformance`].

#![forbid(unsafe_code)]

pub mod commit;
pub mod conformance;
pub mod error;
mod history;
mod memory;
pub mod query;
mod sqlite;
pub mod stored_run;
pub mod writer;

pub use commit::Commit;
pub use error::{Refusal, StoreError};
pub use memory::MemoryStore;
pub use query::{RunPage, RunQuery, RunSummary};
pub use sqlite::{History, SqliteOptions, SqliteStore};
pub use stored_run::{Status, StatusKind, StoredRun};

use std::sync::Arc;

use uuid::Uuid;

/// Milliseconds since the Unix epoch, on the clock of whoever made the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub i64);

/// What a driver offers. One thread at a time calls it, and every call may block.
///
/// After an error a driver must either work as before or give errors until it does; it must never give an answer that
/// is not so.
pub trait CheckpointStore: Send {
    /// Takes commits, in order. Those that are taken are durable when this returns: they survive a loss of power.
    ///
    /// Each commit is atomic, and is taken only if its version follows the one that is stored: 1 creates the run, and
    /// every later one is one more. Else it is refused, changes nothing, and the others of the batch are taken all the
    /// same. So is a commit with something too large for the store, and one of a run that is damaged. The answer has one
    /// entry for each commit.
    ///
    /// After an error the caller must not rely on any commit of the batch, neither that it is stored nor that it is
    /// not; [`CheckpointStore::load`] tells. Of one run a prefix of its commits may be stored, never a later one
    /// without those before it.
    fn commit(&mut self, batch: &[Commit]) -> Result<Vec<Result<(), Refusal>>, StoreError>;

    /// A run as it stands after its last commit.
    fn load(&mut self, run: Uuid) -> Result<Option<StoredRun>, StoreError>;

    /// Runs that fit a query, a page at a time. Costs no more than the page does, however many runs there are.
    fn runs(&mut self, query: &RunQuery) -> Result<RunPage, StoreError>;

    /// What has happened in a run, oldest first: empty if the driver keeps no history. `None` for an unknown run.
    fn history(&mut self, run: Uuid) -> Result<Option<Vec<stored_run::HistoryEntry>>, StoreError>;

    /// Events of a run's stream from the offset `from` on (the first one has 0), in order and without a gap: as many as
    /// `at_most`, or fewer if they are large, and none only if the stream has none there. `None` for an unknown run.
    /// Costs no more than the page does, however long the stream is.
    fn stream(&mut self, run: Uuid, from: u64, at_most: usize) -> Result<Option<Vec<Arc<str>>>, StoreError>;

    /// Forgets up to `at_most` runs that ended before a point in time, with their history and stream, and says how many those
    /// were: fewer than `at_most` means that there are no more. What they took on disk is free again, for the system
    /// and not only for the store. A child stays for as long as its parent has not ended, which may look for it again: one
    /// that is unfinished here, or one that is `unwritten`: it is at work, and the store need not have anything of it yet.
    fn prune(
        &mut self,
        finished_before: UnixMillis,
        at_most: usize,
        unwritten: &[Uuid],
    ) -> Result<usize, StoreError>;

    /// Gives up the store, so that somebody else may open it. Nothing is called afterwards.
    fn close(&mut self) -> Result<(), StoreError>;
}
