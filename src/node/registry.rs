//! The runs of one JavaScript thread.
//!
//! A run is owned by the [`Context`](super::context::Context) object that JavaScript holds and is dropped with it.
//! Worker threads each have their own registry, so runs of two workers can never meet.

use std::cell::RefCell;
use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::errors::{ErrorCode, Result, error};
use super::hosted_run::HostedRun;

thread_local! {
    static RUNS: RefCell<Registry> = const { RefCell::new(Registry::new()) };
}

struct Registry {
    /// Each in a box: a table of many runs grows by doubling, and pointers are what it doubles.
    runs: HashMap<u64, Box<HostedRun>, FxBuildHasher>,
    last_key: u64,
}

impl Registry {
    const fn new() -> Self {
        Self { runs: HashMap::with_hasher(FxBuildHasher), last_key: 0 }
    }
}

/// The right to a run of this thread; gives the run up when dropped.
pub(super) struct OwnedRun {
    key: u64,
}

impl OwnedRun {
    pub(super) fn new(run: HostedRun) -> Self {
        let key = RUNS.with_borrow_mut(|registry| {
            registry.last_key += 1;
            let mut run = Box::new(run);
            run.is_called(registry.last_key);
            registry.runs.insert(registry.last_key, run);
            registry.last_key
        });
        Self { key }
    }

    /// The number under which JavaScript names the run; never used twice in a thread.
    pub(super) fn key(&self) -> RunKey {
        RunKey(self.key)
    }
}

impl Drop for OwnedRun {
    fn drop(&mut self) {
        // At the end of a thread the registry may be gone before the last object is collected. It is never in use:
        // Node-API does not collect during a call.
        let dropped = RUNS.try_with(|runs| runs.try_borrow_mut().ok()?.runs.remove(&self.key));
        drop(dropped);
    }
}

/// A run's number, as JavaScript passes it.
#[derive(Clone, Copy)]
pub(super) struct RunKey(u64);

impl RunKey {
    pub(super) fn new(key: u64) -> Self {
        Self(key)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an unknown number is an unknown run
    pub(super) fn from_js(number: f64) -> Self {
        Self(number as u64)
    }

    #[allow(clippy::cast_precision_loss)] // counts up from one: 2^53 runs are out of reach
    pub(super) fn to_js(self) -> f64 {
        self.0 as f64
    }

    /// Lends the run for the length of one call. What the call changes in a stored run goes to its store.
    pub(super) fn with<T>(self, use_run: impl FnOnce(&mut HostedRun) -> Result<T>) -> Result<T> {
        RUNS.with(|runs| {
            let mut registry = runs.try_borrow_mut().map_err(|_| {
                error(
                    ErrorCode::Internal,
                    "the engine was called while it was at work; this is a bug in blazen",
                )
            })?;
            match registry.runs.get_mut(&self.0) {
                Some(run) => {
                    let used = use_run(run);
                    run.send_changes();
                    used
                }
                None => {
                    Err(error(ErrorCode::Internal, "the engine has no such run; this is a bug in blazen"))
                }
            }
        })
    }
}
