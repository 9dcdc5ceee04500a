//! `blazen`: an event-driven, durable workflow engine.
//!
//! * [`engine`]: one run as a value. Pure: no I/O, no clock, no randomness, no threads.
//! * `node`: the binding to Node.js, and the only part that knows of it (feature `node`).
//!
//! Arrows point down only: `node` drives `engine`, which does not know of it.

#![allow(clippy::disallowed_methods)] // the list is what `engine` must not use; it denies them itself

pub mod durable;
pub mod engine;
pub mod error_code;
mod exact_string;
#[cfg(all(feature = "node", not(test)))] // the symbols of Node-API are only there inside Node.js
mod node;
mod state_value;
pub mod store;

pub use exact_string::ExactString;
pub use state_value::{NewValue, StateValue, Written};
