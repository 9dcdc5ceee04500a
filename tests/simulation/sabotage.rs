//! Bugs that are planted to see whether they are found.
//!
//! Each is one that a store, a writer, a recorder or a driver could have. The engine itself is left as it is.

use blazen::engine::{Origin, PendingDelivery, PendingEvent, RunAtRest};
use blazen::store::commit::Rest;
use blazen::store::{Commit, Refusal, StoreError};
use blazen::{ExactString, StateValue, Written};

use super::chance::Chance;
use super::writer::of_one_run;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    // The store and its writer.
    SkipTheVersionCheck,
    SkipTheFence,
    AcknowledgeBeforeCommit,
    StoreHalfABatch,
    ReorderABatch,
    CommitTwice,
    // What turns changes into commits.
    DropAnEmittedEvent,
    DuplicateAQueuedDelivery,
    SplitACommit,
    ForgetWhatWasSent,
    ForgetAnAttempt,
    ForgetAnAnswer,
    ForgetTheTime,
    LoseAWrittenKey,
    CommitAnUncommittedWrite,
    ForgetAWait,
    ForgetAWakeUp,
    ForgetAFailedAttempt,
    ForgetWhatIsDone,
    ForgetThatItUndoes,
    ForgetWhatWasAdded,
    ForgetWhatIsHeld,
    ForgetWhatWasGathered,
    ForgetWhenItWakes,
    // Taking up.
    ResumeAPausedRun,
    TakeUpWithoutAnAttempt,
    ForgetTheLastDelivery,
    WakeInACrash,
    WakeEarlyAfterACrash,
    LoseASleeperInACrash,
    FireATimerTwice,
    RaiseTheAttemptOfASleeper,
    AddAgainAfterACrash,
    LoseWhatIsHeldInACrash,
    // The driver.
    InvokeBeforeDurable,
    AnnounceBeforeDurable,
    TakeALateHandler,
    FireATimerEarly,
    MissATimer,
    KeepWhatAFailedAttemptWrote,
}

impl Sabotage {
    pub const ALL: [Self; 40] = [
        Self::SkipTheVersionCheck,
        Self::SkipTheFence,
        Self::AcknowledgeBeforeCommit,
        Self::StoreHalfABatch,
        Self::ReorderABatch,
        Self::CommitTwice,
        Self::DropAnEmittedEvent,
        Self::DuplicateAQueuedDelivery,
        Self::SplitACommit,
        Self::ForgetWhatWasSent,
        Self::ForgetAnAttempt,
        Self::ForgetAnAnswer,
        Self::ForgetTheTime,
        Self::LoseAWrittenKey,
        Self::CommitAnUncommittedWrite,
        Self::ForgetAWait,
        Self::ForgetAWakeUp,
        Self::ForgetAFailedAttempt,
        Self::ForgetWhatIsDone,
        Self::ForgetThatItUndoes,
        Self::ForgetWhatWasAdded,
        Self::ForgetWhatIsHeld,
        Self::ForgetWhatWasGathered,
        Self::ForgetWhenItWakes,
        Self::ResumeAPausedRun,
        Self::TakeUpWithoutAnAttempt,
        Self::ForgetTheLastDelivery,
        Self::WakeInACrash,
        Self::WakeEarlyAfterACrash,
        Self::LoseASleeperInACrash,
        Self::FireATimerTwice,
        Self::RaiseTheAttemptOfASleeper,
        Self::AddAgainAfterACrash,
        Self::LoseWhatIsHeldInACrash,
        Self::InvokeBeforeDurable,
        Self::AnnounceBeforeDurable,
        Self::TakeALateHandler,
        Self::FireATimerEarly,
        Self::MissATimer,
        Self::KeepWhatAFailedAttemptWrote,
    ];

    /// What is written instead of a batch. `Ok` is answered for every commit that the writer believes to be stored.
    pub fn writes(
        self,
        batch: &[Commit],
        mut commit: impl FnMut(&[Commit]) -> Result<Vec<Result<(), Refusal>>, StoreError>,
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        match self {
            Self::StoreHalfABatch => {
                commit(&batch[..batch.len() / 2])?;
                Ok(vec![Ok(()); batch.len()])
            }
            Self::ReorderABatch => {
                let mut reordered = batch.to_vec();
                if let Some((first, second)) = of_one_run(batch) {
                    reordered.swap(first, second);
                    for at in [first, second] {
                        reordered[at].version = batch[at].version;
                        reordered[at].creates.clone_from(&batch[at].creates);
                    }
                }
                commit(&reordered)
            }
            Self::CommitTwice => {
                let answers = commit(batch)?;
                if let Some(last) = batch.last() {
                    _ = commit(&[Commit { version: last.version + 1, creates: None, ..last.clone() }]);
                }
                Ok(answers)
            }
            _ => commit(batch),
        }
    }

