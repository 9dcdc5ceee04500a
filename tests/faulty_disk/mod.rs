//! A disk under `SQLite` that fails where it is told to, and remembers enough to lose its power at any moment.
//!
//! [`FaultyDisk`] is a VFS: `SQLite` reads, writes and locks real files through it. It counts every operation that
//! changes a file, makes the n-th of them fail as a [`Fault`] says, and keeps all of them in an
//! [`OperationLog`]. From the log a [`Platter`] tells what a disk may hold when the power is cut between any two
//! operations: what was synced is there, and of the rest whatever a [`Cut`] lets through.
//!
//! It knows nothing of stores or runs. What a test thinks of a moment it puts into the log as a mark.

// Each test takes what it needs of this.
#![allow(dead_code, unused_imports)]

mod fault;
mod operation_log;
mod platter;
pub mod random;
mod vfs;

pub use fault::{AfterFailedSync, Failure, Fault};
pub use operation_log::{Entry, FileId, Operation, OperationLog};
pub use platter::{Cut, Image, Platter, SECTOR};
pub use random::Random;
pub use vfs::{Disobedience, FaultyDisk};
