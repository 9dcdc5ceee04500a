//! A run and its rows: what the engine changes as a store keeps it, and what a store keeps as the engine takes it up.
//!
//! The engine names events by number and steps by position; a store keeps texts and names. Neither knows the other:
//! this is where one becomes the other, and all of it is a matter of values.

#![forbid(unsafe_code)]

mod recorder;
#[cfg(test)]
mod stories;
mod taking_up;
mod unstored;

pub use recorder::Recorder;
pub use taking_up::{at_rest, count_lost_attempts};
pub use unstored::{UNKNOWN_STEPS, unstored};
