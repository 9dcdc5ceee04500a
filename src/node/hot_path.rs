//! What happens at every hop, as functions by number: a method call on a wrapped object would cost as much again.

use napi::bindgen_prelude::{BufferSlice, Either3, Float64ArraySlice, Null, Uint32ArraySlice};
use napi::{Env, JsString};
use napi_derive::napi;
use smallvec::SmallVec;

use super::effects::{self, invocation_from_js};
use super::errors::{self, ErrorCode, Result, error};
use super::lent;
use super::numbers::number_to_js;
use super::registry::RunKey;
use super::text::{self, Exact, WellFormed};
use crate::engine::{Emission, EventTypeId, PayloadRef, Special};
use crate::{NewValue, StateValue};

/// How deep a value may be nested.
#[napi]
pub const MAX_DEPTH: u32 = crate::engine::MAX_DEPTH;

/// How many runs may be above a run.
#[napi]
pub const MAX_RUN_DEPTH: u32 = crate::engine::MAX_RUN_DEPTH;

/// In place of an event type: nothing is emitted.
#[napi]
pub const NO_EVENT: i32 = -1;
/// In place of an event type: the workflow does not know it, and `name` says what it is called.
#[napi]
pub const UNKNOWN_EVENT: i32 = -2;
#[napi]
pub const START_EVENT: i32 = EventTypeId::START.0.cast_signed();
#[napi]
pub const STOP_EVENT: i32 = EventTypeId::STOP.0.cast_signed();
#[napi]
pub const INPUT_REQUEST_EVENT: i32 = EventTypeId::INPUT_REQUEST.0.cast_signed();
#[napi]
pub const INPUT_RESPONSE_EVENT: i32 = EventTypeId::INPUT_RESPONSE.0.cast_signed();

/// Takes effects as `drain` of `hopCalls` does, but into any room.
#[napi(catch_unwind)]
pub fn drain_into(run: f64, mut lent: Float64ArraySlice) -> Result<i32> {
    RunKey::from_js(run).with(|run| effects::write(run, lent::words(&mut lent)))
}

/// The handler of `invocation` sends an event. `name` is the id of an input request, or the name of an unknown type.
/// Says whether the run goes on, and is not about to end because of that.
#[napi(catch_unwind)]
pub fn send(run: f64, invocation: f64, event_type: i32, payload: u32, name: Option<Exact>) -> Result<bool> {
    let emission = emission(event_type, payload, name.as_ref())?;
    RunKey::from_js(run).with(|run| {
        let was_undoing = run.is_undoing();
        run.send(invocation_from_js(invocation), emission).map_err(errors::to_js)?;
        Ok(run.outcome().is_none() && (was_undoing || !run.is_undoing()))
    })
}

/// Adds to what `invocation` emits when it settles. `name` is as for `send`.
#[napi(catch_unwind)]
pub fn stage(run: f64, invocation: f64, event_type: i32, payload: u32, name: Option<Exact>) -> Result<()> {
    let emission = emission(event_type, payload, name.as_ref())?;
    RunKey::from_js(run)
        .with(|run| run.stage(invocation_from_js(invocation), emission).map_err(errors::to_js))
}

/// Throws if `invocation` has settled or its run has ended.
#[napi(catch_unwind)]
pub fn expect_in_flight(run: f64, invocation: f64) -> Result<()> {
    RunKey::from_js(run)
        .with(|run| run.expect_in_flight(invocation_from_js(invocation)).map_err(errors::to_js))
}

/// The number of what `invocation` is an attempt at. Throws as `expectInFlight` does.
#[napi(catch_unwind)]
pub fn delivery_of(run: f64, invocation: f64) -> Result<f64> {
    RunKey::from_js(run).with(|run| {
        let delivery = run.delivery_of(invocation_from_js(invocation)).map_err(errors::to_js)?;
        Ok(number_to_js(delivery.0))
    })
}

/// The JSON text of an event of a stored run, or of the result in a stop event, empty if it has none: to be handed over
/// before the engine is given the payload, or by `settleStored`.
#[napi(catch_unwind)]
pub fn hand_over(run: f64, payload: u32, json: WellFormed) -> Result<()> {
    RunKey::from_js(run).with(|run| {
        run.hand_over(PayloadRef(payload), json.as_str());
        Ok(())
    })
}

/// The handler of `invocation` writes an event, of which `json` is the text, to a stream that is kept.
#[napi(catch_unwind)]
pub fn write_to_stream(run: f64, invocation: f64, payload: u32, json: WellFormed) -> Result<()> {
    RunKey::from_js(run).with(|run| {
        run.expect_in_flight(invocation_from_js(invocation)).map_err(errors::to_js)?;
        if let Some(recorder) = run.recorder() {
            recorder.keep_text(PayloadRef(payload), json.as_str().into());
        }
        run.write_to_stream(invocation_from_js(invocation), PayloadRef(payload)).map_err(errors::to_js)
    })
}

