//! A store, and the queue before it.
//!
//! Commits wait in the memory of a process. A batch of them becomes durable, and only later is that reported. A store
//! belongs to the last process that has opened it, and takes nothing from any other.

use std::collections::VecDeque;

use blazen::store::{CheckpointStore, Commit, MemoryStore, Refusal, StoreError, StoredRun};

use super::auditor::{Auditor, id_of, number_of};
use super::chance::Chance;
use super::sabotage::Sabotage;
use super::sights::Sight;

pub struct Disk {
    pub store: MemoryStore,
    owner: u64,
    sabotage: Option<Sabotage>,
}

/// Who has a run: which run, and which of its holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub run: usize,
    pub number: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Report {
    Committed(u64),
    Refused,
    /// Perhaps it was taken, and perhaps not.
    Failed,
}

pub struct Writer {
    owner: u64,
    queue: VecDeque<(Holder, Commit)>,
    reports: VecDeque<(Holder, Report)>,
    sabotage: Option<Sabotage>,
}

impl Disk {
    pub fn new(sabotage: Option<Sabotage>) -> Self {
        Self { store: MemoryStore::new(), owner: 0, sabotage }
    }

    /// A process opens the store, and whoever had it has lost it.
    pub fn open(&mut self, auditor: &mut Auditor) -> Writer {
        self.owner += 1;
        auditor.is_owned_by(self.owner);
        let sabotage = self.sabotage;
        Writer { owner: self.owner, queue: VecDeque::new(), reports: VecDeque::new(), sabotage }
    }

    pub fn load(&mut self, run: usize) -> Option<StoredRun> {
        self.store.load(id_of(run)).expect("the store is open")
    }

    fn commit(
        &mut self,
        batch: &[Commit],
        owner: u64,
        auditor: &mut Auditor,
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        if owner != self.owner && self.sabotage != Some(Sabotage::SkipTheFence) {
            if !batch.is_empty() {
                auditor.sees(Sight::LateWriterRefused);
            }
            return Err(StoreError::TakenOver { path: "memory".into() });
        }
        Ok(batch.iter().map(|commit| self.take(commit, owner, auditor)).collect())
    }

    fn take(&mut self, commit: &Commit, owner: u64, auditor: &mut Auditor) -> Result<(), Refusal> {
        let mut taken = self.store.commit(std::slice::from_ref(commit)).expect("the store is open").remove(0);
        if self.sabotage == Some(Sabotage::SkipTheVersionCheck)
            && let Err(Refusal::Conflict { found: found @ 1.., .. }) = taken
        {
            let forged = Commit { version: found + 1, ..commit.clone() };
            taken = self.store.commit(&[forged]).expect("the store is open").remove(0);
        }
        if taken.is_ok() {
            auditor.taken(commit, owner, &mut self.store);
        }
        taken
    }
}

impl Writer {
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.reports.is_empty()
    }

    /// Whether anything of the run is still on its way to the store.
    pub fn knows(&self, run: usize) -> bool {
        self.queue.iter().any(|(holder, _)| holder.run == run)
    }

    pub fn push(&mut self, holder: Holder, commit: Commit) {
        if self.sabotage == Some(Sabotage::AcknowledgeBeforeCommit) {
            self.reports.push_back((holder, Report::Committed(commit.version)));
        }
        self.queue.push_back((holder, commit));
    }

    /// Up to `most` commits become durable as one batch, and will be reported.
    pub fn write(&mut self, most: usize, disk: &mut Disk, auditor: &mut Auditor, chance: &mut Chance) {
        let batch = self.next_batch(most);
        let (holders, commits): (Vec<Holder>, Vec<Commit>) = batch.into_iter().unzip();
        let taken = match self.sabotage.filter(|_| chance.one_in(8)) {
            Some(sabotage) => sabotage.writes(&commits, |batch| disk.commit(batch, self.owner, auditor)),
            None => disk.commit(&commits, self.owner, auditor),
        };
        if self.sabotage == Some(Sabotage::AcknowledgeBeforeCommit) {
            return;
        }
        match taken {
            Ok(taken) => {
                for ((holder, commit), taken) in holders.into_iter().zip(&commits).zip(taken) {
                    let report = taken.map_or(Report::Refused, |()| Report::Committed(commit.version));
                    self.reports.push_back((holder, report));
                }
            }
            Err(_) => self.reports.extend(holders.into_iter().map(|holder| (holder, Report::Failed))),
        }
    }

    /// The device fails: of a batch some first commits are durable, and the writer does not know which.
    pub fn fail(&mut self, most: usize, disk: &mut Disk, auditor: &mut Auditor, chance: &mut Chance) {
        let batch = self.next_batch(most);
        let stored = chance.index(batch.len() + 1);
        auditor.sees(Sight::DeviceFailure);
        let commits: Vec<Commit> = batch[..stored].iter().map(|(_, commit)| commit.clone()).collect();
        _ = disk.commit(&commits, self.owner, auditor);
        self.reports.extend(batch.into_iter().map(|(holder, _)| (holder, Report::Failed)));
    }

    /// The process is lost while a batch is on its way: some first commits of the queue are durable, and nobody is
    /// told. What is left may come late, if it is only the connection that was lost.
    pub fn crash(&mut self, disk: &mut Disk, auditor: &mut Auditor, chance: &mut Chance) {
        let stored = chance.index(self.queue.len() + 1);
        auditor.sees(Sight::ProcessLost);
        if (1..self.queue.len()).contains(&stored) {
            auditor.sees(Sight::PartOfTheQueueStored);
        }
        let commits: Vec<Commit> = self.queue.drain(..stored).map(|(_, commit)| commit).collect();
        _ = disk.commit(&commits, self.owner, auditor);
        self.reports.clear();
    }

    pub fn next_report(&mut self) -> Option<(Holder, Report)> {
        self.reports.pop_front()
    }

    fn next_batch(&mut self, most: usize) -> Vec<(Holder, Commit)> {
        self.queue.drain(..most.min(self.queue.len())).collect()
    }
}

/// Of each run, which of its commits stand where.
pub fn of_one_run(commits: &[Commit]) -> Option<(usize, usize)> {
    let second_at = |first: usize| {
        let run = number_of(commits[first].run);
        (first + 1..commits.len()).find(|second| number_of(commits[*second].run) == run)
    };
    (0..commits.len()).find_map(|first| Some((first, second_at(first)?)))
}
