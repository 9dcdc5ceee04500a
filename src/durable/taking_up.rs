//! From a stored run to one that can go on.

use std::time::Duration;

use crate::engine::{
    DeliverySeq, HeldEvent, KeySpace, Origin, PendingDelivery, PendingEvent, RestingWait, RunAtRest, RunId,
    WaitKind, WallMillis,
};
use crate::store::{StatusKind, StoredRun, UnixMillis, commit};

/// A stored run as the engine takes it up. One that stood as running when its process was lost may have begun whatever
/// is pending.
#[must_use]
pub fn at_rest(stored: StoredRun) -> RunAtRest {
    let mut state = KeySpace::default();
    for kept in stored.state {
        state.restore(kept.key, kept.place, kept.value);
    }
    let paused = stored.status.kind() == StatusKind::Paused;
    RunAtRest {
        id: RunId(stored.id),
        workflow_name: stored.workflow,
        workflow_version: stored.code.map(|code| code.version),
        state,
        pending_events: stored.pending.into_iter().map(pending_event).collect(),
        waits: stored.waits.into_iter().map(resting_wait).collect(),
        time_remaining: stored.time_remaining.map(Duration::from_millis),
        last_delivery: DeliverySeq(stored.last_delivery),
        children: Vec::new(), // they are runs of a store themselves
        origin: Origin::Store {
            changes: stored.version,
            streamed: stored.streamed,
            paused,
            rewritten: false,
        },
    }
}

fn resting_wait(commit::Wait { id, kind, event, due, expiry }: commit::Wait) -> RestingWait {
    let kind = match kind {
        commit::WaitKind::Input => WaitKind::Input,
        commit::WaitKind::Expected => WaitKind::Expected,
        commit::WaitKind::Arrived => WaitKind::Arrived,
    };
    // Without a time nothing goes out.
    let expiry = expiry.filter(|_| due.is_some());
    RestingWait { id, kind, json: event, due: due.map(|UnixMillis(due)| WallMillis(due)), expiry }
}

fn pending_event(pending: commit::PendingDelivery) -> PendingEvent {
    let commit::PendingDelivery {
        delivery, step, event, attempt, sent, due, held, gathered, event_type, ..
    } = pending;
    let held = held.map(|key| HeldEvent { key, event_type });
    let due = due.map(|UnixMillis(due)| WallMillis(due));
    PendingEvent {
        json: event,
        deliveries: vec![PendingDelivery {
            seq: DeliverySeq(delivery),
            step,
            attempt,
            sent,
            due,
            held,
            gathered,
        }],
    }
}
