//! What can go wrong with a store.

use std::path::PathBuf;

use thiserror::Error;
use uuid::Uuid;

/// Why a store does not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// Somebody else has it open for running.
    #[error("the store {} is in use by {}, and others may open it read-only", path.display(), by_process(*owner))]
    Locked {
        /// The file.
        path: PathBuf,
        /// The process that has it, if that is known.
        owner: Option<u32>,
    },
    /// Somebody else has taken it over since it was opened.
    #[error("the store {} was taken over by another process, although it was locked; nothing is written any more", path.display())]
    TakenOver {
        /// The file.
        path: PathBuf,
    },
    /// No space is left.
    #[error("no space is left for the store {}: {reason}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What was reported.
        reason: String,
    },
    /// It cannot be written to.
    #[error("the store {} cannot be written to: {reason}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was reported.
        reason: String,
    },
    /// It is not there, or cannot be opened.
    #[error("the store {} cannot be opened: {reason}", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What was reported.
        reason: String,
    },
    /// What is there is not what was written.
    #[error("the store {} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A newer version of this package wrote it.
    #[error("the store {} has schema version {found}, and this version of blazen knows up to {known}; update blazen to open it", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// Reading or writing failed.
    #[error("the store {} failed: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was reported.
        reason: String,
    },
    /// A driver written elsewhere failed, for a reason of its own.
    #[error("{0}")]
    Failed(String),
    /// It has been closed.
    #[error("the store is closed")]
    Closed,
    /// It failed in a way that it must not; nothing more is asked of it.
    #[error("the store stopped working: {0}; this is a bug in blazen or in the store's driver")]
    Broken(String),
}

/// Why one commit was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// There is such a run already.
    #[error("the store has a run {run} already")]
    Exists {
        /// The run.
        run: Uuid,
    },
    /// The store does not have the run as the caller thinks that it does.
    #[error(
        "the store has version {found} of run {run}, to which version {version} is no successor: somebody else has gone on with it, or it was pruned"
    )]
    Conflict {
        /// The run.
        run: Uuid,
        /// The version of the commit.
        version: u64,
        /// The version that is stored, 0 if the run is not there.
        found: u64,
    },
    /// One value is larger than the store can keep.
    #[error("the store cannot keep what run {run} would write: {reason}")]
    TooLarge {
        /// The run.
        run: Uuid,
        /// What is too large, and how large it may be.
        reason: String,
    },
    /// What is stored of the run is damaged, so that nothing can be added to it. Other runs go on.
    #[error("the store can add nothing to run {run}: {reason}")]
    Damaged {
        /// The run.
        run: Uuid,
        /// What was found.
        reason: String,
    },
}

fn by_process(owner: Option<u32>) -> String {
    match owner {
        Some(pid) if pid == std::process::id() => {
            format!(
                "this process ({pid}), which has it open already: share the store; it is opened once for running"
            )
        }
        Some(pid) => format!("process {pid}; a store is run by one process at a time"),
        None => "another process; a store is run by one process at a time".to_owned(),
    }
}
