//! The stream of a run: what its readers are told, and what is kept of it with the run.
//!
//! A stream that is kept has its events in the changes of the run, in the order in which they were written, and readers
//! have none of them before its change is durable: an event never stands at an offset that another may get after a crash.
//! What handlers write goes with whatever else changes next, so that many events make few changes.

use super::super::ids::{InvocationId, PayloadRef};
use super::super::run_at_rest::Origin;
use super::journaling::Outgoing;
use super::{DeliveryError, Effect, Run};

impl Run {
    /// The handler of `invocation` writes to the stream, of a run that keeps it. The event is part of the next change,
    /// or of one that [`Run::seal_stream`] makes.
    pub fn write_to_stream(
        &mut self,
        invocation: InvocationId,
        payload: PayloadRef,
    ) -> Result<(), DeliveryError> {
        self.expect_in_flight(invocation)?;
        self.stream(payload, Effect::Stream(payload));
        Ok(())
    }

    /// What was written to the stream and is part of no change yet is one of its own.
    pub fn seal_stream(&mut self) {
        self.seal();
    }

    /// An input request stands in the stream as well.
    pub(super) fn publish(&mut self, request: PayloadRef) {
        self.stream(request, Effect::Publish(request));
    }

    /// A run at rest had this request open. A stream that is kept has it, unless it begins here.
    pub(super) fn publish_again(&mut self, request: PayloadRef, origin: Origin) {
        let is_kept = self.keeps_stream && matches!(origin, Origin::Store { streamed: 1.., .. });
        if !is_kept {
            self.publish(request);
        }
    }

    fn stream(&mut self, payload: PayloadRef, effect: Effect) {
        let caused_by = self.next_change();
        self.outbox.push_back(Outgoing { effect, caused_by });
        if self.keeps_stream
            && let Some(change) = self.change()
        {
            change.streamed.push(payload);
        }
    }
}
