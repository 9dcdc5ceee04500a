//! Strings across the boundary, read once and without loss.

#![allow(unsafe_code)] // Node-API is called directly: napi-rs asks V8 for every string twice

use std::mem::MaybeUninit;
use std::{ptr, slice};

use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Env, JsString, ValueType, check_status, sys};
use smallvec::SmallVec;

use super::errors::{self, Result};
use crate::ExactString;
use crate::engine::KeySpace;

/// Room for most keys and small values; a longer string is read a second time into memory of its own size.
const ON_STACK: usize = 256;
/// The longest a character may be in UTF-8: with less room left, the string may have been cut.
const LONGEST_CHARACTER: usize = 4;
/// What V8 puts where a lone surrogate was.
const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// UTF-8 that JavaScript has made well-formed, such as a JSON text.
pub struct WellFormed(SmallVec<[u8; ON_STACK]>);

impl WellFormed {
    pub(super) fn as_str(&self) -> &str {
        // V8 writes valid UTF-8; should it ever not, an empty text is refused as JSON further on.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A key or an id, with its lone surrogates, as WTF-8.
pub struct Exact(SmallVec<[u8; ON_STACK]>);

impl Exact {
    pub(super) fn as_wtf8(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn to_exact_string(&self) -> ExactString {
        ExactString::from_wtf8(&self.0)
    }

    pub(super) fn to_lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl FromNapiValue for WellFormed {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: both come from the call that is being served.
        unsafe { with_utf8(env, value, SmallVec::from_slice) }.map(Self)
    }
}

impl FromNapiValue for Exact {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: both come from the call that is being served.
        unsafe { with_wtf8(env, value, SmallVec::from_slice) }.map(Self)
    }
}

macro_rules! is_a_string {
    ($type:ty) => {
        impl TypeName for $type {
            fn type_name() -> &'static str {
                "String"
            }

            fn value_type() -> ValueType {
                ValueType::String
            }
        }

        impl ValidateNapiValue for $type {}
    };
}

is_a_string!(WellFormed);
is_a_string!(Exact);

/// A string for JavaScript. Text that is all ASCII, as most JSON is, is handed over without being decoded.
pub(super) fn to_js<'env>(env: &'env Env, text: &str) -> napi::Result<JsString<'env>> {
    if text.is_ascii() { env.create_string_latin1(text.as_bytes()) } else { env.create_string(text) }
}

/// A string for JavaScript, with its lone surrogates.
pub(super) fn exact_to_js<'env>(env: &'env Env, string: &ExactString) -> napi::Result<JsString<'env>> {
    match string.as_str() {
        Some(text) => to_js(env, text),
        None => env.create_string_utf16(string.to_utf16()),
    }
}

/// The keys of a key space for JavaScript, with their lone surrogates.
pub(super) fn keys_to_js<'env, V>(env: &'env Env, space: &KeySpace<V>) -> Result<Vec<JsString<'env>>> {
    let keys = space.in_order().into_iter().map(|(key, _)| exact_to_js(env, key));
    keys.collect::<napi::Result<_>>().map_err(errors::of_napi)
}

/// Lends the UTF-8 of a string.
///
/// # Safety
/// `env` and `value` must be of the call that is being served.
pub(super) unsafe fn with_utf8<T>(
    env: sys::napi_env,
    value: sys::napi_value,
    use_utf8: impl FnOnce(&[u8]) -> T,
) -> napi::Result<T> {
    let mut bytes = [MaybeUninit::<u8>::uninit(); ON_STACK];
    let mut written = 0;
    // SAFETY: the buffer has ON_STACK bytes, and Node-API writes no more, its closing NUL included.
    check_status!(unsafe {
        sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), ON_STACK, &raw mut written)
    })?;
    if written + LONGEST_CHARACTER < ON_STACK {
        // SAFETY: so many bytes were written.
        return Ok(use_utf8(unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), written) }));
    }
    // SAFETY: without a buffer only the length is written.
    check_status!(unsafe {
        sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut written)
    })?;
    let room = written + 1;
    let mut bytes: Vec<u8> = vec![0; room];
    // SAFETY: the buffer has `room` bytes.
    check_status!(unsafe {
        sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), room, &raw mut written)
    })?;
    Ok(use_utf8(&bytes[..written]))
}

/// Lends a string with its lone surrogates, as WTF-8.
///
/// # Safety
/// `env` and `value` must be of the call that is being served.
pub(super) unsafe fn with_wtf8<T>(
    env: sys::napi_env,
    value: sys::napi_value,
    use_wtf8: impl FnOnce(&[u8]) -> T,
) -> napi::Result<T> {
    let is_exact = |utf8: &[u8]| !utf8.windows(REPLACEMENT.len()).any(|window| window == REPLACEMENT);
    // SAFETY: as promised.
    let used = unsafe {
        with_utf8(env, value, |utf8| if is_exact(utf8) { Ok(use_wtf8(utf8)) } else { Err(use_wtf8) })
    }?;
    used.or_else(|use_wtf8| {
        // SAFETY: as promised.
        let units = unsafe { read_utf16(env, value) }?;
        Ok(use_wtf8(ExactString::from_utf16(&units).as_wtf8()))
    })
}

/// # Safety
/// `env` and `value` must be of the call that is being served.
unsafe fn read_utf16(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Vec<u16>> {
    let mut length = 0;
    // SAFETY: without a buffer only the length is written.
    check_status!(unsafe {
        sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &raw mut length)
    })?;
    let room = length + 1;
    let mut units: Vec<u16> = vec![0; room];
    // SAFETY: the buffer has `room` units.
    check_status!(unsafe {
        sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr(), room, &raw mut length)
    })?;
    units.truncate(length);
    Ok(units)
}
