//! All that comes of a run that is not ended before.

use std::collections::BTreeMap;
use std::sync::Arc;

use blazen::engine::StepId;

use super::super::chance::scrambled;
use super::{ANSWER, Action, Emitted, START, Workload, numbers_in};

/// Deliveries, counted and summed up so that sets of them can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u64,
    pub sum: u64,
}

impl Tally {
    pub fn add(&mut self, step: StepId, event: &str) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(place_of(step, event));
    }
}

impl Workload {
    /// Everything that a run does which is not ended before: how many deliveries, and their sum.
    pub fn whole_tree(&self) -> Tally {
        let mut tally = Tally::default();
        let mut events = vec![(START.to_owned(), self.start_event())];
        let mut arrived: BTreeMap<(StepId, Arc<str>), u32> = BTreeMap::new();
        while let Some((type_name, text)) = events.pop() {
            for &step in self.routes(&type_name) {
                tally.add(step, &text);
                let mut emitted = what_comes_of(self.script(step, &text));
                if let Some(set) = self.set_of(&text, step) {
                    let arrived = arrived.entry((step, set.key.clone())).or_default();
                    *arrived += 1;
                    let is_complete = *arrived == set.count;
                    emitted.extend(self.what_comes_of_a_set(step, &set).filter(|_| is_complete));
                }
                for emitted in emitted {
                    match emitted {
                        Emitted::Event { type_name, text } => events.push((type_name, text)),
                        Emitted::Request { text, .. } => {
                            events.push((ANSWER.to_owned(), self.answer_to(&text)));
                        }
                        Emitted::Stop { .. } | Emitted::Unknown => {}
                    }
                }
            }
        }
        tally
    }
}

/// What is emitted in the end, whichever attempt does it, but for what comes of a set.
fn what_comes_of(script: Vec<Action>) -> Vec<Emitted> {
    let gives_up = matches!(script.last(), Some(Action::GiveUp(_)));
    let emitted = script.into_iter().filter_map(|action| match action {
        Action::Stage(_) if gives_up => None,
        Action::Send(emitted) | Action::SendLater(emitted, _) | Action::Stage(emitted) => Some(emitted),
        Action::Return(last) => last,
        Action::GiveUp(last) => Some(last),
        _ => None,
    });
    emitted.collect()
}

/// What tells one delivery of a run from all others, also after a crash has numbered them anew.
pub fn place_of(step: StepId, event: &str) -> u64 {
    scrambled(&[step.0.into(), numbers_in(event).0])
}
