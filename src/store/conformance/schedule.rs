//! A long random schedule, answered by the driver and by the model.
//!
//! Runs are created, go on, are refused, end, go on after their end and are forgotten; between batches the store is
//! closed and opened again, if it persists. After every few batches all that both say is compared.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::super::commit::{
    Added, Again, Code, Parent, PendingDelivery, Rest, Sent, Settled, Wait, WaitKind, Written,
};
use super::super::query::RunOrder;
use super::super::stored_run::StoredValue;
use super::super::{
    CheckpointStore, Commit, MemoryStore, RunQuery, Status, StatusKind, StoredRun, UnixMillis,
};
use super::Stores;
use super::past::{Values, undo, values};
use super::samples::run_id;
use crate::{ExactString, StateValue};

const BATCHES: usize = 400;
const MOST_IN_A_BATCH: u64 = 12;

pub(super) fn as_the_model(stores: &mut dyn Stores) {
    for seed in 1..=3 {
        Schedule::new(seed).go(stores);
    }
}

struct Schedule {
    chance: Chance,
    model: MemoryStore,
    /// How the model will have each run when the batch in the making is taken.
    ahead: MemoryStore,
    /// The states that the history must lead back to.
    states: BTreeMap<Uuid, Vec<Values>>,
    now: i64,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance(seed),
            model: MemoryStore::new(),
            ahead: MemoryStore::new(),
            states: BTreeMap::new(),
            now: 1_000,
        }
    }

    fn go(mut self, stores: &mut dyn Stores) {
        stores.create().close().expect("the store closes");
        let persists = stores.reopen().is_some_and(|mut store| store.close().is_ok());
        let mut store = stores.create();
        for number in 0..BATCHES {
            let batch = self.batch();
            let expected = self.model.commit(&batch).expect("the model takes commits");
            let found = store.commit(&batch).expect("the store takes commits");
            assert_eq!(found, expected, "batch {number}");
            if self.chance.one_in(40) {
                self.prune(&mut *store);
            }
            if persists && self.chance.one_in(40) {
                store.close().expect("the store closes");
                store = stores.reopen().expect("a store that persists can be opened again");
            }
            if self.chance.one_in(25) {
                self.compare(&mut *store, stores.keep_history());
            }
        }
        self.compare(&mut *store, stores.keep_history());
    }

    fn batch(&mut self) -> Vec<Commit> {
        let count = self.chance.below(MOST_IN_A_BATCH);
        (0..count).map(|_| self.commit()).collect()
    }

    /// One commit, most often one that fits.
    fn commit(&mut self) -> Commit {
        self.now += i64::try_from(self.chance.below(3)).expect("a small number");
        let id = run_id(self.chance.below(40).into());
        let found = self.ahead.load(id).expect("the model loads runs");
        let mut commit = match &found {
            None => self.first(id),
            Some(run) => self.next(run),
        };
        if self.chance.one_in(20) {
            commit.version = self.chance.below(4);
        }
        let answer = self.ahead.commit(std::slice::from_ref(&commit)).expect("the model takes commits");
        if answer[0].is_ok() {
            let run = self.ahead.load(id).expect("the model loads runs").expect("the run is there");
            let states = self.states.entry(id).or_default();
            states.push(values(&run.state));
            if commit.replaces {
                // What a replacing commit did away with is not in the history; it begins anew.
                states.clear();
                states.push(values(&run.state));
            }
        }
        commit
    }

    fn first(&mut self, run: Uuid) -> Commit {
        let workflow = ["orders", "refunds", "naïve"][self.chance.index(3)];
        let empty = StoredRun::begun(run, workflow, UnixMillis(0));
        let chance = &mut self.chance;
        let parent =
            chance.one_in(2).then(|| Parent { run: run_id(chance.below(40).into()), depth: chance.small() });
        let creates = Some(workflow.into());
        Commit { creates, parent, replaces: false, ..self.next(&empty) }
    }

    fn next(&mut self, run: &StoredRun) -> Commit {
        let chance = &mut self.chance;
        let replaces = chance.one_in(30);
        let pick = |chance: &mut Chance| {
            run.pending.get(chance.index(run.pending.len())).map(|pending| pending.delivery)
        };
        let settled = if chance.one_in(2) { pick(chance) } else { None };
        let left = |delivery: &u64| Some(*delivery) != settled;
        let sent = pick(chance).filter(left).filter(|_| chance.one_in(4));
        let again = pick(chance).filter(left).filter(|_| chance.one_in(4));
        let queued: Vec<_> =
            (1..=chance.below(3)).map(|count| chance.pending(run.last_delivery + count)).collect();
        let opened = chance.one_in(4).then(|| chance.key());
        let closed = run.waits.get(chance.index(run.waits.len())).filter(|_| chance.one_in(3));
        let (attempt, count) = (chance.small(), chance.small());
        let due = chance.due();
        let held = chance.one_in(4).then(|| chance.key());
        let done = chance.one_in(4).then(|| chance.next() >> 1);
        let others = run.pending.iter().map(|pending| pending.delivery).filter(left);
        let gathered = others.filter(|_| chance.one_in(6)).collect();
        let added = pick(chance).filter(left).filter(|_| chance.one_in(4));
        let results = json(chance.length(90)).into();
        let began = UnixMillis(self.now - 1);
        Commit {
            run: run.id,
            version: run.version + 1,
            at: UnixMillis(self.now),
            creates: None,
            parent: None,
            code: chance.one_in(8).then(|| chance.code()),
            replaces,
            settled: settled.map(|delivery| Settled { delivery, began, attempt }),
            done: done.filter(|_| settled.is_some() && held.is_none()),
            held: held.filter(|_| settled.is_some()),
            gathered,
            sent: sent.map(|delivery| Sent { delivery, count }),
            added: added.map(|delivery| Added { delivery, results }).into_iter().collect(),
            again: again.map(|delivery| Again { delivery, attempt, sent: count, due }).into_iter().collect(),
            closed: closed.map(|wait| wait.id.clone()),
            last_delivery: run.last_delivery + queued.len() as u64,
            queued,
            opened: opened.map(|id| chance.wait(id)).into_iter().collect(),
            written: chance.written(if replaces { &[] } else { &run.state }),
            ending: chance.one_in(8).then(|| json(chance.index(90)).into()),
            streamed: (0..chance.below(4)).map(|_| json(chance.length(300)).into()).collect(),
            status: chance.status(),
            time_remaining: chance.one_in(2).then(|| chance.next()),
            rest: chance.rest(),
        }
    }

    fn prune(&mut self, store: &mut dyn CheckpointStore) {
        let before = UnixMillis(self.now - 10);
        let at_most = self.chance.index(5);
        let unwritten: Vec<Uuid> =
            (0..self.chance.below(8)).map(|_| run_id(self.chance.below(40).into())).collect();
        let expected = self.model.prune(before, at_most, &unwritten);
        assert_eq!(store.prune(before, at_most, &unwritten), expected);
        assert_eq!(self.ahead.prune(before, at_most, &unwritten), expected);
        let model = &mut self.model;
        self.states.retain(|run, _| matches!(model.load(*run), Ok(Some(_))));
    }

    fn compare(&mut self, store: &mut dyn CheckpointStore, with_history: bool) {
        for n in 0..40 {
            let run = store.load(run_id(n));
            assert_eq!(run, self.model.load(run_id(n)));
            let from = self.chance.below(9);
            let stream = store.stream(run_id(n), from, 50);
            assert_eq!(stream, self.model.stream(run_id(n), from, 50));
            if with_history {
                let history = store.history(run_id(n));
                assert_eq!(history, self.model.history(run_id(n)));
                if let (Ok(Some(run)), Ok(Some(history))) = (run, history) {
                    let states = &self.states[&run.id];
                    let mut state = values(&run.state);
                    for (entry, expected) in history.iter().rev().zip(states.iter().rev()) {
                        assert_eq!(&state, expected);
                        undo(&mut state, entry);
                    }
                }
            }
        }
        for order in [RunOrder::NewestFirst, RunOrder::OldestFirst] {
            let workflow = self.chance.one_in(2).then(|| "orders".to_owned());
            let status = self.chance.one_in(2).then_some(StatusKind::Running);
            let query = RunQuery { workflow, status, order, after: None, limit: 1_000 };
            assert_eq!(store.runs(&query), self.model.runs(&query));
        }
    }
}

