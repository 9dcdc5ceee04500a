//! `StateNamespace`: the saved values of one run. Reading and writing a JSON value is in `hot_path`.

use napi::Env;
use napi::JsString;
use napi::bindgen_prelude::{BufferSlice, Either, Either3, Null, Uint8ArraySlice};
use napi_derive::napi;

use super::effects::invocation_from_js;
use super::errors::{self, Result};
use super::hot_path::state_value_to_js;
use super::numbers::number_to_js;
use super::registry::RunKey;
use super::text::{self, Exact, WellFormed};
use crate::{NewValue, StateValue};

/// The saved values of one run.
#[napi]
pub struct StateNamespace {
    run: RunKey,
}

impl StateNamespace {
    pub(super) fn new(run: RunKey) -> Self {
        Self { run }
    }
}

#[napi]
impl StateNamespace {
    /// Sets `key` to a copy of `bytes` on behalf of `invocation`. Gives the warning of a lost update, if there is one.
    #[napi(catch_unwind)]
    pub fn write_bytes(&self, invocation: f64, key: Exact, bytes: Uint8ArraySlice) -> Result<Option<String>> {
        self.run.with(|run| {
            run.set(invocation_from_js(invocation), key.as_wtf8(), NewValue::Bytes(&bytes))
                .map_err(errors::to_js)?;
            Ok(run.take_warning())
        })
    }

    /// As `writeBytes`, for bytes that come of what stands there.
    #[napi(catch_unwind)]
    pub fn add_bytes(&self, invocation: f64, key: Exact, bytes: Uint8ArraySlice) -> Result<Option<String>> {
        self.run.with(|run| {
            run.add(invocation_from_js(invocation), key.as_wtf8(), NewValue::Bytes(&bytes))
                .map_err(errors::to_js)?;
            Ok(run.take_warning())
        })
    }

    /// `invocation` is about to add to `key`: what that has given to an earlier attempt, if one has done it for good. Then
    /// it is not to be done again.
    #[napi(catch_unwind)]
    pub fn remembered<'env>(
        &self,
        env: &'env Env,
        invocation: f64,
        key: Exact,
    ) -> Result<Either3<JsString<'env>, BufferSlice<'env>, Null>> {
        self.run.with(|run| {
            let found =
                run.remembered(invocation_from_js(invocation), key.as_wtf8()).map_err(errors::to_js)?;
            state_value_to_js(env, found.as_ref())
        })
    }

    /// Nothing has come of what `invocation` was about to add to `key`.
    #[napi(catch_unwind)]
    pub fn refused(&self, invocation: f64, key: Exact) -> Result<()> {
        self.run.with(|run| {
            run.refused(invocation_from_js(invocation), key.as_wtf8());
            Ok(())
        })
    }

    /// Puts `items`, a JSON text without its brackets, behind those of the array at `key`, and gives its length.
    #[napi(catch_unwind)]
    pub fn extend_array(&self, invocation: f64, key: Exact, items: WellFormed) -> Result<f64> {
        self.run.with(|run| {
            let length = run
                .append(invocation_from_js(invocation), key.as_wtf8(), items.as_str())
                .map_err(errors::to_js)?;
            Ok(number_to_js(length as u64))
        })
    }

    /// As `stateGet`, for bookkeeping: that `invocation` has got the value, and sets the key later, is no lost update.
    #[napi(catch_unwind)]
    pub fn peek<'env>(
        &self,
        env: &'env Env,
        invocation: f64,
        key: Exact,
    ) -> Result<Either3<JsString<'env>, BufferSlice<'env>, Null>> {
        self.run.with(|run| {
            let found = run.peek(invocation_from_js(invocation), key.as_wtf8()).map_err(errors::to_js)?;
            state_value_to_js(env, found)
        })
    }

    /// What `invocation` has got at `key` does not matter to what it will set there.
    #[napi(catch_unwind)]
    pub fn disregard(&self, invocation: f64, key: Exact) -> Result<()> {
        self.run.with(|run| {
            run.disregard(invocation_from_js(invocation), key.as_wtf8());
            Ok(())
        })
    }

    /// The JSON text that would stand at `key` if every handler at work were cut short, if that is what stands there.
    #[napi(catch_unwind)]
    pub fn committed_json<'env>(&self, env: &'env Env, key: Exact) -> Result<Option<JsString<'env>>> {
        self.run.with(|run| match run.committed(key.as_wtf8()) {
            Some(StateValue::Json(json)) => text::to_js(env, json).map(Some).map_err(errors::of_napi),
            _ => Ok(None),
        })
    }

    /// Whether `key` has a value for `invocation`.
    #[napi(catch_unwind)]
    pub fn contains(&self, invocation: f64, key: Exact) -> Result<bool> {
        self.run.with(|run| {
            let found = run.get(invocation_from_js(invocation), key.as_wtf8()).map_err(errors::to_js)?;
            Ok(found.is_some())
        })
    }

    /// Takes `key` out on behalf of `invocation` and says whether it was there: with the warning of a lost update, if
    /// there is one.
    #[napi(catch_unwind)]
    pub fn take_out(&self, invocation: f64, key: Exact) -> Result<Either<bool, String>> {
        self.run.with(|run| {
            let was_there =
                run.remove(invocation_from_js(invocation), key.as_wtf8()).map_err(errors::to_js)?;
            Ok(run.take_warning().map_or(Either::A(was_there), Either::B))
        })
    }

    /// The keys, in the order in which they were first set.
    #[napi(catch_unwind)]
    pub fn list_keys<'env>(&self, env: &'env Env, invocation: f64) -> Result<Vec<JsString<'env>>> {
        self.run.with(|run| {
            text::keys_to_js(env, run.keys(invocation_from_js(invocation)).map_err(errors::to_js)?)
        })
    }
}
