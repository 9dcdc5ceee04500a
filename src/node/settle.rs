//! The calls of every hop: a handler writes to the state, it has returned, and what is to be done next.

#![allow(unsafe_code)] // `extern "C"` functions, which only Node-API calls

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{Float64ArraySlice, JsObjectValue, Object};
use napi::{Env, sys};
use napi_derive::napi;

use super::by_hand::{Arguments, bound, give};
use super::effects::{self, invocation_from_js};
use super::errors::{self, ErrorCode, Result, error};
use super::hosted_run::HostedRun;
use super::hot_path::{NO_EVENT, emission};
use super::lent;
use super::registry::RunKey;
use crate::NewValue;
use crate::engine::PayloadRef;

/// In place of a number of words: nothing was taken, and `expectInFlight` says why.
#[napi]
pub const NOT_SETTLED: i32 = -1;
/// In place of a number of words: the engine panicked, and the run cannot go on.
#[napi]
pub const PANICKED: i32 = -2;

/// The key was set.
#[napi]
pub const SET: i32 = 0;
/// It was, and that was a lost update: `takeConflict` gives the warning.
#[napi]
pub const SET_IN_CONFLICT: i32 = 1;
/// Nothing was set, and `stateSet` says why.
#[napi]
pub const NOT_SET: i32 = -1;

/// Gives the calls of every hop, which write effects into `room` and give the number of words written. Whoever can call
/// them must hold the room, and not give its memory away.
#[napi(catch_unwind, ts_return_type = "HopCalls")]
pub fn hop_calls(env: Env, mut room: Float64ArraySlice) -> Result<Object<'static>> {
    let Ok(room) = <&mut [f64; _]>::try_from(lent::words(&mut room)) else {
        return Err(error(ErrorCode::Internal, "a room of another length"));
    };
    let by_hand: [(_, sys::napi_callback); 4] = [
        ("setState", Some(set_state)),
        ("settle", Some(settle)),
        ("settleStored", Some(settle_stored)),
        ("drain", Some(drain)),
    ];
    let mut calls = Object::new(&env).map_err(errors::of_napi)?;
    for (name, call) in by_hand {
        // SAFETY: the environment is that of this call, and whoever calls the function holds the room.
        let function = unsafe { bound(env.raw(), call, room) }.map_err(errors::of_napi)?;
        calls.set_named_property(name, function).map_err(errors::of_napi)?;
    }
    Ok(calls)
}

unsafe extern "C" fn set_state(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let set = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        let (call, _) = unsafe { Arguments::<4>::of(env, info)? };
        let (run, invocation) = (RunKey::from_js(call.number(0)?), invocation_from_js(call.number(1)?));
        call.exact(2, |key| {
            call.text(3, |json| {
                run.with(|run| {
                    run.set(invocation, key, NewValue::Json(json)).map_err(errors::to_js)?;
                    Ok(if run.has_conflict() { SET_IN_CONFLICT } else { SET })
                })
            })
        })??
        .ok()
    }));
    give(env, set.ok().flatten().unwrap_or(NOT_SET))
}

unsafe extern "C" fn settle(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let settled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        let (call, room) = unsafe { Arguments::<5>::of(env, info)? };
        let returned = Returned::read(&call)?;
        returned.run.with(|run| returned.settle(run, room)).ok()
    }));
    give(env, settled.map_or(PANICKED, |taken| taken.unwrap_or(NOT_SETTLED)))
}

unsafe extern "C" fn settle_stored(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let settled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        let (call, room) = unsafe { Arguments::<6>::of(env, info)? };
        let returned = Returned::read(&call)?;
        let settled = call.text(5, |json| {
            returned.run.with(|run| {
                run.hand_over(returned.payload, json);
                returned.settle(run, room)
            })
        });
        settled?.ok()
    }));
    give(env, settled.map_or(PANICKED, |taken| taken.unwrap_or(NOT_SETTLED)))
}

unsafe extern "C" fn drain(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let drained = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Node-API passes the environment and the arguments of the call that it makes.
        let (call, room) = unsafe { Arguments::<1>::of(env, info)? };
        RunKey::from_js(call.number(0)?).with(|run| effects::write(run, room)).ok()
    }));
    give(env, drained.ok().flatten().unwrap_or(PANICKED))
}

/// A handler has returned one event or none.
struct Returned {
    run: RunKey,
    invocation: f64,
    event_type: i32,
    payload: PayloadRef,
    has_time: bool,
}

impl Returned {
    fn read<const COUNT: usize>(call: &Arguments<COUNT>) -> Option<Self> {
        let event_type = call.number(2)?;
        #[cfg(feature = "probes")]
        assert!(event_type != super::panic_probe::PANIC_EVENT, "asked to panic");
        Some(Self {
            run: RunKey::from_js(call.number(0)?),
            invocation: call.number(1)?,
            event_type,
            payload: PayloadRef(call.number(3)?),
            has_time: call.number(4)?,
        })
    }

    fn settle(&self, run: &mut HostedRun, room: &mut [f64]) -> Result<i32> {
        let last = match self.event_type {
            NO_EVENT => None,
            known => Some(emission(known, self.payload.0, None)?),
        };
        run.settle(invocation_from_js(self.invocation), last).map_err(errors::to_js)?;
        effects::write(run, if self.has_time { room } else { &mut [] })
    }
}
