//! Events that are emitted together, to be received together.

use std::sync::Arc;

use blazen::engine::StepId;

use super::super::chance::{Chance, scrambled};
use super::{Action, DEEPEST, Emitted, Workload, is_of_type, number_in, numbers_in};

/// The events of one emitter that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    pub key: Arc<str>,
    pub type_name: String,
    /// How many they are.
    pub count: u32,
    /// How many events followed from each other until they were emitted.
    depth: u64,
}

impl Workload {
    /// Emits the events of a set, each in its own way.
    pub(super) fn emit_a_set(&self, place: u64, depth: u64, script: &mut Vec<Action>, chance: &mut Chance) {
        let type_name = chance.pick(&self.event_types).clone();
        let count = *chance.pick(&[1, 2, 2, 3]);
        for number in 0..count {
            let n = scrambled(&[place, number, 2]);
            let text = format!(
                "{{\"type\":\"{type_name}\",\"n\":{n},\"depth\":{depth},\"set\":{place},\"of\":{count}}}"
            );
            let emitted = Emitted::Event { type_name: type_name.clone(), text: text.into() };
            script.push(match chance.below(4) {
                0 => Action::Send(emitted),
                1 => Action::SendLater(emitted, chance.below(60)),
                _ => Action::Stage(emitted),
            });
        }
    }

    /// The set that an event belongs to, if a step collects those.
    pub(super) fn set_of(&self, event: &str, step: StepId) -> Option<Set> {
        let count = u32::try_from(number_in(event, "of")).ok().filter(|count| *count > 0)?;
        let type_name = self.event_types.iter().find(|name| is_of_type(event, name))?.clone();
        let (key, (_, depth)) = (number_in(event, "set").to_string().into(), numbers_in(event));
        self.collectors.contains(&step).then_some(Set { key, type_name, count, depth })
    }

    /// What a step emits when it has all events of a set: the same whichever handler it is that has them.
    pub(super) fn what_comes_of_a_set(&self, step: StepId, set: &Set) -> Option<Emitted> {
        let key = set.key.parse().expect("the key of a set is a number");
        let n = scrambled(&[self.seed, step.0.into(), key, 3]);
        (set.depth < DEEPEST).then(|| self.emission(n, set.depth + 1, &mut Chance::new(n)))
    }
}
