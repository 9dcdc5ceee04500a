//! What a handler does, as inputs: it returns, sends, or fails.

use thiserror::Error;

use super::super::clock::Millis;
use super::super::commit::{Cause, Emission};
use super::super::delivery::{Delivery, InFlight};
use super::super::ids::{DeliverySeq, InvocationId};
use super::super::outcome::{Outcome, RunFailure};
use super::super::retry_policy::FailedAttempt;
use super::Run;
use super::phase::Phase;

/// Why nothing is taken from a handler any more.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DeliveryError {
    /// The handler has returned, or was cut short.
    #[error("the handler that this context belongs to has settled; await what it does before it returns")]
    Settled,
    /// The run is over.
    #[error("the run has ended")]
    Ended,
    /// The run is about to end.
    #[error("the run is about to end: it undoes what it has done")]
    Undoing,
    /// One event is collected once.
    #[error("the event of this handler is collected under another key")]
    CollectsElsewhere,
}

impl Run {
    /// Adds an emission to what `invocation` will emit when it settles.
    pub fn stage(&mut self, invocation: InvocationId, emission: Emission) -> Result<(), DeliveryError> {
        self.in_flight_mut(invocation)?.stage(emission);
        Ok(())
    }

    /// The handler of `invocation` has returned; `last` is emitted after what was staged.
    pub fn settle(&mut self, invocation: InvocationId, last: Option<Emission>) -> Result<(), DeliveryError> {
        let staged = self.in_flight_mut(invocation)?.take_staged();
        let returned = Cause::Returned(invocation);
        if self.undoing.is_some() {
            self.discard(staged.into_iter().chain(last));
            self.apply(returned, None);
        } else if staged.is_empty() {
            self.apply(returned, last);
        } else {
            self.apply(returned, staged.into_iter().chain(last));
        }
        Ok(())
    }

    /// The handler of `invocation` emits at once. An event that an earlier attempt has sent from the same position
    /// is not sent again; its payload is released. Nor is one while the run undoes what it has done.
    pub fn send(&mut self, invocation: InvocationId, emission: Emission) -> Result<(), DeliveryError> {
        let otherwise = self.why_not_in_flight();
        let sender = self.in_flight.get_mut(invocation).ok_or(otherwise)?;
        sender.sent += 1;
        if sender.sent <= sender.delivery.sent_before || self.undoing.is_some() {
            self.discard([emission]);
        } else {
            let sent = Cause::Sent(invocation, sender.sent);
            self.apply(sent, [emission]);
        }
        Ok(())
    }

    /// The handler of `invocation` threw or rejected: the run fails. One that undoes what it has done goes on with that.
    pub fn fail_step(&mut self, invocation: InvocationId) -> Result<(), DeliveryError> {
        let step = self.in_flight_mut(invocation)?.delivery.step;
        if self.undoing.is_some() {
            self.fail_while_undoing(invocation);
            return Ok(());
        }
        let step = self.definition.step_name(step).to_owned();
        self.end_or_undo_without(Some(invocation), Outcome::Failed(RunFailure::StepFailed { step }));
        Ok(())
    }

    /// The handler of `invocation` threw or rejected. Says whether it will be called again; if not, nothing has changed,
    /// and [`Run::fail_step`] or [`Run::give_up`] says what comes of it.
    pub fn try_again(
        &mut self,
        invocation: InvocationId,
        failed: &FailedAttempt,
        now: Millis,
    ) -> Result<bool, DeliveryError> {
        let Delivery { step, attempt, .. } = self.in_flight_mut(invocation)?.delivery;
        let options = self.definition.step_options(step);
        let policy = match &self.undoing {
            None => options.retry,
            Some(undoing) if undoing.has_begun() => options.compensation,
            Some(_) => None,
        };
        let Some(wait) = policy.and_then(|policy| policy.wait_after(attempt, failed)) else {
            return Ok(false);
        };
        self.put_to_sleep(invocation, now.after(wait));
        Ok(true)
    }

    /// The handler of `invocation` has failed for good, and the run goes on with `last` in its stead.
    pub fn give_up(&mut self, invocation: InvocationId, last: Emission) -> Result<(), DeliveryError> {
        let failed = self.in_flight_mut(invocation)?;
        failed.has_given_up = true;
        let staged = failed.take_staged();
        self.discard(staged);
        self.give_up_work(invocation);
        self.settle(invocation, Some(last))
    }

    /// Whether anything is taken from the handler of `invocation`.
    pub fn expect_in_flight(&self, invocation: InvocationId) -> Result<(), DeliveryError> {
        if self.in_flight.contains(invocation) { Ok(()) } else { Err(self.why_not_in_flight()) }
    }

    /// What `invocation` is an attempt at.
    pub fn delivery_of(&self, invocation: InvocationId) -> Result<DeliverySeq, DeliveryError> {
        let in_flight = self.in_flight.get(invocation).ok_or_else(|| self.why_not_in_flight())?;
        Ok(in_flight.delivery.seq)
    }

    pub(super) fn in_flight_mut(&mut self, invocation: InvocationId) -> Result<&mut InFlight, DeliveryError> {
        let otherwise = self.why_not_in_flight();
        self.in_flight.get_mut(invocation).ok_or(otherwise)
    }

    pub(super) fn why_not_in_flight(&self) -> DeliveryError {
        match self.phase {
            Phase::Ended(_) => DeliveryError::Ended,
            _ if self.undoing.is_some() => DeliveryError::Undoing,
            _ => DeliveryError::Settled,
        }
    }

    /// What was to be emitted is not.
    pub(super) fn discard(&mut self, emissions: impl IntoIterator<Item = Emission>) {
        for payload in emissions.into_iter().flat_map(|emission| emission.payloads()) {
            self.release(payload);
        }
    }
}
