//! What worlds hold, counted: a world in which nothing goes wrong shows nothing.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    ProcessLost,
    PartOfTheQueueStored,
    DeviceFailure,
    RunGivenUp,
    LateWriterRefused,
    LateHandlerRefused,
    RunningRunTakenUp,
    PausedRunTakenUp,
    BegunAnew,
    Paused,
    CutShort,
    PauseTakenBack,
    WentOn,
    Moved,
    SentBefore,
    /// What another handler had not committed was committed with what had been read of it.
    DirtyReadCommitted,
    Answered,
    AnswerRefused,
    EffectsLeftForLater,
    SentLater,
    Woken,
    AttemptedAgain,
    GivenUp,
    FailedWritesTakenBack,
    /// What a failed attempt had written was committed, because another handler had read it.
    FailedWritesCommitted,
    /// An addition has given what an earlier attempt was given.
    AddedBefore,
    AdditionRefused,
    /// An event waits for the others of its set.
    PutAside,
    Collected,
    /// A handler had its event taken for good, before it has settled.
    GatheredAtWork,
    GatheredBetweenAttempts,
    TakenUpAsleep,
    /// What slept came due while nobody had the run.
    DueWhileLost,
    DueWhilePaused,
    MovedAsleep,
    TimedOut,
    /// A run that was about to end had something to undo.
    Undoing,
    /// Handlers were waited for, to undo what they do.
    AwaitedToUndo,
    Undone,
    /// A compensation has failed for good.
    NotUndone,
    Completed,
    Failed,
    Cancelled,
}

impl Sight {
    pub const ALL: [Self; 43] = [
        Self::ProcessLost,
        Self::PartOfTheQueueStored,
        Self::DeviceFailure,
        Self::RunGivenUp,
        Self::LateWriterRefused,
        Self::LateHandlerRefused,
        Self::RunningRunTakenUp,
        Self::PausedRunTakenUp,
        Self::BegunAnew,
        Self::Paused,
        Self::CutShort,
        Self::PauseTakenBack,
        Self::WentOn,
        Self::Moved,
        Self::SentBefore,
        Self::DirtyReadCommitted,
        Self::Answered,
        Self::AnswerRefused,
        Self::EffectsLeftForLater,
        Self::SentLater,
        Self::Woken,
        Self::AttemptedAgain,
        Self::GivenUp,
        Self::FailedWritesTakenBack,
        Self::FailedWritesCommitted,
        Self::AddedBefore,
        Self::AdditionRefused,
        Self::PutAside,
        Self::Collected,
        Self::GatheredAtWork,
        Self::GatheredBetweenAttempts,
        Self::TakenUpAsleep,
        Self::DueWhileLost,
        Self::DueWhilePaused,
        Self::MovedAsleep,
        Self::TimedOut,
        Self::Undoing,
        Self::AwaitedToUndo,
        Self::Undone,
        Self::NotUndone,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sights(BTreeMap<Sight, u64>);

impl Sights {
    pub fn sees(&mut self, sight: Sight) {
        *self.0.entry(sight).or_default() += 1;
    }

    pub fn count(&self, sight: Sight) -> u64 {
        self.0.get(&sight).copied().unwrap_or(0)
    }

    pub fn add(&mut self, other: &Self) {
        for (sight, count) in &other.0 {
            *self.0.entry(*sight).or_default() += count;
        }
    }
}
