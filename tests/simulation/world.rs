//! A few runs, one process after the other, and everything that can go wrong.

mod ending;

use std::sync::Arc;

use blazen::store::Status;

use super::auditor::Auditor;
use super::chance::Chance;
use super::expected::{Rest, Standing};
use super::hosted::{Hosted, Surroundings, keys_in_order};
use super::sabotage::Sabotage;
use super::sights::{Sight, Sights};
use super::workload::Workload;
use super::writer::{Disk, Holder, Writer};

/// How many runs a world has at most; when one is over, another begins.
const MOST_RUNS: usize = 6;

/// What can happen, and how often it does by itself.
const HAPPENINGS: [(Happening, u64); 14] = [
    (Happening::Work, 30),
    (Happening::Write, 12),
    (Happening::Report, 12),
    (Happening::Time, 6),
    (Happening::Drain, 4),
    (Happening::Pause, 3),
    (Happening::Interrupt, 3),
    (Happening::GoOn, 4),
    (Happening::Answer, 4),
    (Happening::Late, 3),
    (Happening::Crash, 1),
    (Happening::DeviceFailure, 1),
    (Happening::LateWriter, 2),
    (Happening::Move, 1),
];

#[derive(Clone, Copy, Debug)]
enum Happening {
    Work,
    Write,
    Report,
    Time,
    Drain,
    Pause,
    Interrupt,
    GoOn,
    Answer,
    Late,
    Crash,
    DeviceFailure,
    LateWriter,
    Move,
}

pub struct World {
    chance: Chance,
    auditor: Auditor,
    disk: Disk,
    writer: Writer,
    /// Writers of processes that are lost, with what they had not written.
    lost_writers: Vec<Writer>,
    slots: Vec<Slot>,
    last_holder: u64,
    now: u64,
    /// When the process was begun.
    begun: u64,
    weights: Vec<(Happening, u64)>,
    sabotage: Option<Sabotage>,
}

/// A run, whoever has it.
struct Slot {
    workload: Arc<Workload>,
    origin: Origin,
    hosted: Option<Hosted>,
    was_held: bool,
}

/// How a run began, to begin it again if no store has it.
#[derive(Clone)]
enum Origin {
    Start,
    Snapshot(String, Rest),
}

/// What came of a world: the same for the same seed.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    pub digest: u64,
    pub sights: Sights,
}

/// Plays a world to its end, or to the first thing that is not as it must be.
pub fn play(seed: u64, sabotage: Option<Sabotage>, is_telling: bool) -> Result<Ending, String> {
    let mut world = World::new(seed, sabotage, is_telling);
    let happenings = 40 + world.chance.below(500);
    for _ in 0..happenings {
        world.something_happens();
        if let Some(violation) = world.auditor.violation.take() {
            return Err(violation);
        }
    }
    world.comes_to_rest();
    match world.auditor.violation.take() {
        Some(violation) => Err(violation),
        None => Ok(Ending { digest: world.auditor.digest, sights: world.auditor.sights }),
    }
}

impl World {
    fn new(seed: u64, sabotage: Option<Sabotage>, is_telling: bool) -> Self {
        let mut chance = Chance::new(seed);
        let mut auditor = Auditor::new(is_telling);
        let mut disk = Disk::new(sabotage);
        let writer = disk.open(&mut auditor);
        // Each seed has its own weather: much of some things, and little or nothing of others.
        let weights = HAPPENINGS.map(|(happening, weight)| (happening, weight * chance.below(8)));
        let runs = 1 + chance.below(3);
        let mut world = Self {
            chance,
            auditor,
            disk,
            writer,
            lost_writers: Vec::new(),
            slots: Vec::new(),
            last_holder: 0,
            now: 0,
            begun: 0,
            weights: weights.to_vec(),
            sabotage,
        };
        for _ in 0..runs {
            world.begins_a_run();
        }
        world
    }

    fn begins_a_run(&mut self) {
        let workload = Arc::new(Workload::random(&mut self.chance));
        self.auditor.opens(workload.durability);
        self.slots.push(Slot { workload, origin: Origin::Start, hosted: None, was_held: false });
    }

