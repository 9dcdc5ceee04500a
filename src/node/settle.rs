//! The one call of every hop: a handler has returned.
//!
//! It is exported by hand. What `#[napi]` wraps around a function with arguments (a registry of borrowed objects,
//! behind a lock) takes a quarter of the time of a hop, and numbers borrow nothing.

#![allow(unsafe_code)] // an `extern "C"` function, which only Node-API calls

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{
    CallbackInfo, Float64ArraySlice, FromNapiValue, JsObjectValue, Object, ToNapiValue,
};
use napi::sys;
use napi_derive::napi;

use super::effects::{self, invocation_from_js};
use super::errors::{self, Result};
use super::hot_path::{NO_EVENT, emission};
use super::registry::RunKey;

/// In place of a number of words: nothing was taken, and `expectInFlight` says why.
#[napi]
pub const NOT_SETTLED: i32 = -1;
/// In place of a number of words: the engine panicked, and the run cannot go on.
#[napi]
pub const PANICKED: i32 = -2;

#[napi(module_exports)]
pub fn export_settle(mut exports: Object) -> napi::Result<()> {
    exports.create_named_method("settle", settle_by_hand)
}

/// `settle(run, invocation, eventType, payload, lent)`: no error and no panic leaves it.
extern "C" fn settle_by_hand(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let settled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        unsafe { read_and_settle(env, info) }
    }));
    let words = settled.map_or(PANICKED, |taken| taken.unwrap_or(NOT_SETTLED));
    // SAFETY: as above.
    unsafe { i32::to_napi_value(env, words) }.unwrap_or(ptr::null_mut())
}

/// # Safety
/// Both must be of the call that is being served.
unsafe fn read_and_settle(env: sys::napi_env, info: sys::napi_callback_info) -> Option<i32> {
    let arguments = CallbackInfo::<5>::new(env, info, Some(5), false).ok()?;
    // SAFETY: the arguments are of this call.
    let (run, invocation, event_type, payload, lent) = unsafe {
        (
            f64::from_napi_value(env, arguments.get_arg(0)).ok()?,
            f64::from_napi_value(env, arguments.get_arg(1)).ok()?,
            i32::from_napi_value(env, arguments.get_arg(2)).ok()?,
            u32::from_napi_value(env, arguments.get_arg(3)).ok()?,
            Float64ArraySlice::from_napi_value(env, arguments.get_arg(4)).ok()?,
        )
    };
    #[cfg(feature = "probes")]
    assert!(event_type != super::panic_probe::PANIC_EVENT, "asked to panic");
    settle(run, invocation, event_type, payload, lent).ok()
}

fn settle(
    run: f64,
    invocation: f64,
    event_type: i32,
    payload: u32,
    lent: Float64ArraySlice<'_>,
) -> Result<i32> {
    RunKey::from_js(run).with(|run| {
        let last = match event_type {
            NO_EVENT => None,
            known => Some(emission(known, payload, None)?),
        };
        run.settle(invocation_from_js(invocation), last).map_err(errors::to_js)?;
        effects::write(run, lent)
    })
}
