//! A run as one portable JSON document.
//!
//! The document holds what a run needs to go on anywhere: its state, the events that are on their way, the input
//! requests that are open, and what is left of its time. It does not hold the session, nor what has happened.
//! Values in it are the texts that JavaScript wrote; they pass through unread.

mod decode;
mod encode;

use thiserror::Error;

pub use decode::type_in_text;
pub(super) use encode::SnapshotWriter;

/// The version of the document that this package writes, and the newest that it reads. Since 2 a delivery has its number
/// and may have a time at which it is `due`, and a run may have children.
pub const SNAPSHOT_VERSION: u64 = 2;

/// How deep a value may be nested, in state, events and results.
pub const MAX_DEPTH: u32 = 1_000;

/// How many runs may be above a run: its parent, the parent of that, and so on.
pub const MAX_RUN_DEPTH: u32 = 32;

/// Why a text is no snapshot that can be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// Nothing was given.
    #[error("the snapshot is empty")]
    Empty,
    /// The text ends before the document does.
    #[error("the snapshot is cut off: it ends after {length} bytes, before the document does")]
    CutOff {
        /// How much there is.
        length: usize,
    },
    /// The document is not one of this package's.
    #[error("this is not a snapshot of a run: {reason}")]
    Malformed {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A newer version of this package wrote it.
    #[error(
        "the snapshot has version {version}, and this version of blazen reads up to {SNAPSHOT_VERSION}; update blazen to resume it"
    )]
    Newer {
        /// Its version.
        version: u64,
    },
    /// A value in it is nested deeper than any that this package writes.
    #[error("a value in the snapshot is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}