    fn something_happens(&mut self) {
        let total = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut ticket = self.chance.below(total);
        let chosen = self.weights.iter().find(|(_, weight)| {
            let is_chosen = ticket < *weight;
            ticket = ticket.saturating_sub(*weight);
            is_chosen
        });
        let happening = chosen.map_or(Happening::Work, |(happening, _)| *happening);
        let mut index = self.chance.index(self.slots.len());
        if self.slots.len() < MOST_RUNS && self.is_over(index) {
            self.begins_a_run();
            index = self.slots.len() - 1;
        }
        if self.slots[index].hosted.as_ref().is_none_or(|hosted| hosted.is_lost) {
            self.take_up(index);
        }
        match happening {
            Happening::Work => self.with(index, Hosted::work),
            Happening::Drain => self.with(index, Hosted::drain),
            Happening::Pause => self.with(index, Hosted::pause),
            Happening::Interrupt => self.with(index, Hosted::interrupt),
            Happening::GoOn => self.with(index, Hosted::go_on),
            Happening::Answer => self.with(index, Hosted::answer),
            Happening::Late => self.with_even_lost(index, Hosted::poke_late),
            Happening::Time => {
                match self.next_to_wake().filter(|_| self.chance.one_in(3)) {
                    Some(due) => self.now = self.now.max(due),
                    None => self.now += self.chance.below(40),
                }
                self.it_is_time();
            }
            Happening::Write => {
                let most = 1 + self.chance.index(6);
                self.writer.write(most, &mut self.disk, &mut self.auditor, &mut self.chance);
            }
            Happening::Report => self.report(),
            Happening::DeviceFailure if self.chance.one_in(3) => {
                let most = 1 + self.chance.index(6);
                self.writer.fail(most, &mut self.disk, &mut self.auditor, &mut self.chance);
            }
            Happening::Crash if self.chance.one_in(2) => self.crash(),
            Happening::LateWriter => {
                let index = self.chance.index(self.lost_writers.len());
                if let Some(writer) = self.lost_writers.get_mut(index) {
                    writer.write(2, &mut self.disk, &mut self.auditor, &mut self.chance);
                }
            }
            Happening::Move => {
                self.compares_order(index);
                self.move_or_abort(index);
            }
            Happening::DeviceFailure | Happening::Crash => {}
        }
    }

