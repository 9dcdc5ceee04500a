//! What sleeps in a run, as its commits tell it: nothing wakes early, nothing twice, and no attempt is lost on the way.

use std::collections::BTreeMap;

use blazen::store::Commit;

use super::super::expected::millis;

/// When each pending delivery is due, if it sleeps, and the number of its next attempt.
#[derive(Clone, Debug, Default)]
pub struct Timers(BTreeMap<u64, (Option<u64>, u32)>);

impl Timers {
    /// When a delivery is due, if it sleeps.
    pub fn due(&self, delivery: u64) -> Option<u64> {
        self.0.get(&delivery).and_then(|(due, _)| *due)
    }

    /// What is wrong with what a commit tells of them, if anything.
    pub fn hears(&mut self, commit: &Commit) -> Option<&'static str> {
        if commit.replaces {
            self.0.clear();
        }
        let mut wrong = None;
        if let Some(settled) = &commit.settled
            && self.0.remove(&settled.delivery).is_none_or(|(due, _)| due.is_some())
        {
            wrong = Some("I6: it settles what sleeps, or is not pending");
        }
        if let (Some(settled), Some(_)) = (&commit.settled, commit.done) {
            self.0.insert(settled.delivery, (None, 1));
        }
        let at = millis(Some(commit.at));
        for again in &commit.again {
            let due = millis(again.due);
            let is_so = match self.0.insert(again.delivery, (due, again.attempt)) {
                // It wakes, to the attempt that it slept before.
                Some((Some(was_due), attempt)) => {
                    due.is_none() && Some(was_due) <= at && again.attempt == attempt
                }
                // It was cut short, has failed, or was lost with its process.
                Some((None, attempt)) => again.attempt == attempt + 1,
                None => false,
            };
            if !is_so {
                wrong = wrong.or(Some("I6: a timer fires early or twice, or an attempt is not counted"));
            }
        }
        for queued in &commit.queued {
            self.0.insert(queued.delivery, (millis(queued.due), queued.attempt));
        }
        wrong
    }
}
