//! A child of a run at rest: a run that one of its handlers waits for, or has waited for and would ask for again.
//!
//! The engine does not run children: it keeps them with the run that they belong to. Texts are the driver's.

use std::sync::Arc;

use super::ids::DeliverySeq;

/// A child, known by what it was run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildAtRest {
    /// The delivery whose handler has run it.
    pub delivery: DeliverySeq,
    /// How many children the handler had run before it.
    pub position: u32,
    /// How many were run in its place before it, and have failed.
    pub generation: u32,
    /// What there is of it.
    pub rest: ChildRest,
}

/// What there is of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildRest {
    /// It is paused: its snapshot.
    Paused(Arc<str>),
    /// It has a result, a JSON text, or none.
    Completed(Option<Arc<str>>),
    /// It has failed, and no handler has been told: a JSON text that says of what.
    Failed(Arc<str>),
    /// It has failed, and a handler has been told.
    Told,
}
