//! What a run must do, told plainly.
//!
//! A model is told everything that its run is told, and says what the run must write. It keeps no queue, no journal and
//! no chains of old values: what was written is a list, and what of it is committed is marked in that list.

mod adding;
mod collecting;
mod time;
mod undoing;
mod working;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use blazen::engine::{Durability, StepId};

use super::expected::{Expected, Rest, Standing, Waiting};
use super::sights::Sight;
use super::workload::{Emitted, Workload};
use time::Clock;
use working::Worker;
use writing::Write;

pub struct Model {
    workload: Arc<Workload>,
    /// How the run stands, without what could still be taken back. What is at work is pending.
    pub rest: Rest,
    /// How many changes it has made.
    pub version: u64,
    /// The changes that the run has not shown.
    pub expected: VecDeque<Expected>,
    pub now: u64,
    /// What has happened in the run that only a model can tell.
    pub seen: Vec<Sight>,
    at_work: BTreeMap<u64, Worker>,
    is_pausing: bool,
    /// The delivery that is being undone, or was last.
    current: Option<u64>,
    clock: Clock,
    /// In order; those before the first that is not committed are in `rest`.
    writes: Vec<Write>,
    /// Deliveries of which more is committed that they have added, since the last change.
    added: Vec<u64>,
    /// In which order what is pending is invoked, by delivery.
    turns: BTreeMap<u64, u64>,
    last_turn: u64,
}

impl Model {
    pub fn started(workload: &Arc<Workload>, now: u64) -> Self {
        let mut model = Self::of(workload, Rest::new(), 0, now);
        let start = workload.start_event();
        let mut expected = Expected::default();
        model.queue("blazen::StartEvent", &start, None, &mut expected);
        model.conclude(expected);
        model
    }

    /// A run that a store has as `rest`, after `version` changes.
    pub fn taken_up(workload: &Arc<Workload>, rest: Rest, version: u64, now: u64) -> Self {
        let mut model = Self::of(workload, rest, version, now);
        model.forgets_what_was_awaited();
        let being_undone = model.undone_first();
        if model.rest.standing == Standing::Paused {
            model.current = being_undone.filter(|delivery| model.rest.pending[delivery].due.is_some());
            model.what_is_overdue_is_due();
            model.stop_clock();
            return model;
        }
        let mut expected = Expected::default();
        model.current = being_undone;
        for (delivery, waiting) in &mut model.rest.pending {
            if waiting.due.is_some() {
                model.seen.push(Sight::TakenUpAsleep);
            } else if waiting.is_to_be_done() || being_undone == Some(*delivery) {
                waiting.attempt += 1;
                expected.again.push((*delivery, waiting.attempt, waiting.sent, None));
            }
        }
        model.everything_waits_for_this();
        if model.wakes(&mut expected) {
            model.seen.push(Sight::DueWhileLost);
        }
        model.conclude(expected);
        model
    }

    /// A run that goes on from a snapshot of one that stood as `rest`, in a store that does not know it.
    pub fn moved(workload: &Arc<Workload>, mut rest: Rest, now: u64) -> Self {
        rest.standing = Standing::Running;
        let mut model = Self::of(workload, rest, 0, now);
        let being_undone = model.undone_first();
        model.current = being_undone.filter(|delivery| model.rest.pending[delivery].due.is_some());
        model.everything_waits_for_this();
        model.what_is_overdue_is_due();
        if model.sleepers().next().is_some() {
            model.seen.push(Sight::MovedAsleep);
        }
        model.whole();
        model.wakes_as_a_change();
        if model.is_stalled() {
            model.conclude(Expected::default());
        } else if model.is_undoing() {
            model.concludes_undoing(Expected::default(), false);
        }
        model
    }

