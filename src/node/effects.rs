//! Effects as rows of numbers, in memory that the caller lends for the length of a call.
//!
//! | effect | words |
//! | --- | --- |
//! | invoke | `EFFECT_INVOKE`, invocation, step, payload, attempt |
//! | compensate | `EFFECT_COMPENSATE`, and the same |
//! | release | `EFFECT_RELEASE`, payload |
//! | publish | `EFFECT_PUBLISH`, payload |
//! | stream | `EFFECT_STREAM`, payload |
//! | paused | `EFFECT_PAUSED` |
//! | undoing | `EFFECT_UNDOING` |
//! | ended | `EFFECT_ENDED`, stop event, or `NO_STOP_EVENT` if the run was not completed |
//!
//! What does not fit stays in the engine. A driver that has no time now comes back later.

use napi_derive::napi;

use super::errors::{ErrorCode, Result, error};
use super::hosted_run::HostedRun;
use crate::engine::{Effect, Invocation, InvocationId, Outcome, PayloadRef};

#[napi]
pub const EFFECT_INVOKE: u32 = 0;
#[napi]
pub const EFFECT_RELEASE: u32 = 1;
#[napi]
pub const EFFECT_PUBLISH: u32 = 2;
#[napi]
pub const EFFECT_PAUSED: u32 = 3;
#[napi]
pub const EFFECT_ENDED: u32 = 4;
#[napi]
pub const EFFECT_COMPENSATE: u32 = 5;
#[napi]
pub const EFFECT_UNDOING: u32 = 6;

#[napi]
pub const EFFECT_STREAM: u32 = 7;

/// In place of a payload: the run ended without a stop event, and `Context.outcome` says how.
#[napi]
pub const NO_STOP_EVENT: i32 = -1;

/// Words of the longest effect.
#[napi]
pub const LONGEST_EFFECT: u32 = 5;

/// Moves effects from the run into `words` and gives the number of those written.
pub(super) fn write(run: &mut HostedRun, words: &mut [f64]) -> Result<i32> {
    let mut written = 0;
    while words.len() - written >= LONGEST_EFFECT as usize {
        let Some(effect) = run.poll_effect() else { break };
        let row = &mut words[written..];
        written += match effect {
            Effect::Invoke(invocation) => {
                run.begins(invocation.id);
                of_invocation(row, EFFECT_INVOKE, invocation)
            }
            Effect::Compensate(invocation) => {
                run.begins(invocation.id);
                of_invocation(row, EFFECT_COMPENSATE, invocation)
            }
            Effect::Release(payload) => {
                if let Some(recorder) = run.recorder() {
                    recorder.forget_text(payload);
                }
                of_payload(row, EFFECT_RELEASE, payload)
            }
            Effect::Publish(payload) => of_payload(row, EFFECT_PUBLISH, payload),
            Effect::Stream(payload) => of_payload(row, EFFECT_STREAM, payload),
            Effect::Paused => {
                row[0] = f64::from(EFFECT_PAUSED);
                1
            }
            Effect::Undoing => {
                row[0] = f64::from(EFFECT_UNDOING);
                1
            }
            Effect::Ended => {
                row[0] = f64::from(EFFECT_ENDED);
                row[1] = match run.outcome() {
                    Some(Outcome::Completed { stop }) => f64::from(stop.0),
                    _ => f64::from(NO_STOP_EVENT),
                };
                2
            }
        };
    }
    i32::try_from(written).map_err(|_| error(ErrorCode::Internal, "more effects than a number can count"))
}

fn of_invocation(row: &mut [f64], effect: u32, invocation: Invocation) -> usize {
    row[0] = f64::from(effect);
    row[1] = invocation_to_js(invocation.id);
    row[2] = f64::from(invocation.step.0);
    row[3] = f64::from(invocation.payload.0);
    row[4] = f64::from(invocation.attempt);
    LONGEST_EFFECT as usize
}

fn of_payload(row: &mut [f64], effect: u32, payload: PayloadRef) -> usize {
    row[0] = f64::from(effect);
    row[1] = f64::from(payload.0);
    2
}

#[allow(clippy::cast_precision_loss)] // counts up from one: 2^53 invocations are out of reach
pub(super) fn invocation_to_js(invocation: InvocationId) -> f64 {
    invocation.0 as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an unknown number is an unknown invocation
pub(super) fn invocation_from_js(number: f64) -> InvocationId {
    InvocationId(number as u64)
}
