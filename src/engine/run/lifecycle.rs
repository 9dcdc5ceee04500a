//! Wishes from outside: pause, go on, abort, and what the clock says.

use thiserror::Error;

use super::super::clock::Millis;
use super::super::ids::InvocationId;
use super::super::outcome::{Outcome, RunFailure};
use super::super::session_policy::{SessionNotEmpty, SessionPausePolicy};
use super::Run;
use super::phase::Phase;

/// Why a wish cannot be granted in the phase that the run is in.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LifecycleError {
    /// The run is over.
    #[error("the run has ended")]
    Ended,
    /// Only a paused run can be resumed or taken as a snapshot.
    #[error("the run is not paused; pause() it first")]
    NotPaused,
}

/// Why a run cannot be paused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PauseError {
    /// The run is over.
    #[error("the run has ended")]
    Ended,
    /// Its session stands in the way.
    #[error(transparent)]
    Session(#[from] SessionNotEmpty),
}

/// The invocations that an interruption has cut short, for the driver to tell their handlers.
pub type Interrupted = Vec<InvocationId>;

impl Run {
    /// Stops new deliveries. [`Effect::Paused`](super::Effect::Paused) follows when nothing is in flight; a run
    /// that is paused or pausing already stays so.
    pub fn pause(&mut self, policy: SessionPausePolicy) -> Result<(), PauseError> {
        match self.phase {
            Phase::Ended(_) => Err(PauseError::Ended),
            Phase::Pausing | Phase::Paused => Ok(()),
            Phase::Running => {
                policy.check(&self.session)?;
                self.begin_pausing();
                Ok(())
            }
        }
    }

    /// A pausing run waits no longer: what is in flight goes back to the queue, to be invoked again on resume.
    pub fn interrupt(&mut self) -> Interrupted {
        if !matches!(self.phase, Phase::Pausing) {
            return Interrupted::new();
        }
        let interrupted = self.in_flight.by_age();
        self.take_back_in_flight();
        interrupted
    }

    /// A pausing run does not wait for these invocations: those of them that are in flight go back to the queue, to be
    /// invoked again on resume. Gives them, by age.
    pub fn cut_short(&mut self, invocations: &[InvocationId]) -> Interrupted {
        if !matches!(self.phase, Phase::Pausing) {
            return Interrupted::new();
        }
        let mut cut_short = self.in_flight.by_age();
        cut_short.retain(|one| invocations.contains(one));
        self.take_back(&cut_short);
        cut_short
    }

    /// Attempts that a driver keeps waiting, and whose handlers it has not called, go back to the queue as they were: a
    /// pause waits for none of them. What is not in flight is passed over.
    pub fn put_back(&mut self, invocations: &[InvocationId]) {
        for &invocation in invocations {
            self.take_back_unbegun(invocation);
        }
        self.draw_consequences(None);
        self.seal();
    }

    /// Goes on, whether the run is paused or only about to be.
    pub fn resume_in_place(&mut self, now: Millis) -> Result<(), LifecycleError> {
        match self.phase {
            Phase::Ended(_) => Err(LifecycleError::Ended),
            Phase::Running => Err(LifecycleError::NotPaused),
            Phase::Pausing | Phase::Paused => {
                self.go_on(now);
                Ok(())
            }
        }
    }

    /// Ends the run, in whatever phase it is, once what it has done is undone. Says whether it does: a run that has ended,
    /// or is about to, stays as it is.
    pub fn abort(&mut self) -> bool {
        let goes_on = self.outcome().is_none() && !self.is_undoing();
        self.end_or_undo(Outcome::Aborted);
        goes_on
    }

    /// Tells the run the time. What is due happens.
    pub fn time_is_now(&mut self, now: Millis) {
        if !self.is_on_the_clock() {
            return;
        }
        if let Some(limit) = self.time_limit.expired(now) {
            self.end_or_undo(Outcome::Failed(RunFailure::TimedOut { limit }));
        } else if matches!(self.phase, Phase::Running) {
            self.wake_what_is_due(now);
            self.give_up_waiting(now);
        }
    }

    /// Whether time counts: also while a pause waits for what is in flight, which may take for ever.
    pub(super) fn is_on_the_clock(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Pausing)
    }

    /// Whether the run is paused, so that a snapshot of it can be taken.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        matches!(self.phase, Phase::Paused)
    }
}
