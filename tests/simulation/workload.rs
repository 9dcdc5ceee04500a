//! A random workflow, and what its handlers do.
//!
//! What a handler does depends on its step and its event alone: not on the state, not on the order of things, and on the
//! attempt only in that some first attempts break off. Those are fewer than its step may make, and what throws again and
//! again always comes to the same end. So all that a run will ever do is a tree that is known beforehand, whatever goes
//! wrong on the way, and however many attempts that costs. Which handler completes a set of events is not known; what
//! comes of the set is, and that it comes once.

mod sets;
mod whole_tree;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use blazen::engine::{Definition, Durability, RetryPolicy, StepId, StepOptions};

use super::chance::{Chance, scrambled};
pub use sets::Set;
pub use whole_tree::{Tally, place_of};

const START: &str = "blazen::StartEvent";
const STOP: &str = "blazen::StopEvent";
const ANSWER: &str = "blazen::InputResponseEvent";
const SHARED_KEYS: [&str; 3] = ["a", "b", "c"];
/// A key at which an array stands.
const LIST: &str = "list";
/// How many events follow from each other at most.
const DEEPEST: u64 = 4;

pub struct Workload {
    pub definition: Arc<Definition>,
    pub durability: Durability,
    pub limit: Option<Duration>,
    seed: u64,
    event_types: Vec<String>,
    /// Steps that wait for all events of a set.
    collectors: Vec<StepId>,
    takes_answers: bool,
    ends_early: bool,
}

