//! Looking for runs.

use uuid::Uuid;

use super::commit::{Parent, Rest};
use super::{StatusKind, StoreError, UnixMillis};

/// Which runs, in which order, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunQuery {
    /// Of this workflow only.
    pub workflow: Option<String>,
    /// That stand so only.
    pub status: Option<StatusKind>,
    /// Which come first.
    pub order: RunOrder,
    /// Where the page before has ended: its [`RunPage::next`].
    pub after: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

/// By when runs were created in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOrder {
    /// The last one first.
    NewestFirst,
    /// The first one first.
    OldestFirst,
}

/// Some runs, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// What could not be read of the page: an error for each run that is damaged. The others can be had.
    pub damaged: Vec<StoreError>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<u64>,
}

/// A run without what is large in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub id: Uuid,
    /// The name of its workflow.
    pub workflow: String,
    /// The run that it is a child of, if it is one.
    pub parent: Option<Parent>,
    /// How it stands.
    pub status: StatusKind,
    /// Whether anything of it goes on, as its last commit says.
    pub rest: Rest,
    /// When its first commit was made.
    pub created_at: UnixMillis,
    /// When its last commit was made.
    pub updated_at: UnixMillis,
    /// When it ended, if it has.
    pub finished_at: Option<UnixMillis>,
}