/// What was written to the stream since the last change goes to the store.
#[napi(catch_unwind)]
pub fn seal_stream(run: f64) -> Result<()> {
    RunKey::from_js(run).with(|run| {
        run.seal_stream();
        Ok(())
    })
}

/// The handler of `invocation` puts its event, of that type, aside under a key, until there are as many of each type as
/// are wanted: the first `words` of `lent` are a type, how many, a type, ... Then it gives them, type by type.
#[napi(catch_unwind)]
pub fn collect(
    run: f64,
    invocation: f64,
    key: Exact,
    event_type: u32,
    lent: Uint32ArraySlice,
    words: u32,
) -> Result<Option<Vec<u32>>> {
    let wanted = lent.get(..words as usize).unwrap_or_default();
    let (pairs, _) = wanted.as_chunks::<2>();
    let wanted: SmallVec<[_; 4]> = pairs.iter().map(|[id, count]| (EventTypeId(*id), *count)).collect();
    RunKey::from_js(run).with(|run| {
        let own = EventTypeId(event_type);
        let collected = run.collect(invocation_from_js(invocation), &key.to_exact_string(), own, &wanted);
        let payloads = collected.map_err(errors::to_js)?;
        Ok(payloads.map(|payloads| payloads.into_iter().map(|payload| payload.0).collect()))
    })
}

/// The value at `key` for `invocation`: JSON text, bytes, or `null` if there is none.
#[napi(catch_unwind)]
pub fn state_get(
    env: &Env,
    run: f64,
    invocation: f64,
    key: Exact,
) -> Result<Either3<JsString<'_>, BufferSlice<'_>, Null>> {
    RunKey::from_js(run).with(|run| {
        let found = run.get(invocation_from_js(invocation), key.as_wtf8()).map_err(errors::to_js)?;
        state_value_to_js(env, found)
    })
}

/// The warning of the lost update that `setState` of `hopCalls` was.
#[napi(catch_unwind)]
pub fn take_conflict(run: f64) -> Result<Option<String>> {
    RunKey::from_js(run).with(|run| Ok(run.take_warning()))
}

/// Sets `key` to a JSON text on behalf of `invocation`. Gives the warning of a lost update, if there is one. `setState` of
/// `hopCalls` does the same, and does not throw.
#[napi(catch_unwind)]
pub fn state_set(run: f64, invocation: f64, key: Exact, json: WellFormed) -> Result<Option<String>> {
    RunKey::from_js(run).with(|run| {
        run.set(invocation_from_js(invocation), key.as_wtf8(), NewValue::Json(json.as_str()))
            .map_err(errors::to_js)?;
        Ok(run.take_warning())
    })
}

/// As `stateSet`, for a text that comes of the one that stands there: if it is committed before `invocation` settles, its
/// next attempt is given it by `remembered`.
#[napi(catch_unwind)]
pub fn state_add(run: f64, invocation: f64, key: Exact, json: WellFormed) -> Result<Option<String>> {
    RunKey::from_js(run).with(|run| {
        run.add(invocation_from_js(invocation), key.as_wtf8(), NewValue::Json(json.as_str()))
            .map_err(errors::to_js)?;
        Ok(run.take_warning())
    })
}

/// A value of the state, if there is one: JSON text, bytes, or `null`.
pub(super) fn state_value_to_js<'env>(
    env: &'env Env,
    value: Option<&StateValue>,
) -> Result<Either3<JsString<'env>, BufferSlice<'env>, Null>> {
    let value = match value {
        Some(StateValue::Json(json)) => text::to_js(env, json).map(Either3::A),
        Some(StateValue::Bytes(bytes)) => BufferSlice::copy_from(env, bytes).map(Either3::B),
        None => Ok(Either3::C(Null)),
    };
    value.map_err(errors::of_napi)
}

/// What a handler emits, from the numbers that name it.
pub(super) fn emission(event_type: i32, payload: u32, name: Option<&Exact>) -> Result<Emission> {
    let payload = PayloadRef(payload);
    match (event_type, name) {
        (STOP_EVENT, _) => Ok(Emission::Stop { payload }),
        (INPUT_REQUEST_EVENT, Some(id)) => {
            Ok(Special::InputRequest { request_id: id.to_exact_string(), payload, expiry: None }.into())
        }
        (UNKNOWN_EVENT, Some(name)) => Ok(Special::Unknown { event_type: name.to_lossy() }.into()),
        (known, _) => match u32::try_from(known) {
            Ok(id) if known != INPUT_REQUEST_EVENT => {
                Ok(Emission::Event { event_type: EventTypeId(id), payload })
            }
            _ => Err(error(ErrorCode::Internal, "an event without the name that it needs")),
        },
    }
}
