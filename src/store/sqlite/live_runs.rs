//! What a commit must know of its run, for runs that were touched and have not ended.
//!
//! It is a cache of the file: it may be emptied at any time, and must be when a transaction has failed.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::commit::PendingDelivery;
use super::super::{StatusKind, UnixMillis};

/// At some hundred bytes a run, and up to a kilobyte for what its history carries.
const MOST_RUNS: usize = 50_000;

/// A run, as far as the next commit needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveRun {
    /// Its number in the file.
    pub(super) row: i64,
    pub(super) version: u64,
    pub(super) last_delivery: u64,
    pub(super) last_history: Option<i64>,
    /// Whether that entry carries a pending delivery.
    pub(super) carries: bool,
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

#[derive(Debug)]
struct Known {
    live: LiveRun,
    carried: Option<PendingDelivery>,
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct LiveRuns(HashMap<Uuid, Known>);

impl LiveRuns {
    pub(super) fn get(&self, run: Uuid) -> Option<LiveRun> {
        self.0.get(&run).map(|known| known.live)
    }

    /// The delivery that the history of a run carries.
    pub(super) fn carried(&self, run: Uuid) -> Option<&PendingDelivery> {
        self.0.get(&run)?.carried.as_ref()
    }

    /// Takes in how a run stands now, with the delivery that its history carries, or lets go of it if it has ended.
    pub(super) fn put(&mut self, run: Uuid, live: LiveRun, carried: Option<PendingDelivery>) {
        if live.status.is_ended() {
            self.0.remove(&run);
            return;
        }
        if let Some(known) = self.0.get_mut(&run) {
            *known = Known { live, carried };
            return;
        }
        // Whoever has so many runs at work gains little from a finer choice: one look-up a run brings it back.
        if self.0.len() == MOST_RUNS {
            self.0.clear();
        }
        self.0.insert(run, Known { live, carried });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
