//! From a run at rest that no store has, such as that of a snapshot, to the form in which a store would give it.

use std::sync::Arc;

use crate::engine::{self, PendingEvent, RestingWait, RunAtRest};
use crate::store::commit::{Code, PendingDelivery, Wait, WaitKind};
use crate::store::stored_run::StoredValue;
use crate::store::{StoredRun, UnixMillis};

/// The steps of code of which only the version is known.
pub const UNKNOWN_STEPS: &str = "[]";

/// The run as a store would have it that knew of no commit of it. An event that is on its way to several steps is there
/// once for each.
#[must_use]
pub fn unstored(at_rest: RunAtRest, at: UnixMillis) -> StoredRun {
    let RunAtRest { id, workflow_name, workflow_version, state, pending_events, waits, .. } = at_rest;
    let code = workflow_version.map(|version| Code { version, steps: UNKNOWN_STEPS.into() });
    let values = state.in_order().into_iter().zip(0..).map(|((key, value), place)| StoredValue {
        key: key.clone(),
        place,
        value: value.clone(),
    });
    StoredRun {
        code,
        last_delivery: at_rest.last_delivery.0,
        time_remaining: at_rest
            .time_remaining
            .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        pending: pending_events.into_iter().flat_map(pending).collect(),
        ending: at_rest.ending.map(|ending| ending.error),
        waits: waits.into_iter().map(wait).collect(),
        state: values.collect(),
        ..StoredRun::begun(id.0, &workflow_name, at)
    }
}

fn wait(RestingWait { id, kind, json, due, expiry }: RestingWait) -> Wait {
    let kind = match kind {
        engine::WaitKind::Input => WaitKind::Input,
        engine::WaitKind::Expected => WaitKind::Expected,
        engine::WaitKind::Arrived => WaitKind::Arrived,
    };
    Wait { id, kind, event: json, due: due.map(|due| UnixMillis(due.0)), expiry }
}

fn pending(PendingEvent { json, deliveries }: PendingEvent) -> impl Iterator<Item = PendingDelivery> {
    let event_type = crate::engine::type_in_text(&json);
    deliveries.into_iter().map(move |delivery| PendingDelivery {
        delivery: delivery.seq.0,
        step: delivery.step,
        event_type: event_type.clone(),
        event: Arc::clone(&json),
        attempt: delivery.attempt,
        sent: delivery.sent,
        due: delivery.due.map(|due| UnixMillis(due.0)),
        held: delivery.held.map(|held| held.key),
        gathered: delivery.gathered,
        done: delivery.done,
        added: delivery.added,
    })
}
