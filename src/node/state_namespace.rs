//! `StateNamespace`: the saved values of one run. Reading and writing a JSON value is in `hot_path`.

use napi::Env;
use napi::JsString;
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use super::effects::invocation_from_js;
use super::errors::{self, Result};
use super::registry::RunKey;
use super::text::{self, Exact};
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
    /// Sets `key` to a copy of `bytes` on behalf of `invocation`.
    #[napi(catch_unwind)]
    pub fn write_bytes(&self, invocation: f64, key: Exact, bytes: Uint8ArraySlice) -> Result<()> {
        self.run.with(|run| {
            run.set(invocation_from_js(invocation), key.as_wtf8(), NewValue::Bytes(&bytes))
                .map_err(errors::to_js)
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

    /// Takes `key` out on behalf of `invocation` and says whether it was there.
    #[napi(catch_unwind)]
    pub fn take_out(&self, invocation: f64, key: Exact) -> Result<bool> {
        self.run.with(|run| run.remove(invocation_from_js(invocation), key.as_wtf8()).map_err(errors::to_js))
    }

    /// The keys, in the order in which they were first set.
    #[napi(catch_unwind)]
    pub fn list_keys<'env>(&self, env: &'env Env, invocation: f64) -> Result<Vec<JsString<'env>>> {
        self.run.with(|run| {
            text::keys_to_js(env, run.keys(invocation_from_js(invocation)).map_err(errors::to_js)?)
        })
    }
}
