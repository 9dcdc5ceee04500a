//! How functions are exported by hand, for what is called at every hop.
//!
//! What `#[napi]` wraps around a function with arguments (a registry of borrowed objects, behind a lock) takes a quarter of
//! the time of a hop, and numbers and copies borrow nothing. To look up the memory of an array at each call would take a
//! tenth: functions are bound to a room, once for each JavaScript thread.
//!
//! No function that is exported so throws: it gives a number that says what went wrong.

#![allow(unsafe_code)] // Node-API is called directly, and calls these functions

use std::ffi::c_void;
use std::{ptr, slice};

use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, Unknown};
use napi::{check_status, sys};
use napi_derive::napi;

use super::text;

/// The length of a room.
#[napi]
pub const ROOM_WORDS: u32 = 320;

/// A function for JavaScript, bound to a room.
///
/// # Safety
/// The environment must be that of the call that is being served, and `room` a room that is there whenever the function is
/// called.
pub(super) unsafe fn bound(
    env: sys::napi_env,
    call: sys::napi_callback,
    room: &mut [f64; ROOM_WORDS as usize],
) -> napi::Result<Unknown<'static>> {
    let room = room.as_mut_ptr().cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: an anonymous function needs no name.
    check_status!(unsafe { sys::napi_create_function(env, ptr::null(), 0, call, room, &raw mut function) })?;
    // SAFETY: as promised.
    unsafe { Unknown::from_napi_value(env, function) }
}

/// What a function was called with.
pub(super) struct Arguments<const COUNT: usize> {
    env: sys::napi_env,
    values: [sys::napi_value; COUNT],
}

impl<const COUNT: usize> Arguments<COUNT> {
    /// The arguments, and the room that the function is bound to.
    ///
    /// # Safety
    /// Both must be of the call that is being served, and the function one that is [`bound`].
    pub(super) unsafe fn of<'call>(
        env: sys::napi_env,
        info: sys::napi_callback_info,
    ) -> Option<(Self, &'call mut [f64])> {
        let (mut values, mut count, mut room) = ([ptr::null_mut(); COUNT], COUNT, ptr::null_mut());
        // SAFETY: as promised; what is missing of the arguments is set to `undefined`.
        let status = unsafe {
            let values = values.as_mut_ptr();
            sys::napi_get_cb_info(env, info, &raw mut count, values, ptr::null_mut(), &raw mut room)
        };
        if status != sys::Status::napi_ok {
            return None;
        }
        // SAFETY: the function is bound to a room of this length, and no JavaScript runs during the call.
        let room = unsafe { slice::from_raw_parts_mut(room.cast::<f64>(), ROOM_WORDS as usize) };
        Some((Self { env, values }, room))
    }

    pub(super) fn number<Number: FromNapiValue>(&self, index: usize) -> Option<Number> {
        // SAFETY: the arguments are of this call.
        unsafe { Number::from_napi_value(self.env, self.values[index]) }.ok()
    }

    /// Lends a string with its lone surrogates, as WTF-8.
    pub(super) fn exact<T>(&self, index: usize, use_wtf8: impl FnOnce(&[u8]) -> T) -> Option<T> {
        // SAFETY: the arguments are of this call.
        unsafe { text::with_wtf8(self.env, self.values[index], use_wtf8) }.ok()
    }

    /// Lends a string that JavaScript has made well-formed, such as a JSON text.
    pub(super) fn text<T>(&self, index: usize, use_text: impl FnOnce(&str) -> T) -> Option<T> {
        // SAFETY: the arguments are of this call.
        let used = unsafe {
            text::with_utf8(self.env, self.values[index], |utf8| std::str::from_utf8(utf8).ok().map(use_text))
        };
        used.ok().flatten()
    }
}

/// What a function gives.
pub(super) fn give(env: sys::napi_env, number: i32) -> sys::napi_value {
    // SAFETY: the environment is that of the call that is being served.
    unsafe { i32::to_napi_value(env, number) }.unwrap_or(ptr::null_mut())
}
