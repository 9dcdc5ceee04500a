//! The checker is proved: stores and disks that break their word are found out.

use std::path::Path;
use std::sync::Arc;

use blazen::store::stored_run::HistoryEntry;
use blazen::store::{CheckpointStore, Commit, Refusal, RunPage, RunQuery, StoreError, StoredRun, UnixMillis};
use uuid::Uuid;

use crate::cutting::Cutting;
use crate::driver::{Open, Store, open_sqlite};
use crate::expected_runs::scripts;
use crate::faulty_disk::{Disobedience, FaultyDisk};
use crate::recording::Recording;
use crate::settings::seed;

/// A driver that is broken on purpose.
struct Broken {
    sound: Store,
    bug: Bug,
    /// What was acknowledged and is not committed.
    owed: Vec<Commit>,
}

#[derive(Clone, Copy)]
enum Bug {
    AcknowledgesBeforeItCommits,
    CommitsHalfOfABatch,
    LosesAWrittenKey,
    LosesAnEvent,
    ForgetsToPrune,
}

impl Broken {
    fn open(path: &Path, vfs: Option<String>, bug: Bug) -> Result<Store, StoreError> {
        Ok(Box::new(Self { sound: open_sqlite(path, vfs)?, bug, owed: Vec::new() }))
    }

    fn pay(&mut self) -> Result<(), StoreError> {
        let owed = std::mem::take(&mut self.owed);
        self.sound.commit(&owed).map(drop)
    }
}

impl CheckpointStore for Broken {
    fn commit(&mut self, batch: &[Commit]) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        self.pay()?;
        let mut batch = batch.to_vec();
        let answers = batch.iter().map(|_| Ok(())).collect();
        match self.bug {
            Bug::AcknowledgesBeforeItCommits => self.owed = std::mem::take(&mut batch),
            Bug::CommitsHalfOfABatch => self.owed = batch.split_off(batch.len().div_ceil(2)),
            Bug::LosesAWrittenKey => {
                if let Some(commit) = batch.iter_mut().find(|commit| commit.written.len() > 2) {
                    commit.written.pop();
                }
            }
            Bug::LosesAnEvent => {
                if let Some(commit) = batch.iter_mut().find(|commit| commit.queued.len() > 1) {
                    commit.queued.pop();
                }
            }
            Bug::ForgetsToPrune => {}
        }
        self.sound.commit(&batch)?;
        Ok(answers)
    }

    fn load(&mut self, run: Uuid) -> Result<Option<StoredRun>, StoreError> {
        self.sound.load(run)
    }

    fn runs(&mut self, query: &RunQuery) -> Result<RunPage, StoreError> {
        self.sound.runs(query)
    }

    fn history(&mut self, run: Uuid) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        self.sound.history(run)
    }

    fn stream(&mut self, run: Uuid, from: u64, at_most: usize) -> Result<Option<Vec<Arc<str>>>, StoreError> {
        self.sound.stream(run, from, at_most)
    }

    fn prune(
        &mut self,
        finished_before: UnixMillis,
        at_most: usize,
        unwritten: &[Uuid],
    ) -> Result<usize, StoreError> {
        self.pay()?;
        match self.bug {
            Bug::ForgetsToPrune => Ok(0),
            _ => self.sound.prune(finished_before, at_most, unwritten),
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.pay()?;
        self.sound.close()
    }
}

/// Plays the scripts until the checker objects, and says how.
fn objection(disk: fn(u64) -> FaultyDisk, open: Open) -> Option<String> {
    scripts(seed()).into_iter().find_map(|(name, calls)| {
        let disk = disk(seed());
        let recording = Recording::of(calls, &disk, open);
        let found = Cutting::new(seed(), 1).everywhere(&recording);
        found.err().map(|wrong| format!("{name}: {wrong}"))
    })
}

/// The checker objects to the bug, for the reason that the bug gives it.
fn is_found(reason: &str, disk: fn(u64) -> FaultyDisk, open: Open) {
    let objection = objection(disk, open).expect("the bug is found");
    assert!(objection.contains(reason), "{objection}");
}

#[test]
fn a_commit_that_is_acknowledged_early_is_missed() {
    is_found("is lost; it had version", FaultyDisk::new, |path, vfs| {
        Broken::open(path, vfs, Bug::AcknowledgesBeforeItCommits)
    });
}

#[test]
fn half_a_batch_is_not_enough() {
    is_found("acknowledged", FaultyDisk::new, |path, vfs| Broken::open(path, vfs, Bug::CommitsHalfOfABatch));
}

#[test]
fn a_written_key_is_missed() {
    is_found("written was", FaultyDisk::new, |path, vfs| Broken::open(path, vfs, Bug::LosesAWrittenKey));
}

#[test]
fn an_event_is_missed() {
    is_found("written was", FaultyDisk::new, |path, vfs| Broken::open(path, vfs, Bug::LosesAnEvent));
}

#[test]
fn a_run_that_should_be_gone_is_noticed() {
    is_found("was pruned and is there", FaultyDisk::new, |path, vfs| {
        Broken::open(path, vfs, Bug::ForgetsToPrune)
    });
}

#[test]
fn a_disk_that_never_syncs_is_found_out() {
    is_found("", |seed| FaultyDisk::that_ignores(Disobedience::EverySync, seed), open_sqlite);
}

#[test]
fn a_commit_without_a_sync_is_found_out() {
    is_found("", |seed| FaultyDisk::that_ignores(Disobedience::SyncsOfTheLog, seed), open_sqlite);
}

#[test]
fn a_checkpoint_without_a_sync_is_found_out() {
    is_found("", |seed| FaultyDisk::that_ignores(Disobedience::SyncsOfTheDatabase, seed), open_sqlite);
}
