//! How the addon is loaded into a process, and what it does there for as long as that lives.

use napi::bindgen_prelude::{Object, retain_current_module_for_unload_safety};
use napi_derive::napi;

/// A commit is made on one thread and freed on another, which the system's allocators make both wait for. MSVC's tools
/// cannot build this one: what they build does with the system's. Where all features are on, a test of this package has an
/// allocator of its own.
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
