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

use napi::bindgen_prelude::{Object, retain_current_module_for_unload_safety};
use napi_derive::napi;

/// A commit is made on one thread and freed on another, which the system's allocators make both wait for. Tests have an
/// allocator of their own, which counts.
#[cfg(not(any(feature = "probes", target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Node.js unloads an addon when the last thread that has loaded it is about to end. This one stays: what its allocator
/// and its libraries keep for a thread is let go of after that, by their code.
#[napi(module_exports)]
#[allow(clippy::unnecessary_wraps)] // its form is given
pub fn stay_loaded(_exports: Object) -> napi::Result<()> {
    retain_current_module_for_unload_safety();
    Ok(())
}
