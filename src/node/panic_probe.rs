//! Exports that panic, so that a test can show what becomes of a panic.

use napi_derive::napi;

/// Panics.
#[napi(catch_unwind)]
pub fn panic_now() {
    panic!("asked to panic");
}

/// In place of an event type: `settle` panics.
#[napi]
pub const PANIC_EVENT: i32 = -99;