    /// What is queued instead of a commit. `uncommitted` is a key that stands in the state, committed or not.
    pub fn spoils(self, mut commit: Commit, uncommitted: Option<(String, String)>) -> Vec<Commit> {
        match self {
            Self::DropAnEmittedEvent => _ = commit.queued.pop(),
            Self::DuplicateAQueuedDelivery => {
                if let Some(mut last) = commit.queued.last().cloned() {
                    commit.last_delivery += 1;
                    last.delivery = commit.last_delivery;
                    commit.queued.push(last);
                }
            }
            Self::SplitACommit if commit.settled.is_some() && !commit.queued.is_empty() => {
                let mut first = commit.clone();
                first.queued.clear();
                commit.version += 1;
                commit.settled = None;
                return vec![first, commit];
            }
            Self::ForgetWhatWasSent => commit.sent = None,
            Self::ForgetAnAttempt => _ = commit.again.pop(),
            Self::ForgetAnAnswer => commit.closed = None,
            Self::ForgetWhatIsDone => commit.done = None,
            Self::ForgetThatItUndoes => commit.ending = None,
            Self::ForgetWhatWasAdded => commit.added.clear(),
            Self::ForgetWhatIsHeld => commit.held = None,
            Self::ForgetWhatWasGathered => commit.gathered.clear(),
            Self::ForgetWhenItWakes if matches!(commit.rest, Rest::Asleep(_)) => commit.rest = Rest::Waiting,
            Self::ForgetTheTime => commit.time_remaining = None,
            Self::LoseAWrittenKey => _ = commit.written.pop(),
            Self::ForgetAWait => {
                commit.queued.iter_mut().for_each(|queued| queued.due = None);
                commit.again.iter_mut().for_each(|again| again.due = None);
            }
            // Only what has slept is queued again for its first attempt.
            Self::ForgetAWakeUp => commit.again.retain(|again| again.due.is_some() || again.attempt > 1),
            Self::ForgetAFailedAttempt => {
                commit
                    .again
                    .iter_mut()
                    .filter(|again| again.due.is_some())
                    .for_each(|again| again.attempt -= 1);
            }
            Self::CommitAnUncommittedWrite => {
                if let Some((key, value)) = uncommitted {
                    let key = ExactString::from(key.as_str());
                    commit.written.retain(|written| written.key != key);
                    let after = Some(StateValue::Json(value));
                    commit.written.push(Written { key, place: 1_000, before: None, after });
                }
            }
            _ => {}
        }
        vec![commit]
    }

    /// How a run is taken up instead.
    pub fn takes_up(self, at_rest: &mut RunAtRest) {
        match (self, &mut at_rest.origin) {
            (Self::ResumeAPausedRun, Origin::Store { paused, .. }) => *paused = false,
            (Self::TakeUpWithoutAnAttempt, _) => {
                for delivery in deliveries_in(&mut at_rest.pending_events) {
                    delivery.attempt = delivery.attempt.saturating_sub(1);
                }
            }
            (Self::ForgetTheLastDelivery, _) => {
                at_rest.last_delivery.0 = at_rest.last_delivery.0.saturating_sub(1);
            }
            (Self::AddAgainAfterACrash, _) => {
                deliveries_in(&mut at_rest.pending_events).for_each(|delivery| delivery.added = None);
            }
            (Self::LoseWhatIsHeldInACrash, _) => at_rest
                .pending_events
                .retain(|event| event.deliveries.iter().all(|delivery| delivery.held.is_none())),
            _ => self.takes_up_sleepers(at_rest),
        }
    }

    /// What becomes of those that sleep instead.
    fn takes_up_sleepers(self, at_rest: &mut RunAtRest) {
        let events = &mut at_rest.pending_events;
        for delivery in deliveries_in(events) {
            let Some(due) = &mut delivery.due else { continue };
            match self {
                Self::WakeInACrash => delivery.due = None,
                Self::WakeEarlyAfterACrash => due.0 -= 10,
                Self::RaiseTheAttemptOfASleeper => delivery.attempt += 1,
                _ => {}
            }
        }
        let sleeps = |event: &PendingEvent| event.deliveries.iter().any(|delivery| delivery.due.is_some());
        match self {
            Self::LoseASleeperInACrash => events.retain(|event| !sleeps(event)),
            Self::FireATimerTwice => {
                let Some(asleep) = events.iter().find(|event| sleeps(event)) else { return };
                at_rest.last_delivery.0 += 1;
                let deliveries = asleep.deliveries.iter().map(|delivery| PendingDelivery {
                    seq: at_rest.last_delivery,
                    step: delivery.step.clone(),
                    held: None,
                    added: None,
                    ..*delivery
                });
                let twin = PendingEvent { json: asleep.json.clone(), deliveries: deliveries.collect() };
                events.push(twin);
            }
            _ => {}
        }
    }

    /// Whether it happens this time.
    pub fn strikes(self, chance: &mut Chance) -> bool {
        chance.one_in(match self {
            Self::SplitACommit | Self::DropAnEmittedEvent => 4,
            _ => 2,
        })
    }
}

fn deliveries_in(events: &mut [PendingEvent]) -> impl Iterator<Item = &mut PendingDelivery> {
    events.iter_mut().flat_map(|event| &mut event.deliveries)
}
