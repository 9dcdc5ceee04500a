//! Strings across the boundary, read once and without loss.

#![allow(unsafe_code)] // Node-API is called directly: napi-rs asks V8 for every string twice

use std::ptr;

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
        unsafe { read_utf8(env, value) }.map(Self)
    }
}

impl FromNapiValue for Exact {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: both come from the call that is being served.
        let utf8 = unsafe { read_utf8(env, value) }?;
        if !utf8.windows(REPLACEMENT.len()).any(|window| window == REPLACEMENT) {
            return Ok(Self(utf8));
        }
        // SAFETY: as above.
        let units = unsafe { read_utf16(env, value) }?;
        Ok(Self(SmallVec::from_slice(ExactString::from_utf16(&units).as_wtf8())))
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

/// # Safety
/// `env` and `value` must be of the call that is being served.
unsafe fn read_utf8(env: sys::napi_env, value: sys::napi_value) -> napi::Result<SmallVec<[u8; ON_STACK]>> {
    let mut bytes: SmallVec<[u8; ON_STACK]> = SmallVec::from_buf([0; ON_STACK]);
    let mut written = 0;
    // SAFETY: the buffer has ON_STACK bytes, and Node-API writes no more, its closing NUL included.
    check_status!(unsafe {
        sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), ON_STACK, &raw mut written)
    })?;
    if written + LONGEST_CHARACTER < ON_STACK {
        bytes.truncate(written);
        return Ok(bytes);
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
    bytes.truncate(written);
    Ok(SmallVec::from_vec(bytes))
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