    fn of(workload: &Arc<Workload>, rest: Rest, version: u64, now: u64) -> Self {
        let limit = workload.limit.filter(|_| rest.ending.is_none());
        let clock = limit.map_or(Clock::Off, |limit| {
            let limit = u64::try_from(limit.as_millis()).expect("a short time");
            Clock::Due(now + rest.time_left.map_or(limit, |left| left.min(limit)))
        });
        let mut model = Self {
            workload: workload.clone(),
            rest,
            version,
            expected: VecDeque::new(),
            now,
            seen: Vec::new(),
            at_work: BTreeMap::new(),
            is_pausing: false,
            current: None,
            clock,
            writes: Vec::new(),
            added: Vec::new(),
            turns: BTreeMap::new(),
            last_turn: 0,
        };
        model.everything_takes_turns();
        model
    }

    /// What is awake comes before what sleeps, and that in the order of its times.
    fn everything_takes_turns(&mut self) {
        let pending = self.rest.pending.iter();
        let mut order: Vec<_> = pending.map(|(delivery, waiting)| (waiting.due, *delivery)).collect();
        order.sort_unstable();
        for (_, delivery) in order {
            self.takes_a_turn(delivery);
        }
    }

    /// It comes after everything else.
    fn takes_a_turn(&mut self, delivery: u64) {
        self.last_turn += 1;
        self.turns.insert(delivery, self.last_turn);
    }

    pub fn is_at_work(&self) -> bool {
        !self.at_work.is_empty()
    }

    pub fn is_ended(&self) -> bool {
        !matches!(self.rest.standing, Standing::Running | Standing::Paused)
    }

    /// What may be invoked next.
    pub fn next_delivery(&self) -> Option<(u64, &Waiting)> {
        let at_work: BTreeSet<u64> = self.at_work.values().map(|worker| worker.delivery).collect();
        let goes_on = self.rest.standing == Standing::Running && !self.is_pausing;
        let meant = self.rest.pending.iter().filter(|(delivery, waiting)| {
            if self.is_undoing() { self.is_compensation(**delivery) } else { waiting.is_to_be_done() }
        });
        let awake = meant.filter(|(_, waiting)| waiting.due.is_none());
        let waiting = awake.filter(|(delivery, _)| !at_work.contains(delivery));
        let next = waiting.min_by_key(|(delivery, _)| self.turns[delivery]);
        next.filter(|_| goes_on).map(|(delivery, waiting)| (*delivery, waiting))
    }

    pub fn is_answered(&mut self, id: &str, answer: &Arc<str>) {
        self.rest.waits.retain(|(open, _)| &**open != id);
        let mut expected = Expected { closed: Some(id.into()), ..Expected::default() };
        self.queue("blazen::InputResponseEvent", answer, None, &mut expected);
        self.conclude(expected);
    }

    pub fn pauses(&mut self) {
        if self.rest.standing == Standing::Running && !self.is_pausing {
            self.is_pausing = true;
            if !self.is_at_work() {
                self.conclude(Expected::default());
            }
        }
    }

    /// The invocations that are cut short.
    pub fn is_interrupted(&mut self) -> Vec<u64> {
        if !self.is_pausing {
            return Vec::new();
        }
        self.writes.retain(|write| write.is_committed);
        self.fold_writes();
        let mut expected = Expected::default();
        let cut_short = std::mem::take(&mut self.at_work);
        let since = self.version + 1;
        let is_awaited = self.is_undoing() && !self.has_begun_to_undo();
        for worker in cut_short.values() {
            if is_awaited {
                // Nobody knows whether it is done.
                self.rest.pending.remove(&worker.delivery);
                continue;
            }
            let waiting = self.rest.pending.get_mut(&worker.delivery).expect("what is at work is pending");
            waiting.attempt += 1;
            waiting.since = since;
            expected.again.push((worker.delivery, waiting.attempt, waiting.sent, None));
        }
        self.conclude(expected);
        cut_short.into_keys().collect()
    }

