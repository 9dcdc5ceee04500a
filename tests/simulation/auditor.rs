//! Who knows what must be so, and says what is not.
//!
//! The auditor keeps a ledger for each run: what its holder has made, what of that is durable, and what has ever
//! happened in it. It believes nobody: not the engine, not the writer, and not the store.

mod timers;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use blazen::engine::{Durability, Invocation};
use blazen::store::{CheckpointStore, Commit, MemoryStore};
use uuid::Uuid;

use super::expected::{Expected, Rest, Told, Waiting, json};
use super::sights::{Sight, Sights};
use super::workload::place_of;
use timers::Timers;

pub struct Auditor {
    /// The first thing that was not as it must be.
    pub violation: Option<String>,
    /// A hash of all that was committed, in order.
    pub digest: u64,
    pub sights: Sights,
    ledgers: Vec<Ledger>,
    newest_owner: u64,
    is_telling: bool,
}

pub struct Ledger {
    durability: Durability,
    /// How many changes are durable.
    pub version: u64,
    /// How the run stands after them.
    pub rest: Rest,
    told: Told,
    timers: Timers,
    /// Changes that were made and are not durable, and the state and the timers that they tell.
    ahead: VecDeque<Expected>,
    told_ahead: Told,
    timers_ahead: Timers,
    settled: HashSet<u64>,
    undone: HashSet<u64>,
    queued: HashSet<u64>,
    /// The attempts at deliveries, and at undoing them.
    attempted: HashMap<(u64, bool), u32>,
}

/// A handler is called, or a compensation.
pub struct Call<'a> {
    pub invocation: Invocation,
    pub is_compensation: bool,
    pub event: &'a str,
}

impl Auditor {
    pub fn new(is_telling: bool) -> Self {
        Self {
            violation: None,
            digest: 0,
            sights: Sights::default(),
            ledgers: Vec::new(),
            newest_owner: 0,
            is_telling,
        }
    }

