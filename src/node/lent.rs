//! Memory that JavaScript lends for the length of a call.

#![allow(unsafe_code)] // one call

use napi::bindgen_prelude::Float64ArraySlice;

/// The words of a lent array.
pub(super) fn words<'a>(lent: &'a mut Float64ArraySlice<'_>) -> &'a mut [f64] {
    // SAFETY: the slice is JavaScript's for the length of this call, and no JavaScript runs during it.
    unsafe { lent.as_mut() }
}