    pub fn goes_on(&mut self) {
        if let Clock::Stopped(left) = self.clock {
            self.clock = Clock::Due(self.now + left);
        }
        if std::mem::take(&mut self.is_pausing) {
            self.wakes_as_a_change();
            return;
        }
        self.rest.standing = Standing::Running;
        self.everything_waits_for_this();
        let mut expected = Expected::default();
        if self.wakes(&mut expected) {
            self.seen.push(Sight::DueWhilePaused);
        }
        self.conclude(expected);
    }

    pub fn is_aborted(&mut self) {
        self.ends_or_undoes(Standing::Cancelled, None, Expected::default());
    }

    /// All that the run has is written.
    pub fn whole(&mut self) {
        let queued = self.rest.pending.iter().map(|(delivery, waiting)| (*delivery, waiting.clone()));
        let queued = queued.collect();
        let opened = self.rest.waits.clone();
        self.write(Expected { is_whole: true, queued, opened, ..Expected::default() });
    }

    fn everything_waits_for_this(&mut self) {
        let since = self.version + 1;
        self.rest.pending.values_mut().for_each(|waiting| waiting.since = since);
    }

    fn emit(&mut self, emitted: Vec<Emitted>, mut expected: Expected) {
        for emitted in emitted {
            match emitted {
                Emitted::Event { type_name, text } => self.queue(&type_name, &text, None, &mut expected),
                Emitted::Request { id, text } => {
                    self.rest.waits.push((id.clone(), text.clone()));
                    expected.opened.push((id, text));
                }
                Emitted::Stop { text } => {
                    self.end(Standing::Completed(text));
                    break;
                }
                Emitted::Unknown => return self.ends_or_undoes(Standing::Failed, None, expected),
            }
        }
        self.conclude(expected);
    }

    fn queue(&mut self, type_name: &str, event: &Arc<str>, due: Option<u64>, expected: &mut Expected) {
        let steps: Vec<StepId> = self.workload.routes(type_name).to_vec();
        for step in steps {
            self.rest.last_delivery += 1;
            let since = self.version + 1;
            let waiting = Waiting {
                step,
                event: event.clone(),
                attempt: 1,
                sent: 0,
                due,
                held: None,
                gathered: false,
                done: None,
                added: None,
                since,
            };
            expected.queued.push((self.rest.last_delivery, waiting.clone()));
            self.rest.pending.insert(self.rest.last_delivery, waiting);
            self.takes_a_turn(self.rest.last_delivery);
        }
    }

    fn is_stalled(&self) -> bool {
        self.rest.standing == Standing::Running
            && !self.is_undoing()
            && !self.rest.pending.values().any(Waiting::is_to_be_done)
            && self.rest.waits.is_empty()
    }

    /// What follows from a change, and the change.
    fn conclude(&mut self, expected: Expected) {
        if self.is_undoing() {
            return self.concludes_undoing(expected, true);
        }
        if self.is_pausing && !self.is_at_work() && !self.is_ended() {
            self.is_pausing = false;
            self.rest.standing = Standing::Paused;
        }
        if self.is_stalled() {
            return self.ends_or_undoes(Standing::Failed, None, expected);
        }
        self.change(expected);
    }

    fn end(&mut self, standing: Standing) {
        self.rest.standing = standing;
        self.rest.ending = None;
        self.rest.pending.clear();
        self.rest.waits.clear();
        self.at_work.clear();
        self.is_pausing = false;
        self.writes.retain(|write| write.is_committed);
        self.fold_writes();
    }

    fn change(&mut self, expected: Expected) {
        let added = std::mem::take(&mut self.added);
        if self.workload.durability != Durability::Exit {
            self.write(Expected { added, ..expected });
        } else if self.is_ended() {
            self.write(Expected { is_whole: true, ..Expected::default() });
        }
    }

    fn write(&mut self, expected: Expected) {
        self.version += 1;
        self.rest.time_left = self.time_left();
        self.expected.push_back(Expected { number: self.version, rest: self.rest.clone(), ..expected });
    }
}
