//! The binding to Node.js, and the only module that knows of it.
//!
//! It translates and keeps; it decides nothing. Runs live in a [`registry`] of their JavaScript thread, under a
//! number. What happens at every hop goes through plain functions that take this number ([`hot_path`]), because a
//! method call on a wrapped object costs more than the rest of a hop; everything else is a method of a class. No function here calls back into JavaScript, so none can be re-entered.

#![allow(clippy::needless_pass_by_value)] // arguments come from JavaScript by value

mod by_hand;
mod connection;
mod context;
#[cfg(feature = "probes")]
mod driver_probe;
mod effects;
mod errors;
mod given_run;
mod hosted_run;
mod hot_path;
mod lent;
mod loaded_run;
mod loading;
mod mailbox;
mod numbers;
#[cfg(feature = "probes")]
mod panic_probe;
mod registry;
mod resting_child;
mod session_namespace;
mod settle;
mod state_namespace;
mod store;
mod store_in_javascript;
mod text;
mod workflow;
