//! What handlers add to the state: once, in however many attempts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::expected::Results;
use super::super::sights::Sight;
use super::Model;

/// What the attempts at one delivery have added.
#[derive(Clone, Default)]
pub(super) struct Additions {
    results: Results,
    /// How often this attempt has added to each key, or tried to.
    tries: BTreeMap<Arc<str>, usize>,
    /// Whether this attempt has changed what there is to remember.
    changed: bool,
}

impl Additions {
    pub(super) fn after(earlier: Option<&Results>) -> Self {
        Self { results: earlier.cloned().unwrap_or_default(), ..Self::default() }
    }

    /// What the last try has given.
    fn note(&mut self, key: &Arc<str>, result: Option<Arc<str>>) {
        let results = self.results.entry(key.clone()).or_default();
        let place = self.tries[key] - 1;
        if place == results.len() {
            results.push(result);
        } else if result.is_some() {
            results[place] = result;
        }
    }
}

impl Model {
    /// The handler is about to add to `key`: what that has given to an earlier attempt. If there is no such thing, the model
    /// is told what comes of it.
    pub fn tries_to_add(&mut self, writer: u64, key: &Arc<str>) -> Option<Arc<str>> {
        let Additions { results, tries, .. } = &mut self.worker(writer).additions;
        let tries = tries.entry(key.clone()).or_default();
        *tries += 1;
        let given = results.get(key)?.get(*tries - 1)?.clone();
        if given.is_some() {
            self.seen.push(Sight::AddedBefore);
        }
        given
    }

    /// `value` is what stands at `key` after an addition that has given `result`.
    pub fn adds(&mut self, writer: u64, key: &Arc<str>, value: Arc<str>, result: Arc<str>) {
        self.write_down(writer, key, Some(value));
        let additions = &mut self.worker(writer).additions;
        additions.changed = true;
        additions.note(key, Some(result));
    }

    /// Nothing was added to `key`.
    pub fn is_refused(&mut self, writer: u64, key: &Arc<str>) {
        self.seen.push(Sight::AdditionRefused);
        self.worker(writer).additions.note(key, None);
    }

    /// The handler has set `key`, or taken it out: what was added to it will be added again.
    pub(super) fn forgets_what_it_adds(&mut self, writer: u64, key: &Arc<str>) {
        let Additions { results, tries, changed } = &mut self.worker(writer).additions;
        let Some(results) = results.get_mut(key) else { return };
        let tries = tries.get(key).copied().unwrap_or(0);
        *changed |= results.len() > tries;
        results.truncate(tries);
    }

    /// What the handler has added so far is committed.
    pub(super) fn keeps_what_it_has_added(&mut self, writer: u64) {
        let worker = self.worker(writer);
        if std::mem::take(&mut worker.additions.changed) {
            let (delivery, results) = (worker.delivery, worker.additions.results.clone());
            self.added.push(delivery);
            self.rest.pending.get_mut(&delivery).expect("what is at work is pending").added = Some(results);
        }
    }
}