/// Numbers that look random and are the same every time: xorshift64*.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 32) % limit.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    fn rest(&mut self) -> Rest {
        if self.one_in(3) {
            return Rest::Waiting;
        }
        self.due().map_or(Rest::Awake, Rest::Asleep)
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.below(9)).unwrap_or(0)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Mostly a usual one, and now and then one that takes several pages.
    fn length(&mut self, usual: usize) -> usize {
        let longest = if self.one_in(20) { 20_000 } else { usual };
        self.index(longest)
    }

    fn key(&mut self) -> ExactString {
        let unit = u16::try_from(self.below(4)).unwrap_or(0);
        ExactString::from_utf16(&[[0x61, 0xD800, 0, 0x22][usize::from(unit)]].repeat(self.index(3)))
    }

    fn value(&mut self) -> StateValue {
        let length = self.length(30);
        if self.one_in(3) { StateValue::Bytes(vec![0xFF; length]) } else { StateValue::Json(json(length)) }
    }

    /// Mostly one that nothing has happened to yet, as a handler emits it.
    fn pending(&mut self, delivery: u64) -> PendingDelivery {
        let length = self.length(300);
        let step = ["charge", "ship \"it\"", ""][self.index(3)];
        let event = json(length).into();
        let emitted = PendingDelivery::emitted(delivery, step.into(), "Sent".into(), event);
        if !self.one_in(3) {
            return emitted;
        }
        PendingDelivery {
            attempt: self.small(),
            sent: self.small(),
            due: self.due(),
            added: self.one_in(6).then(|| json(self.index(90)).into()),
            done: self.one_in(6).then(|| self.next() >> 1),
            ..emitted
        }
    }

    fn wait(&mut self, id: ExactString) -> Wait {
        let kind = WaitKind::ALL[self.index(3)];
        let expiry = self.one_in(2).then(|| json(self.index(90)).into());
        Wait { id, kind, event: json(self.index(90)).into(), due: self.due(), expiry }
    }

    fn code(&mut self) -> Code {
        Code { version: self.small().to_string().into(), steps: json(self.index(300)).into() }
    }

    fn due(&mut self) -> Option<UnixMillis> {
        self.one_in(3).then(|| UnixMillis(i64::from(self.small()) - 4))
    }

    fn status(&mut self) -> Status {
        match self.below(24) {
            0 => Status::Paused,
            1 => Status::Completed { result: None },
            2 => Status::Completed { result: Some(json(self.index(9_000))) },
            3 => Status::Failed { error: "{}".to_owned() },
            4 => Status::Cancelled { error: "{\"a\":1}".to_owned() },
            _ => Status::Running,
        }
    }

    /// Changes of a state, each of another key.
    fn written(&mut self, state: &[StoredValue]) -> Vec<Written> {
        let keys: std::collections::BTreeSet<_> = (0..self.below(4)).map(|_| self.key()).collect();
        let mut next_place = state.iter().map(|stored| stored.place + 1).max().unwrap_or(0);
        let mut written = Vec::new();
        for key in keys {
            let before = state.iter().find(|stored| stored.key == key);
            let after = (!self.one_in(4)).then(|| self.value());
            let place = before.map_or(next_place, |stored| stored.place);
            next_place = next_place.max(place + 1);
            written.push(Written { key, place, before: before.map(|stored| stored.value.clone()), after });
        }
        written
    }
}

fn json(length: usize) -> String {
    format!("\"{}\"", "x".repeat(length))
}