/// What a handler does, one thing after the other.
#[derive(Clone, Debug)]
pub enum Action {
    Get(Arc<str>),
    LookAtAll,
    Set(Arc<str>, Arc<str>),
    /// Reads a number and writes the next one.
    CountUp(Arc<str>),
    Remove(Arc<str>),
    /// Adds 1 to a number, once in all attempts.
    Increment(Arc<str>),
    /// Puts an item behind those of an array, once in all attempts.
    Append(Arc<str>, u64),
    /// Asks for the events of a set, of which its own is one.
    Collect(Set),
    Send(Emitted),
    /// Sends an event that is delivered after so many milliseconds.
    SendLater(Emitted, u64),
    /// Emits when it returns, but does not return yet.
    Stage(Emitted),
    /// Throws, if this is an earlier attempt than that; if not, goes on.
    ThrowBefore(u32),
    Return(Option<Emitted>),
    /// Returns what comes of a set, if it has collected it; if not, nothing.
    ReturnIfCollected(Emitted),
    /// Throws, and when its attempts are spent, the run fails.
    Throw,
    /// Throws, and when its attempts are spent, the event is emitted in its stead.
    GiveUp(Emitted),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Emitted {
    Event { type_name: String, text: Arc<str> },
    Request { id: Arc<str>, text: Arc<str> },
    Stop { text: Arc<str> },
    Unknown,
}

impl Workload {
    pub fn random(chance: &mut Chance) -> Self {
        let event_types: Vec<String> = (0..=chance.below(3)).map(|n| format!("E{n}")).collect();
        let takes_answers = chance.one_in(2);
        let undoes = chance.one_in(2);
        let mut accepted: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); 1 + chance.index(4)];
        let collects = chance.one_in(2);
        let mut collectors = Vec::new();
        let fan_out = 1 + chance.index(3);
        let mut add = |event_type, chance: &mut Chance| {
            for _ in 0..=chance.index(fan_out) {
                let step = chance.index(accepted.len());
                accepted[step].insert(event_type);
            }
        };
        add(START, chance);
        for event_type in &event_types {
            add(event_type, chance);
        }
        if takes_answers {
            add(ANSWER, chance);
        }
        let mut definition = Definition::new("simulated").expect("the name is not empty");
        for (number, mut types) in accepted.into_iter().enumerate() {
            if types.is_empty() {
                types.insert("Never");
            }
            let types: Vec<String> = types.into_iter().map(str::to_owned).collect();
            let options = StepOptions {
                retry: chance.one_in(2).then(|| retry_policy(chance)),
                compensation: (undoes && chance.one_in(2)).then(|| retry_policy(chance)),
                ..StepOptions::default()
            };
            let name = format!("step {number}");
            definition.add_step_with(&name, &types, options).expect("the steps are different");
            if collects && chance.one_in(2) {
                collectors.push(StepId(u32::try_from(number).expect("few steps")));
            }
        }
        let durability =
            *chance.pick(&[Durability::Sync, Durability::Sync, Durability::Async, Durability::Exit]);
        let limit = chance.one_in(4).then(|| Duration::from_millis(20 + chance.below(600)));
        Self {
            definition: Arc::new(definition),
            durability,
            limit,
            seed: chance.next(),
            event_types,
            collectors,
            takes_answers,
            ends_early: chance.one_in(3),
        }
    }

    pub fn start_event(&self) -> Arc<str> {
        event(START, self.seed, 0)
    }

    /// The answer to a request, which is always the same one.
    pub fn answer_to(&self, request: &str) -> Arc<str> {
        let (n, depth) = numbers_in(request);
        event(ANSWER, scrambled(&[self.seed, n]), depth + 1)
    }

    /// What the handler of a step does with an event. The last action returns or throws.
    pub fn script(&self, step: StepId, event: &str) -> Vec<Action> {
        let (n, depth) = numbers_in(event);
        let place = scrambled(&[self.seed, step.0.into(), n]);
        let mut chance = Chance::new(place);
        let mut script = Vec::new();
        let mut emissions = 0;
        let mut emit = |chance: &mut Chance| {
            emissions += 1;
            self.emission(scrambled(&[place, emissions]), depth + 1, chance)
        };
        for number in 0..chance.below(6) {
            let key: Arc<str> = match chance.below(4) {
                0 => format!("own {place}").into(),
                _ => (*chance.pick(&SHARED_KEYS)).into(),
            };
            script.push(match chance.below(13) {
                0 | 1 => Action::Get(key),
                2 => Action::LookAtAll,
                3 | 4 => Action::Set(key, format!("\"{place} {number}\"").into()),
                5 | 6 => Action::CountUp(key),
                7 => Action::Remove(key),
                8 | 9 => addition(key, place, &mut chance),
                10 => addition(LIST.into(), place, &mut chance),
                _ if depth < DEEPEST && chance.one_in(2) => match emit(&mut chance) {
                    event @ Emitted::Event { .. } if chance.one_in(2) => {
                        Action::SendLater(event, chance.below(60))
                    }
                    emitted => Action::Send(emitted),
                },
                _ => Action::Get(key),
            });
        }
        let collected = self.set_of(event, step);
        // Of a set few events have successors of their own: there would be too many.
        let most = if depth < DEEPEST && collected.is_none() { 4 - depth.min(2) } else { 1 };
        for _ in 1..chance.below(most) {
            script.push(Action::Stage(emit(&mut chance)));
        }
        if most > 1 && !self.collectors.is_empty() && chance.one_in(4) {
            self.emit_a_set(place, depth + 1, &mut script, &mut chance);
        }
        let mut collects_at = 0;
        if let Some(set) = &collected {
            collects_at = chance.index(script.len() + 1);
            script.insert(collects_at, Action::Collect(set.clone()));
        }
        let attempts = self.definition.step_options(step).retry.map_or(1, |retry| retry.max_attempts);
        if attempts > 1 && chance.one_in(if collected.is_some() { 2 } else { 5 }) {
            let first_to_succeed = 2 + u32::try_from(chance.below(u64::from(attempts) - 1)).unwrap_or(0);
            let place = collects_at + chance.index(script.len() + 1 - collects_at);
            script.insert(place, Action::ThrowBefore(first_to_succeed));
        }
        if self.ends_early && chance.one_in(30) {
            script.push(Action::Throw);
        } else if let Some(set) = collected {
            script.push(
                self.what_comes_of_a_set(step, &set).map_or(Action::Return(None), Action::ReturnIfCollected),
            );
        } else if depth < DEEPEST && chance.one_in(12) {
            script.push(Action::GiveUp(emit(&mut chance)));
        } else {
            let last = depth < DEEPEST && !chance.one_in(3);
            script.push(Action::Return(last.then(|| emit(&mut chance))));
        }
        script
    }

    /// What the compensation of a step does with the event that its handler was called with. The last action returns or
    /// throws.
    pub fn compensation(&self, step: StepId, event: &str) -> Vec<Action> {
        let place = scrambled(&[self.seed, step.0.into(), numbers_in(event).0, 1]);
        let mut chance = Chance::new(place);
        let mut script = Vec::new();
        for number in 0..chance.below(4) {
            let key: Arc<str> = (*chance.pick(&SHARED_KEYS)).into();
            script.push(match chance.below(5) {
                0 => Action::Get(key),
                1 => Action::Set(key, format!("\"{place} {number}\"").into()),
                2 => Action::CountUp(key),
                3 => addition(key, place, &mut chance),
                _ => Action::Remove(key),
            });
        }
        let attempts =
            self.definition.step_options(step).compensation.map_or(1, |policy| policy.max_attempts);
        if attempts > 1 && chance.one_in(3) {
            let first_to_succeed = 2 + u32::try_from(chance.below(u64::from(attempts) - 1)).unwrap_or(0);
            script.push(Action::ThrowBefore(first_to_succeed));
        }
        script.push(if chance.one_in(8) { Action::Throw } else { Action::Return(None) });
        script
    }

    fn emission(&self, n: u64, depth: u64, chance: &mut Chance) -> Emitted {
        match chance.below(60) {
            0..=9 if self.takes_answers => Emitted::Request {
                id: format!("r{n}").into(),
                text: event("blazen::InputRequestEvent", n, depth),
            },
            10 | 11 if self.ends_early => Emitted::Stop { text: event(STOP, n, depth) },
            12 if self.ends_early => Emitted::Unknown,
            _ => {
                let type_name = chance.pick(&self.event_types).clone();
                let text = event(&type_name, n, depth);
                Emitted::Event { type_name, text }
            }
        }
    }

    pub fn routes(&self, type_name: &str) -> &[StepId] {
        self.definition.event_type(type_name).map_or(&[], |id| self.definition.routes(id))
    }

    /// Whether a run may fail or complete before it has done everything.
    pub fn may_end_early(&self) -> bool {
        self.ends_early
    }
}

