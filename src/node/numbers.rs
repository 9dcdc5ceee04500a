//! Counts and times across the boundary, where every number is a double.

use uuid::Uuid;

use super::errors::{ErrorCode, Result, error};
use crate::store::UnixMillis;

#[allow(clippy::cast_precision_loss)] // counts up from one: 2^53 are out of reach
pub(super) fn number_to_js(number: u64) -> f64 {
    number as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a number that we have given out
pub(super) fn number_from_js(number: f64) -> u64 {
    number as u64
}

#[allow(clippy::cast_precision_loss)] // milliseconds since 1970
pub(super) fn time_to_js(time: UnixMillis) -> f64 {
    time.0 as f64
}

pub(super) fn parse_id(run_id: &str) -> Result<Uuid> {
    Uuid::try_parse(run_id).map_err(|_| {
        error(ErrorCode::InvalidArgument, format!("the id of a run must be a UUID, and is {run_id:?}"))
    })
}
