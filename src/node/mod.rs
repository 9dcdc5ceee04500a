//! The binding to Node.js, and the only module that knows of it.
//!
//! It translates and keeps; it decides nothing. Runs live in a [`registry`] of their JavaScript thread, under a
//! number. What happens at every hop goes through plain functions that take this number ([`hot_path`]), because a
//! method call on a wrapped object costs more than the rest of a hop; everything else is a method of one of the
//! four classes. No function here calls back into JavaScript, so none can be re-entered.

#![allow(clippy::needless_pass_by_value)] // arguments come from JavaScript by value

mod context;
mod effects;
mod errors;
mod hot_path;
#[cfg(feature = "panic-probe")]
mod panic_probe;
mod registry;
mod session_namespace;
mod settle;
mod state_namespace;
mod text;
mod workflow;