    pub fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds && self.violation.is_none() {
            let violation = violation();
            self.tell(|| format!("VIOLATION: {violation}"));
            self.violation = Some(violation);
        }
    }

    pub fn sees(&mut self, sight: Sight) {
        self.sights.sees(sight);
    }

    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.is_telling {
            println!("{}", what());
        }
    }

    pub fn ledger(&self, run: usize) -> &Ledger {
        &self.ledgers[run]
    }

    /// A run that no store knows yet.
    pub fn opens(&mut self, durability: Durability) -> usize {
        self.ledgers.push(Ledger {
            durability,
            version: 0,
            rest: Rest::new(),
            told: Told::default(),
            timers: Timers::default(),
            ahead: VecDeque::new(),
            told_ahead: Told::default(),
            timers_ahead: Timers::default(),
            settled: HashSet::new(),
            undone: HashSet::new(),
            queued: HashSet::new(),
            attempted: HashMap::new(),
        });
        self.ledgers.len() - 1
    }

    /// A run that goes on from a snapshot of another.
    pub fn opens_copy(&mut self, of: usize) -> usize {
        let copy = self.opens(self.ledgers[of].durability);
        self.ledgers[copy].settled = self.ledgers[of].settled.clone();
        self.ledgers[copy].undone = self.ledgers[of].undone.clone();
        self.ledgers[copy].queued = self.ledgers[of].queued.clone();
        copy
    }

    pub fn is_owned_by(&mut self, owner: u64) {
        self.newest_owner = owner;
    }

    /// Whoever had the run has lost it; what of it is not durable never will be.
    pub fn is_let_go(&mut self, run: usize) {
        let ledger = &mut self.ledgers[run];
        ledger.ahead.clear();
        ledger.told_ahead = ledger.told.clone();
        ledger.timers_ahead = ledger.timers.clone();
    }

    /// The run has made a change, and this is the commit of it.
    pub fn made(&mut self, run: usize, expected: Option<Expected>, commit: &Commit) {
        let Some(expected) = expected else {
            self.check(false, || format!("run {run} made a change of its own: {commit:?}"));
            return;
        };
        let ledger = &mut self.ledgers[run];
        let difference = (ledger.timers_ahead.hears(commit))
            .or_else(|| expected.difference(commit))
            .or_else(|| ledger.told_ahead.hears(commit, &expected.rest));
        ledger.ahead.push_back(expected.clone());
        if let Some(what) = difference {
            self.check(false, || {
                format!("run {run} recorded {what} otherwise: {commit:?}, and not {expected:?}")
            });
        }
    }

    /// A store has taken a commit: from now on it is durable.
    pub fn taken(&mut self, commit: &Commit, owner: u64, store: &mut MemoryStore) {
        let run = number_of(commit.run);
        let newest = self.newest_owner;
        self.digests(commit, owner);
        self.tell(|| {
            format!(
                "  durable: change {} of run {run}, settled {:?}, sent {:?}",
                commit.version, commit.settled, commit.sent
            )
        });
        self.check(owner == newest, || {
            format!("I5: owner {owner} has written to run {run} after owner {newest}")
        });
        let ledger = &mut self.ledgers[run];
        let next = ledger.version + 1;
        let expected = ledger.ahead.pop_front();
        ledger.version += 1;
        let Some(expected) = expected else {
            return self.check(false, || format!("I2: run {run} has a change {next} that was not made"));
        };
        let mut wrong = (commit.version != next).then_some("its number is wrong (I2)");
        wrong = wrong.or_else(|| ledger.timers.hears(commit));
        wrong = wrong.or_else(|| expected.difference(commit));
        wrong = wrong.or_else(|| ledger.told.hears(commit, &expected.rest));
        if ledger.durability != Durability::Exit && !expected.is_whole {
            if let Some((_, _, step, event)) = &expected.settled {
                let place = place_of(*step, event);
                if expected.is_compensation && !ledger.settled.contains(&place) {
                    wrong = wrong.or(Some("it undoes what was not done"));
                }
                let ended = if expected.is_compensation { &mut ledger.undone } else { &mut ledger.settled };
                if !ended.insert(place) {
                    wrong = wrong.or(Some("it settles a delivery, or undoes it, again"));
                }
            }
            for (_, waiting) in &expected.queued {
                if !ledger.queued.insert(place_of(waiting.step, &waiting.event)) {
                    wrong = wrong.or(Some("it doubles an event"));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.check(false, || format!("I3: change {next} of run {run}: {wrong}: {commit:?}"));
            return;
        }
        self.ledgers[run].rest = expected.rest;
        if self.digest.is_multiple_of(4) {
            self.compares(run, store);
        }
    }

    fn digests(&mut self, commit: &Commit, owner: u64) {
        let mut hasher = DefaultHasher::new();
        let Commit { run, version, at, last_delivery, time_remaining, .. } = commit;
        (self.digest, owner, run, version, at.0, last_delivery, time_remaining).hash(&mut hasher);
        for queued in &commit.queued {
            (queued.delivery, &queued.event, queued.attempt).hash(&mut hasher);
        }
        for written in &commit.written {
            (written.key.as_str(), written.after.as_ref().and_then(json)).hash(&mut hasher);
        }
        self.digest = hasher.finish();
    }

    /// What a store has of a run is what was committed.
    pub fn compares(&mut self, run: usize, store: &mut MemoryStore) {
        let stored = store.load(id_of(run)).expect("the store is open");
        let ledger = &self.ledgers[run];
        let difference = match &stored {
            None => (ledger.version > 0).then_some("nothing at all"),
            Some(stored) if stored.version != ledger.version => Some("the version"),
            Some(stored) => ledger.rest.difference(stored),
        };
        if let Some(what) = difference {
            let rest = format!("{:?}", ledger.rest);
            self.check(false, || {
                format!("I4: the store has {what} of run {run} otherwise: {stored:?} and not {rest}")
            });
        }
    }

    /// The holder of a run was told that a change is durable.
    pub fn acknowledged(&mut self, run: usize, version: u64) {
        let durable = self.ledgers[run].version;
        self.check(version <= durable, || {
            format!("I1: change {version} of run {run} was acknowledged, and {durable} are durable")
        });
    }

    /// A handler is called for what was next in the queue, if there was anything.
    pub fn invoked(
        &mut self,
        run: usize,
        Call { invocation, is_compensation, event }: Call<'_>,
        next: Option<(u64, Waiting)>,
        now: u64,
    ) {
        let Invocation { delivery, step, attempt, .. } = invocation;
        let ledger = &mut self.ledgers[run];
        let ended = if is_compensation { &ledger.undone } else { &ledger.settled };
        let again = ended.contains(&place_of(step, event));
        let before = ledger.attempted.insert((delivery.0, is_compensation), attempt);
        let (durability, durable) = (ledger.durability, ledger.version);
        let is_known = !is_compensation || durability == Durability::Exit || ledger.rest.ending.is_some();
        // What is written only at a pause does not tell that anything has woken.
        let due = ledger.timers_ahead.due(delivery.0);
        let sleeps = due.is_some_and(|due| durability != Durability::Exit || due > now);
        self.check(!sleeps, || format!("I6: at {now} run {run} invoked {invocation:?}, due at {due:?}"));
        let as_expected = next.as_ref().is_some_and(|(expected, waiting)| {
            (*expected, waiting.step, &*waiting.event, waiting.attempt) == (delivery.0, step, event, attempt)
        });
        self.check(as_expected, || {
            format!("run {run} invoked {invocation:?} with {event}, and not {next:?}")
        });
        self.check(!again, || format!("run {run} invoked again what has settled durably: {invocation:?}"));
        self.check(is_known, || format!("run {run} undoes, and no store knows that: {invocation:?}"));
        if durability == Durability::Sync
            && let Some((_, waiting)) = next
        {
            self.check(waiting.since <= durable, || {
                format!("run {run} invoked {invocation:?} before change {} was durable", waiting.since)
            });
            self.check(before.is_none_or(|before| before < attempt), || {
                format!("run {run} has made attempt {attempt} twice: {invocation:?} after {before:?}")
            });
        }
    }
}

pub fn id_of(run: usize) -> Uuid {
    Uuid::from_u128(run as u128 + 1)
}

pub fn number_of(id: Uuid) -> usize {
    usize::try_from(id.as_u128() - 1).expect("an id that was made here")
}
