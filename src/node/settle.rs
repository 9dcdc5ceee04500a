//! The calls of every hop: a handler has returned, and what is to be done next.
//!
//! They are exported by hand. What `#[napi]` wraps around a function with arguments (a registry of borrowed objects,
//! behind a lock) takes a quarter of the time of a hop, and numbers borrow nothing. To look up the memory of an array at
//! each call would take a tenth: they are bound to a room, once for each JavaScript thread.

#![allow(unsafe_code)] // `extern "C"` functions, which only Node-API calls, and the room

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use napi::bindgen_prelude::{Float64ArraySlice, FromNapiValue, JsObjectValue, Object, ToNapiValue, Unknown};
use napi::{Env, check_status, sys};
use napi_derive::napi;

use super::effects::{self, invocation_from_js};
use super::errors::{self, ErrorCode, Result, error};
use super::hot_path::{NO_EVENT, emission};
use super::registry::RunKey;

/// The length of a room.
#[napi]
pub const ROOM_WORDS: u32 = 320;

/// In place of a number of words: nothing was taken, and `expectInFlight` says why.
#[napi]
pub const NOT_SETTLED: i32 = -1;
/// In place of a number of words: the engine panicked, and the run cannot go on.
#[napi]
pub const PANICKED: i32 = -2;

/// Gives the calls of every hop, which write effects into `room` and give the number of words written. Whoever can call
/// them must hold the room, and not give its memory away.
#[napi(catch_unwind, ts_return_type = "HopCalls")]
pub fn hop_calls(env: Env, room: Float64ArraySlice) -> Result<Object<'static>> {
    if room.len() != ROOM_WORDS as usize {
        return Err(error(ErrorCode::Internal, "a room of another length"));
    }
    let words = room.as_ptr().cast_mut().cast::<c_void>();
    let mut calls = Object::new(&env).map_err(errors::of_napi)?;
    let by_hand: [(_, sys::napi_callback); 2] =
        [("settle", Some(settle_by_hand)), ("drain", Some(drain_by_hand))];
    for (name, call) in by_hand {
        // SAFETY: the environment is that of this call.
        let function = unsafe { bound(env.raw(), call, words) }.map_err(errors::of_napi)?;
        calls.set_named_property(name, function).map_err(errors::of_napi)?;
    }
    Ok(calls)
}

/// # Safety
/// The environment must be that of the call that is being served.
unsafe fn bound(
    env: sys::napi_env,
    call: sys::napi_callback,
    words: *mut c_void,
) -> napi::Result<Unknown<'static>> {
    let mut function = ptr::null_mut();
    // SAFETY: an anonymous function needs no name.
    check_status!(unsafe { sys::napi_create_function(env, ptr::null(), 0, call, words, &raw mut function) })?;
    // SAFETY: as above.
    unsafe { Unknown::from_napi_value(env, function) }
}

/// No error and no panic leaves it.
unsafe extern "C" fn settle_by_hand(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let settled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        let (call, room) = unsafe { Arguments::<5>::of(env, info)? };
        let (run, invocation, event_type, payload, has_time) =
            (call.get(0)?, call.get(1)?, call.get(2)?, call.get(3)?, call.get(4)?);
        let room = if has_time { room } else { &mut [] };
        settle(run, invocation, event_type, payload, room).ok()
    }));
    give(env, settled.map_or(PANICKED, |taken| taken.unwrap_or(NOT_SETTLED)))
}

/// No error and no panic leaves it.
unsafe extern "C" fn drain_by_hand(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let drained = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        let (call, room) = unsafe { Arguments::<1>::of(env, info)? };
        RunKey::from_js(call.get(0)?).with(|run| effects::write(run, room)).ok()
    }));
    give(env, drained.ok().flatten().unwrap_or(PANICKED))
}

fn settle(run: f64, invocation: f64, event_type: i32, payload: u32, room: &mut [f64]) -> Result<i32> {
    #[cfg(feature = "probes")]
    assert!(event_type != super::panic_probe::PANIC_EVENT, "asked to panic");
    RunKey::from_js(run).with(|run| {
        let last = match event_type {
            NO_EVENT => None,
            known => Some(emission(known, payload, None)?),
        };
        run.settle(invocation_from_js(invocation), last).map_err(errors::to_js)?;
        effects::write(run, room)
    })
}

/// What a call was made with.
struct Arguments<const COUNT: usize> {
    env: sys::napi_env,
    values: [sys::napi_value; COUNT],
}

impl<const COUNT: usize> Arguments<COUNT> {
    /// The arguments, and the room that the function is bound to.
    ///
    /// # Safety
    /// Both must be of the call that is being served, and the function one of `hop_calls`.
    unsafe fn of<'call>(
        env: sys::napi_env,
        info: sys::napi_callback_info,
    ) -> Option<(Self, &'call mut [f64])> {
        let (mut values, mut count, mut words) = ([ptr::null_mut(); COUNT], COUNT, ptr::null_mut());
        // SAFETY: as promised; what is missing of the arguments is set to `undefined`.
        let status = unsafe {
            let values = values.as_mut_ptr();
            sys::napi_get_cb_info(env, info, &raw mut count, values, ptr::null_mut(), &raw mut words)
        };
        if status != sys::Status::napi_ok {
            return None;
        }
        // SAFETY: `hop_calls` has bound the function to a room of this length, which its caller holds, and no JavaScript
        // runs during the call.
        let room = unsafe { slice::from_raw_parts_mut(words.cast::<f64>(), ROOM_WORDS as usize) };
        Some((Self { env, values }, room))
    }

    fn get<Value: FromNapiValue>(&self, index: usize) -> Option<Value> {
        // SAFETY: the arguments are of this call.
        unsafe { Value::from_napi_value(self.env, self.values[index]) }.ok()
    }
}

fn give(env: sys::napi_env, words: i32) -> sys::napi_value {
    // SAFETY: the environment is that of the call that is being served.
    unsafe { i32::to_napi_value(env, words) }.unwrap_or(ptr::null_mut())
}
