//! From a stored run to one that can go on.

use std::time::Duration;

use serde::Deserialize;

use crate::engine::{
    DeliverySeq, Ending, HeldEvent, KeySpace, Origin, PendingDelivery, PendingEvent, RestingWait, RunAtRest,
    RunId, WaitKind, WallMillis,
};
use crate::error_code::ErrorCode;
use crate::store::{Status, StatusKind, StoredRun, UnixMillis, commit};

/// A stored run as the engine takes it up. One that stood as running when its process was lost may have begun whatever
/// is pending.
#[must_use]
pub fn at_rest(stored: StoredRun) -> RunAtRest {
    let mut state = KeySpace::default();
    for kept in stored.state {
        state.restore(kept.key, kept.place, kept.value);
    }
    let ending = stored.ending.map(|error| Ending { is_abort: is_abort(&error), error });
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
        ending,
        origin: Origin::Store {
            changes: stored.version,
            streamed: stored.streamed,
            paused,
            rewritten: false,
        },
    }
}

/// Counts the attempts that a process which was lost may have begun: of what is on its way, and of what was being undone.
/// Whoever rewrites a run begins so; of others the engine counts them when it goes on.
pub fn count_lost_attempts(run: &mut StoredRun) {
    if run.status != Status::Running {
        return;
    }
    let may_have_begun =
        |pending: &&mut commit::PendingDelivery| pending.due.is_none() && pending.held.is_none();
    let (done, on_their_way): (Vec<_>, Vec<_>) =
        run.pending.iter_mut().partition(|pending| pending.done.is_some());
    let begun: Vec<_> = match run.ending {
        Some(_) => done.into_iter().max_by_key(|pending| pending.done).into_iter().collect(),
        None => on_their_way,
    };
    for pending in begun.into_iter().filter(may_have_begun) {
        pending.attempt = pending.attempt.saturating_add(1);
    }
}

/// Whether an error that a run is about to end with says that somebody asked for it.
fn is_abort(error: &str) -> bool {
    #[derive(Deserialize)]
    struct Coded {
        code: String,
    }
    serde_json::from_str(error).is_ok_and(|Coded { code }| code == ErrorCode::Aborted.as_ref())
}

fn resting_wait(commit::Wait { id, kind, event, due, expiry }: commit::Wait) -> RestingWait {
    let kind = match kind {
        commit::WaitKind::Input => WaitKind::Input,
        commit::WaitKind::Expected => WaitKind::Expected,
        commit::WaitKind::Arrived => WaitKind::Arrived,
    };
    RestingWait::new(id, kind, event, due.map(|UnixMillis(due)| WallMillis(due)), expiry)
}

fn pending_event(pending: commit::PendingDelivery) -> PendingEvent {
    let commit::PendingDelivery {
        delivery,
        step,
        event,
        attempt,
        sent,
        due,
        held,
        gathered,
        done,
        added,
        event_type,
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
            done,
            added,
        }],
    }
}