fn retry_policy(chance: &mut Chance) -> RetryPolicy {
    RetryPolicy {
        max_attempts: 2 + u32::try_from(chance.below(3)).unwrap_or(0),
        initial_delay: Duration::from_millis(chance.below(20)),
        factor: *chance.pick(&[1.0, 2.0, 3.0]),
        max_delay: Duration::from_millis(15 + chance.below(50)),
        jitter: *chance.pick(&[0.0, 0.5]),
    }
}

fn addition(key: Arc<str>, place: u64, chance: &mut Chance) -> Action {
    if &*key == LIST || chance.one_in(4) { Action::Append(key, place) } else { Action::Increment(key) }
}

fn event(type_name: &str, n: u64, depth: u64) -> Arc<str> {
    format!("{{\"type\":\"{type_name}\",\"n\":{n},\"depth\":{depth}}}").into()
}

pub fn is_of_type(event: &str, type_name: &str) -> bool {
    event.starts_with(&format!("{{\"type\":\"{type_name}\""))
}

fn numbers_in(event: &str) -> (u64, u64) {
    (number_in(event, "n"), number_in(event, "depth"))
}

/// A number of an event; 0 if it is not there.
fn number_in(event: &str, name: &str) -> u64 {
    let name = format!("\"{name}\":");
    let from = event.find(&name).map_or(event.len(), |at| at + name.len());
    event[from..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}
