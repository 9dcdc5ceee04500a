//! `SessionNamespace`: the values of one run that stay in this process.
//!
//! They are `serde_json::Value`s: equal to what was set, never identical, and without the lone surrogates that a
//! `Value` cannot hold.

use napi::Env;
use napi::JsString;
use napi_derive::napi;

use super::effects::invocation_from_js;
use super::errors::{self, ErrorCode, Result, error};
use super::registry::RunKey;
use super::text::{self, Exact, WellFormed};

/// The values of one run that stay in this process.
#[napi]
pub struct SessionNamespace {
    run: RunKey,
}

impl SessionNamespace {
    pub(super) fn new(run: RunKey) -> Self {
        Self { run }
    }
}

#[napi]
impl SessionNamespace {
    /// The JSON text of the value at `key`, or `null` if there is none.
    #[napi(catch_unwind)]
    pub fn read<'env>(&self, env: &'env Env, key: Exact) -> Result<Option<JsString<'env>>> {
        self.run.with(|run| match run.session().map_err(errors::to_js)?.get(key.as_wtf8()) {
            Some(value) => text::to_js(env, &value.to_string()).map(Some).map_err(errors::of_napi),
            None => Ok(None),
        })
    }

    /// Sets `key` to the value of a JSON text on behalf of `invocation`.
    #[napi(catch_unwind)]
    pub fn write(&self, invocation: f64, key: Exact, json: WellFormed) -> Result<()> {
        self.run.with(|run| {
            let session = run.session_mut(invocation_from_js(invocation)).map_err(errors::to_js)?;
            let value = serde_json::from_str(json.as_str())
                .map_err(|refused| error(ErrorCode::NotSerializable, refused.to_string()))?;
            session.set(key.as_wtf8(), value);
            Ok(())
        })
    }

    /// Whether `key` has a value.
    #[napi(catch_unwind)]
    pub fn contains(&self, key: Exact) -> Result<bool> {
        self.run.with(|run| Ok(run.session().map_err(errors::to_js)?.get(key.as_wtf8()).is_some()))
    }

    /// Takes `key` out on behalf of `invocation` and says whether it was there.
    #[napi(catch_unwind)]
    pub fn take_out(&self, invocation: f64, key: Exact) -> Result<bool> {
        self.run.with(|run| {
            let session = run.session_mut(invocation_from_js(invocation)).map_err(errors::to_js)?;
            Ok(session.remove(key.as_wtf8()))
        })
    }

    /// The keys, in the order in which they were first set.
    #[napi(catch_unwind)]
    pub fn list_keys<'env>(&self, env: &'env Env) -> Result<Vec<JsString<'env>>> {
        self.run.with(|run| text::keys_to_js(env, run.session().map_err(errors::to_js)?))
    }
}
