//! Any schedule of what can happen to several runs before a store, the loss of the process included.

use std::sync::{Arc, LazyLock};

use blazen::durable::at_rest;
use blazen::engine::{Definition, Durability, RunId, RunOptions};
use blazen::store::{CheckpointStore, MemoryStore, StoredRun};
use uuid::Uuid;

use super::bytes::Bytes;
use super::driven::{Driven, limit, workshop};
use super::ledger::Ledger;

static WORKSHOP: LazyLock<Arc<Definition>> = LazyLock::new(workshop);

const RUNS: u128 = 3;

/// The bytes as a schedule. Whatever has happened in it, every run comes to its end.
pub fn schedule(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut store = MemoryStore::new();
    let mut runs: Vec<Kept> = (1..=RUNS).map(|number| Kept::begin(number, &mut bytes)).collect();
    while !bytes.is_empty() {
        let what = bytes.byte();
        let run = &mut runs[usize::from(what) % RUNS as usize];
        match what / 16 {
            0 => run.is_lost(&mut store),
            1 => runs.iter_mut().for_each(|run| run.is_lost(&mut store)),
            2..5 => run.write(&mut store, 1),
            5..8 => run.write(&mut store, usize::MAX),
            8 => run.drain(),
            9 if bytes.below(8) == 0 => run.driven.abort(),
            _ => {
                run.driven.act(&mut bytes);
                if what & 8 == 0 {
                    run.drain();
                }
            }
        }
    }
    for run in &mut runs {
        run.comes_to_its_end(&mut store);
    }
}

/// A run, and what a store has of it.
struct Kept {
    id: Uuid,
    options: RunOptions,
    driven: Driven,
    ledger: Ledger,
}

impl Kept {
    fn begin(number: u128, bytes: &mut Bytes<'_>) -> Self {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number);
        let durability = [Durability::Sync, Durability::Async, Durability::Exit][bytes.below(3)];
        let options = RunOptions {
            time_limit: limit(bytes.flag()),
            durability: Some(durability),
            ..RunOptions::default()
        };
        let mut driven = Driven::start(&WORKSHOP, RunId(id), options, 0);
        driven.drain();
        Self { id, options, driven, ledger: Ledger::default() }
    }

    fn drain(&mut self) {
        self.driven.drain();
    }

    /// The store takes what there is to write, or the first of it.
    fn write(&mut self, store: &mut MemoryStore, most: usize) {
        let most = most.min(self.driven.unwritten.len());
        let batch: Vec<_> = self.driven.unwritten.drain(..most).collect();
        let taken = store.commit(&batch).expect("memory does not fail");
        for (commit, taken) in batch.iter().zip(taken) {
            assert_eq!(taken, Ok(()), "{commit:?}");
            self.ledger.book(commit);
            self.driven.run.durable(commit.version);
        }
        self.drain();
    }

    /// The process is lost with all that was not written; the next one takes the run up.
    fn is_lost(&mut self, store: &mut MemoryStore) {
        match self.load(store) {
            Some(stored) if stored.status.kind().is_ended() => return,
            Some(stored) => {
                let version = stored.version;
                let resumed = Driven::resume(&WORKSHOP, at_rest(stored), self.options, 0, version);
                self.driven = resumed.expect("the workflow is the same");
            }
            None => self.driven = Driven::start(&WORKSHOP, RunId(self.id), self.options, 0),
        }
        self.drain();
    }

    /// What the store has, which is what it was given.
    fn load(&self, store: &mut MemoryStore) -> Option<StoredRun> {
        let stored = store.load(self.id).expect("memory does not fail")?;
        self.ledger.compare(&stored);
        Some(stored)
    }

    fn comes_to_its_end(&mut self, store: &mut MemoryStore) {
        self.drain();
        self.write(store, usize::MAX);
        self.driven.go_on();
        self.drain();
        self.write(store, usize::MAX);
        while self.driven.run.outcome().is_none() {
            self.driven.come_closer_to_the_end();
            self.drain();
            self.write(store, usize::MAX);
        }
        assert!(self.load(store).is_some_and(|stored| stored.status.kind().is_ended()));
        assert!(self.ledger.has_ended());
    }
}
