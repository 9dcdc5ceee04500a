//! What a commit must know of its run, for runs that were touched and have not ended.
//!
//! It is a cache of the file: it may be emptied at any time, and must be when a transaction has failed.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;
use uuid::Uuid;

use super::super::commit::PendingDelivery;
use super::super::{StatusKind, UnixMillis};

/// At about two hundred bytes a run, and what is known of its events.
const MOST_RUNS: usize = 50_000;
/// How many pending deliveries of one run are known: they are looked through one by one.
const MOST_DELIVERIES: usize = 16;
/// Larger events are read again: that costs little beside what they cost otherwise.
const LONGEST_EVENT: usize = 1_024;

/// A run, as far as the next commit needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveRun {
    /// Its number in the file.
    pub(super) row: i64,
    pub(super) version: u64,
    pub(super) last_history: Option<i64>,
    pub(super) counts: Counts,
    pub(super) status: StatusKind,
    pub(super) finished_at: Option<UnixMillis>,
    /// Whether it says why it has ended, or is about to.
    pub(super) has_error: bool,
    /// The checksum over what hardly ever changes in its record.
    pub(super) identity: u32,
}

/// How many records a run has in other tables. A record that an index has lost is missed by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pending: u64,
    pub(super) waits: u64,
    pub(super) state: u64,
    pub(super) streamed: u64,
}

/// A pending delivery as its history will tell of it, which then need not be read.
#[derive(Debug)]
pub(super) struct KnownDelivery {
    delivery: u64,
    pub(super) step: Arc<str>,
    pub(super) event: Arc<str>,
}

#[derive(Debug)]
struct Known {
    live: LiveRun,
    /// Some of what is pending.
    pending: SmallVec<[KnownDelivery; 1]>,
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct LiveRuns(HashMap<Uuid, Known>);

impl LiveRuns {
    pub(super) fn get(&self, run: Uuid) -> Option<LiveRun> {
        self.0.get(&run).map(|known| known.live)
    }

    /// Takes out what is known of a delivery that is about to settle.
    pub(super) fn take_delivery(&mut self, run: Uuid, delivery: u64) -> Option<KnownDelivery> {
        let pending = &mut self.0.get_mut(&run)?.pending;
        let position = pending.iter().position(|known| known.delivery == delivery)?;
        Some(pending.remove(position))
    }

    /// Takes in how a run stands now, or lets go of it if it has ended. What was known to be pending counts still.
    pub(super) fn put(&mut self, run: Uuid, live: LiveRun) {
        if live.status.is_ended() {
            self.0.remove(&run);
            return;
        }
        if let Some(known) = self.0.get_mut(&run) {
            known.live = live;
            return;
        }
        // Whoever has so many runs at work gains little from a finer choice: one look-up a run brings it back.
        if self.0.len() == MOST_RUNS {
            self.0.clear();
        }
        self.0.insert(run, Known { live, pending: SmallVec::new() });
    }

    /// These are pending now; if `all`, nothing else is.
    pub(super) fn note_pending(&mut self, run: Uuid, queued: &[PendingDelivery], all: bool) {
        let Some(Known { pending, .. }) = self.0.get_mut(&run) else { return };
        if all {
            pending.clear();
        }
        for PendingDelivery { delivery, step, event, .. } in queued {
            pending.retain(|known| known.delivery != *delivery);
            if pending.len() < MOST_DELIVERIES && event.len() <= LONGEST_EVENT {
                pending.push(KnownDelivery { delivery: *delivery, step: step.clone(), event: event.clone() });
            }
        }
    }

    /// What was known of a run is not to be trusted.
    pub(super) fn forget(&mut self, run: Uuid) {
        self.0.remove(&run);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
