//! A child of a run at rest, across the boundary.

use std::sync::Arc;

use napi_derive::napi;

use super::numbers::{number_from_js, number_to_js};
use crate::engine::{ChildAtRest, ChildRest, DeliverySeq};

/// A child of a run at rest.
#[napi(object)]
pub struct RestingChild {
    pub delivery: f64,
    pub position: u32,
    pub generation: u32,
    pub status: ChildStatus,
    /// The snapshot of one that is paused, the result of one that is completed with one, the error of one that has failed:
    /// a JSON text.
    pub text: Option<String>,
}

/// How a child stands.
#[napi(string_enum = "lowercase")]
#[derive(Clone, Copy)]
pub enum ChildStatus {
    Paused,
    Completed,
    Failed,
    /// It has failed, and a handler has been told.
    Told,
}

impl From<ChildAtRest> for RestingChild {
    fn from(child: ChildAtRest) -> Self {
        let ChildAtRest { delivery, position, generation, rest } = child;
        let (status, text) = match rest {
            ChildRest::Paused(snapshot) => (ChildStatus::Paused, Some(snapshot)),
            ChildRest::Completed(result) => (ChildStatus::Completed, result),
            ChildRest::Failed(error) => (ChildStatus::Failed, Some(error)),
            ChildRest::Told => (ChildStatus::Told, None),
        };
        let text = text.map(|text| text.to_string());
        Self { delivery: number_to_js(delivery.0), position, generation, status, text }
    }
}

impl From<RestingChild> for ChildAtRest {
    fn from(child: RestingChild) -> Self {
        let RestingChild { delivery, position, generation, status, text } = child;
        let text = text.map(Arc::<str>::from);
        let rest = match status {
            ChildStatus::Paused => ChildRest::Paused(text.unwrap_or_default()),
            ChildStatus::Completed => ChildRest::Completed(text),
            ChildStatus::Failed => ChildRest::Failed(text.unwrap_or_default()),
            ChildStatus::Told => ChildRest::Told,
        };
        Self { delivery: DeliverySeq(number_from_js(delivery)), position, generation, rest }
    }
}
