//! One run of a workflow, as a value.
//!
//! The engine is fed with inputs (a step settled, an event was sent, pause, time is now) and drained of
//! [`Effect`]s (invoke this step, release that payload, the run has ended). It never calls anybody, never
//! waits, and holds no lock. Time, ids and payloads are handed in.
//!
//! Payloads are opaque: a [`PayloadRef`] names an event that the driver keeps. The engine routes by type and
//! asks for the text of a payload only when a snapshot needs it.

#![deny(clippy::disallowed_methods)]
#![forbid(unsafe_code)]

mod additions;
mod at_work;
mod child_at_rest;
mod clock;
mod commit;
mod conflicts;
mod definition;
mod delivery;
mod done;
mod fan_in;
mod ids;
mod journal;
mod json_array;
mod key_space;
mod outcome;
mod retry_policy;
mod run;
mod run_at_rest;
mod run_state;
mod session_policy;
mod sleeping;
mod snapshot;
mod step_limits;
mod waits;

pub use additions::check_added;
pub use child_at_rest::{ChildAtRest, ChildRest};
pub use clock::{Millis, Now, WallMillis};
pub use commit::{Emission, Special};
pub use conflicts::{StateConflict, StateConflicts};
pub use definition::{Definition, DefinitionError, StepOptions};
pub use delivery::Invocation;
pub use ids::{DeliverySeq, EventTypeId, InvocationId, PayloadRef, RunId, StepId};
pub use journal::{
    Again, Change, Contents, Durability, MOST_AHEAD, Opened, Queued, Rest, Settled, Standing, Subject,
    TimeLeft,
};
pub use key_space::KeySpace;
pub use outcome::{Outcome, RunFailure};
pub use retry_policy::{FailedAttempt, RetryPolicy};
pub use run::{
    AppendError, DeliveryError, Effect, Incoming, Interrupted, LifecycleError, PauseError, ReceiveError,
    RespondError, Run, RunOptions, SnapshotRefusal, WriteError,
};
pub use run_at_rest::{
    Ending, HeldEvent, Origin, PendingDelivery, PendingEvent, RestingWait, ResumeError, RunAtRest, WaitKind,
};
pub use session_policy::{SessionNotEmpty, SessionPausePolicy};
pub use snapshot::{MAX_DEPTH, MAX_RUN_DEPTH, SNAPSHOT_VERSION, SnapshotError, type_in_text};
pub use waits::{Awaited, Expiry};
