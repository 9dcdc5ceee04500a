//! Somebody who writes what runs could commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use blazen::store::commit::{
    Added, Again, Code, Commit, Parent, PendingDelivery, Rest, Sent, Settled, Wait, WaitKind, Written,
};
use blazen::store::{Status, UnixMillis};
use blazen::{ExactString, StateValue};
use uuid::Uuid;

use super::Expected;
use crate::faulty_disk::Random;

/// Keeps in mind how its runs stand, so that every commit fits.
pub struct Author {
    random: Random,
    runs: BTreeMap<Uuid, Expected>,
    now: i64,
    /// How long the longest value and event are.
    pub longest: usize,
}

impl Author {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::of(seed, 0x000A_0740), runs: BTreeMap::new(), now: 1_000, longest: 120 }
    }

    /// The number-th run that the author may write about.
    pub fn run(number: usize) -> Uuid {
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::try_from(number).expect("it fits"))
    }

    /// The time of the last commit.
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.now)
    }

    pub fn has_ended(&self, run: Uuid) -> bool {
        self.runs.get(&run).is_some_and(|known| known.run.status.kind().is_ended())
    }

    /// Whether the run has begun and has not ended.
    pub fn is_going(&self, run: Uuid) -> bool {
        self.runs.contains_key(&run) && !self.has_ended(run)
    }

    /// One more commit of some of the runs that have not ended; several may be of one run.
    pub fn batch(&mut self, runs: usize, length: usize) -> Vec<Commit> {
        let mut batch = Vec::new();
        for _ in 0..length {
            let going: Vec<Uuid> = (0..runs).map(Self::run).filter(|run| !self.has_ended(*run)).collect();
            if going.is_empty() {
                break;
            }
            let run = going[self.random.below(going.len())];
            batch.push(self.commit(run));
        }
        batch
    }

    /// What the run commits next: anything that a run can, but its end.
    pub fn commit(&mut self, run: Uuid) -> Commit {
        let mut commit = self.unchanged(run);
        match self.runs.get(&run).cloned() {
            None => {
                commit.creates = Some("orders".into());
                commit.parent = self.random.percent(30).then_some(Parent { run, depth: 1 });
                self.queue(&mut commit, 1);
                self.write_some(&mut commit, None);
            }
            Some(known) => self.go_on(&mut commit, &known),
        }
        self.took(&commit);
        commit
    }

    /// The run ends, with its last delivery if one is pending.
    pub fn end(&mut self, run: Uuid) -> Commit {
        let mut commit = self.unchanged(run);
        let known = self.runs.get(&run).cloned();
        self.settle_first(&mut commit, known.as_ref().expect("only a run that is there can end"));
        self.write_some(&mut commit, known.as_ref());
        commit.status = match self.random.below(4) {
            0 => Status::Completed { result: None },
            1 => Status::Completed { result: Some(self.json()) },
            2 => Status::Failed { error: self.json() },
            _ => Status::Cancelled { error: self.json() },
        };
        self.took(&commit);
        commit
    }

    fn go_on(&mut self, commit: &mut Commit, known: &Expected) {
        let pending = &known.run.pending;
        match self.random.below(10) {
            0 if !pending.is_empty() => {
                let delivery = pending[self.random.below(pending.len())].clone();
                commit.sent = Some(Sent { delivery: delivery.delivery, count: delivery.sent + 1 });
                if commit.version.is_multiple_of(2) {
                    let results = format!("[[\"n\",[{}]]]", commit.version).into();
                    commit.added.push(Added { delivery: delivery.delivery, results });
                }
                self.queue(commit, 1);
                self.write_some(commit, Some(known));
            }
            1 if !pending.is_empty() => {
                let each = pending.iter();
                commit.again = each.map(|pending| again(pending, self.random.below(2), self.due())).collect();
                commit.status = Status::Paused;
            }
            2 => {
                let id = self.name("request");
                if known.run.waits.iter().all(|open| open.id != id) {
                    let event = self.json().into();
                    let kind = WaitKind::ALL[self.random.below(3)];
                    let expiry = self.random.percent(30).then(|| self.json().into());
                    commit.opened.push(Wait { id, kind, event, due: self.due(), expiry });
                }
                self.settle_first(commit, known);
            }
            3 if !known.run.waits.is_empty() => {
                let open = self.random.below(known.run.waits.len());
                commit.closed = Some(known.run.waits[open].id.clone());
                self.queue(commit, 1);
            }
            4 => {
                commit.replaces = true;
                let count = self.random.below(4);
                self.queue(commit, count);
                self.write_some(commit, None);
            }
            _ => {
                self.settle_first(commit, known);
                let count = 1 + self.random.below(2);
                self.queue(commit, count);
                self.write_some(commit, Some(known));
            }
        }
    }

    fn unchanged(&mut self, run: Uuid) -> Commit {
        self.now += 1 + i64::from(self.random.percent(30));
        let known = self.runs.get(&run);
        let version = known.map_or(0, |known| known.run.version) + 1;
        Commit {
            last_delivery: known.map_or(0, |known| known.run.last_delivery),
            streamed: (0..version % 3).map(|n| format!("{{\"n\":{n}}}").into()).collect(),
            time_remaining: self.random.percent(50).then(|| self.random.next() >> 20),
            code: self.random.percent(5).then(|| self.code()),
            ending: self.random.percent(5).then(|| self.json().into()),
            rest: self.rest(),
            ..Commit::of_nothing(run, version, UnixMillis(self.now))
        }
    }

    fn took(&mut self, commit: &Commit) {
        let next = Expected::after(self.runs.get(&commit.run), commit);
        self.runs.insert(commit.run, next);
    }

    fn settle_first(&mut self, commit: &mut Commit, known: &Expected) {
        if let Some(first) = known.run.pending.first() {
            let began = UnixMillis(self.now - 1);
            commit.settled = Some(Settled { delivery: first.delivery, began, attempt: first.attempt });
            commit.done = (first.done.is_none() && self.random.percent(10)).then_some(commit.version);
        }
    }

    fn queue(&mut self, commit: &mut Commit, count: usize) {
        for _ in 0..count {
            commit.last_delivery += 1;
            commit.queued.push(PendingDelivery {
                delivery: commit.last_delivery,
                step: self.pick(&["charge", "ship", "audit"]),
                event_type: self.pick(&["blazen::StartEvent", "Charged", "Shipped"]),
                event: self.json().into(),
                attempt: 1,
                sent: 0,
                due: self.due(),
                held: None,
                gathered: false,
                added: None,
                done: None,
            });
        }
    }

    fn code(&mut self) -> Code {
        Code { version: self.pick(&["1", "2"]), steps: self.json().into() }
    }

    fn due(&mut self) -> Option<UnixMillis> {
        (self.random.below(4) == 0).then_some(UnixMillis(self.now + 1_000))
    }

    fn rest(&mut self) -> Rest {
        match self.random.below(4) {
            0 => Rest::Waiting,
            1 => Rest::Asleep(UnixMillis(self.now + 1_000)),
            _ => Rest::Awake,
        }
    }

    /// Sets and takes out up to four keys. A key that is there keeps its place, a new one comes last.
    fn write_some(&mut self, commit: &mut Commit, known: Option<&Expected>) {
        let state = known.map(|known| known.run.state.as_slice()).unwrap_or_default();
        let mut last = state.last().map_or(0, |stored| stored.place);
        for _ in 0..self.random.below(5) {
            let key = self.name("key");
            if commit.written.iter().any(|written| written.key == key) {
                continue;
            }
            let stored = state.iter().find(|stored| stored.key == key);
            let is_taken_out = stored.is_some() && self.random.percent(25);
            let place = stored.map_or_else(
                || {
                    last += 1 + u64::from(self.random.percent(20));
                    last
                },
                |stored| stored.place,
            );
            commit.written.push(Written {
                key,
                place,
                before: stored.map(|stored| stored.value.clone()),
                after: if is_taken_out { None } else { Some(self.value()) },
            });
        }
    }

    fn value(&mut self) -> StateValue {
        if self.random.percent(70) { StateValue::Json(self.json()) } else { StateValue::Bytes(self.bytes()) }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.random.below(self.longest);
        (0..length).map(|_| self.random.next().to_le_bytes()[0]).collect()
    }

    fn json(&mut self) -> String {
        let length = self.random.below(self.longest);
        let text: String = (0..length)
            .map(|_| char::from(b'a' + u8::try_from(self.random.below(26)).expect("a letter")))
            .collect();
        format!("{{\"text\":\"{text} naïve 😀\"}}")
    }

    /// One of a few names, some of them not valid Unicode.
    fn name(&mut self, word: &str) -> ExactString {
        match self.random.below(12) {
            0 => ExactString::from_utf16(&[0x61, 0xD800, 0x62]),
            1 => ExactString::from(""),
            number => ExactString::from(format!("{word} {number}").as_str()),
        }
    }

    fn pick(&mut self, names: &[&str]) -> Arc<str> {
        names[self.random.below(names.len())].into()
    }
}

fn again(pending: &PendingDelivery, more_sent: usize, due: Option<UnixMillis>) -> Again {
    let sent = pending.sent + u32::try_from(more_sent).expect("it is small");
    Again { delivery: pending.delivery, attempt: pending.attempt + 1, sent, due }
}
