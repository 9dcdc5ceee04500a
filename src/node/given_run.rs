//! What a store in JavaScript gives as a run, checked before the engine goes on with it: a run that is damaged is told as
//! such, and not failed for it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::errors::{Error, ErrorCode, Result, error};
use crate::StateValue;
use crate::engine::check_added;
use crate::store::{Status, StoredRun};

/// Whether a run holds together.
pub(super) fn check(run: &StoredRun) -> Result<()> {
    let mut last = 0;
    for pending in &run.pending {
        if pending.delivery <= last || pending.delivery > run.last_delivery {
            return Err(no_run("its pending deliveries are not in order, or greater than lastDelivery"));
        }
        last = pending.delivery;
        if pending.attempt == 0 {
            return Err(no_run("an attempt is 0, and the first one is 1"));
        }
        check_event(&pending.event)?;
        if let Some(added) = &pending.added {
            check_added(added).map_err(|refused| no_run(&format!("what was added is not: {refused}")))?;
        }
    }
    let mut waits = BTreeSet::new();
    for wait in &run.waits {
        check_event(&wait.event)?;
        wait.expiry.as_deref().map_or(Ok(()), check_event)?;
        if !waits.insert(&wait.id) {
            return Err(no_run(&format!("the wait {:?} is there twice", wait.id)));
        }
    }
    if let Some(ending) = &run.ending {
        check_json(ending, "what it ends with")?;
    }
    let mut keys = BTreeSet::new();
    for kept in &run.state {
        if let StateValue::Json(json) = &kept.value {
            check_json(json, "a value of the state")?;
        }
        if !keys.insert(&kept.key) {
            return Err(no_run(&format!("the state key {:?} is there twice", kept.key)));
        }
    }
    match &run.status {
        Status::Completed { result: Some(result) } => check_json(result, "the result"),
        Status::Failed { error } | Status::Cancelled { error } => check_json(error, "the error"),
        _ => Ok(()),
    }
}

pub(super) fn no_run(reason: &str) -> Error {
    error(ErrorCode::StoreCorrupt, format!("the store gave what is no run: {reason}"))
}

fn check_json(json: &str, what: &str) -> Result<()> {
    let read = serde_json::from_str::<&RawValue>(json);
    read.map(drop).map_err(|refused| no_run(&format!("{what} is no JSON: {refused}")))
}

fn check_event(json: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow, rename = "type")]
        name: &'a RawValue,
    }
    match serde_json::from_str::<Event<'_>>(json) {
        Ok(event) if event.name.get().starts_with('"') => Ok(()),
        Ok(_) => Err(no_run("the type of an event is no text")),
        Err(refused) => Err(no_run(&format!("an event is none: {refused}"))),
    }
}