    fn with(&mut self, index: usize, then: impl FnOnce(&mut Hosted, &mut Surroundings<'_>)) {
        if self.slots[index].hosted.as_ref().is_some_and(|hosted| !hosted.is_lost) {
            self.with_even_lost(index, then);
        }
    }

    fn with_even_lost(&mut self, index: usize, then: impl FnOnce(&mut Hosted, &mut Surroundings<'_>)) {
        let mut around = Surroundings {
            now: self.now,
            begun: self.begun,
            chance: &mut self.chance,
            auditor: &mut self.auditor,
            writer: &mut self.writer,
            sabotage: self.sabotage,
        };
        if let Some(hosted) = &mut self.slots[index].hosted {
            then(hosted, &mut around);
        }
    }

    /// Timers are looked at whenever time has passed: nothing is due and left alone.
    fn it_is_time(&mut self) {
        for index in 0..self.slots.len() {
            self.with(index, Hosted::it_is_time);
            self.with(index, |hosted, around| {
                let due = hosted.model.due();
                around.auditor.check(due.is_none_or(|due| due > around.now), || {
                    format!("I6: the time of run {index} was up at {due:?}, and it is {}", around.now)
                });
            });
        }
    }

    /// When the next of all that sleep wakes.
    fn next_to_wake(&self) -> Option<u64> {
        let hosted = self.slots.iter().filter_map(|slot| slot.hosted.as_ref());
        hosted.filter(|hosted| !hosted.is_lost).filter_map(|hosted| hosted.model.next_to_wake()).min()
    }

    fn report(&mut self) {
        for _ in 0..=self.chance.below(4) {
            let Some((holder, report)) = self.writer.next_report() else { return };
            let is_held = |hosted: &Hosted| hosted.holder == holder;
            if self.slots[holder.run].hosted.as_ref().is_some_and(is_held) {
                self.with(holder.run, |hosted, around| hosted.is_told(report, around));
            }
        }
    }

    /// Everything in memory is gone, and it takes some time until the next process begins.
    fn crash(&mut self) {
        self.auditor.tell(|| "the process is lost".to_owned());
        self.now += self.chance.below(30);
        self.begun = self.now;
        self.writer.crash(&mut self.disk, &mut self.auditor, &mut self.chance);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            self.auditor.is_let_go(index);
            slot.hosted = None;
            self.auditor.compares(index, &mut self.disk.store);
        }
        let writer = self.disk.open(&mut self.auditor);
        self.lost_writers.push(std::mem::replace(&mut self.writer, writer));
    }

    /// Whether the end of the run is durable.
    fn is_over(&self, index: usize) -> bool {
        !matches!(self.auditor.ledger(index).rest.standing, Standing::Running | Standing::Paused)
    }

    /// A run that nobody has goes on from what the store has of it, or from its beginning.
    fn take_up(&mut self, index: usize) {
        if self.is_over(index) || self.writer.knows(index) {
            return;
        }
        self.auditor.is_let_go(index);
        self.auditor.compares(index, &mut self.disk.store);
        self.last_holder += 1;
        let holder = Holder { run: index, number: self.last_holder };
        let stored = self.disk.load(index);
        self.auditor.tell(|| format!("run {index} is taken up: {stored:?}"));
        match &stored {
            Some(stored) if stored.status == Status::Paused => self.auditor.sees(Sight::PausedRunTakenUp),
            Some(_) => self.auditor.sees(Sight::RunningRunTakenUp),
            None if self.slots[index].was_held => self.auditor.sees(Sight::BegunAnew),
            None => {}
        }
        self.slots[index].was_held = true;
        let rest = self.auditor.ledger(index).rest.clone();
        let mut around = Surroundings {
            now: self.now,
            begun: self.begun,
            chance: &mut self.chance,
            auditor: &mut self.auditor,
            writer: &mut self.writer,
            sabotage: self.sabotage,
        };
        let Slot { workload, origin, .. } = &self.slots[index];
        let hosted = match (stored, origin) {
            (Some(stored), _) => Hosted::take_up(holder, workload, stored, rest, &mut around),
            (None, Origin::Start) => Hosted::start(holder, workload, &mut around),
            (None, Origin::Snapshot(snapshot, rest)) => {
                Hosted::move_here(holder, workload, snapshot, rest.clone(), &mut around)
            }
        };
        self.slots[index].hosted = Some(hosted);
    }

    /// While a run is paused, and that is durable, it and the store have one order of keys.
    fn compares_order(&mut self, index: usize) {
        let Some(stored) = self.disk.load(index).filter(|stored| stored.status == Status::Paused) else {
            return;
        };
        let is_stored = |hosted: &Hosted| hosted.snapshot.is_some() && hosted.model.version == stored.version;
        if self.slots[index].hosted.as_ref().is_some_and(is_stored) {
            self.with(index, |hosted, around| hosted.has_keys_in_order(&keys_in_order(&stored), around));
        }
    }

    /// A paused run goes on as another one; it is ended itself, now and then also without that.
    fn move_or_abort(&mut self, index: usize) {
        let Some(hosted) = &self.slots[index].hosted else { return };
        let snapshot = hosted.snapshot.clone().filter(|_| !hosted.is_lost);
        if let Some(snapshot) = snapshot {
            let mut rest = hosted.model.rest.clone();
            rest.time_left = hosted.model.time_left();
            let copy = self.auditor.opens_copy(index);
            let workload = self.slots[index].workload.clone();
            let origin = Origin::Snapshot(snapshot, rest);
            self.slots.push(Slot { workload, origin, hosted: None, was_held: false });
            self.auditor.sees(Sight::Moved);
            self.take_up(copy);
            self.with(index, Hosted::abort);
        } else if self.chance.one_in(12) {
            self.with(index, Hosted::abort);
        }
    }
}
