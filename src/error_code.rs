//! The stable code of every error that native code gives: part of the public contract. The JavaScript layer turns a
//! code into its error class.

use crate::engine::{
    AppendError, DefinitionError, DeliveryError, LifecycleError, Origin, PauseError, ReceiveError,
    RespondError, ResumeError, RunFailure, SnapshotError, SnapshotRefusal, WriteError,
};
use crate::store::{Refusal, StoreError};

/// The stable codes that native code gives.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // said in docs/errors.md
pub enum ErrorCode {
    Aborted,
    DeliverySettled,
    DuplicateRequest,
    Expired,
    Internal,
    InvalidArgument,
    NobodyTakesAnswers,
    NotPaused,
    NotSerializable,
    Paused,
    RunConflict,
    RunEnded,
    RunExists,
    RunMismatch,
    SessionNotEmpty,
    SnapshotInvalid,
    SnapshotMismatch,
    SnapshotVersion,
    Stalled,
    StateConflict,
    StepFailed,
    StoreClosed,
    StoreCorrupt,
    StoreFull,
    StoreIo,
    StoreLocked,
    StoreReadOnly,
    StoreUnavailable,
    StoreVersion,
    TimedOut,
    TooLarge,
    UnknownRequest,
    Unrouted,
}

impl AsRef<str> for ErrorCode {
    fn as_ref(&self) -> &str {
        match self {
            Self::Aborted => "ERR_BLAZEN_ABORTED",
            Self::DeliverySettled => "ERR_BLAZEN_DELIVERY_SETTLED",
            Self::DuplicateRequest => "ERR_BLAZEN_DUPLICATE_REQUEST",
            Self::Expired => "ERR_BLAZEN_EXPIRED",
            Self::Internal => "ERR_BLAZEN_INTERNAL",
            Self::InvalidArgument => "ERR_BLAZEN_INVALID_ARGUMENT",
            Self::NobodyTakesAnswers => "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
            Self::NotPaused => "ERR_BLAZEN_NOT_PAUSED",
            Self::NotSerializable => "ERR_BLAZEN_NOT_SERIALIZABLE",
            Self::Paused => "ERR_BLAZEN_PAUSED",
            Self::RunConflict => "ERR_BLAZEN_RUN_CONFLICT",
            Self::RunEnded => "ERR_BLAZEN_RUN_ENDED",
            Self::RunExists => "ERR_BLAZEN_RUN_EXISTS",
            Self::RunMismatch => "ERR_BLAZEN_RUN_MISMATCH",
            Self::SessionNotEmpty => "ERR_BLAZEN_SESSION_NOT_EMPTY",
            Self::SnapshotInvalid => "ERR_BLAZEN_SNAPSHOT_INVALID",
            Self::SnapshotMismatch => "ERR_BLAZEN_SNAPSHOT_MISMATCH",
            Self::SnapshotVersion => "ERR_BLAZEN_SNAPSHOT_VERSION",
            Self::Stalled => "ERR_BLAZEN_STALLED",
            Self::StateConflict => "ERR_BLAZEN_STATE_CONFLICT",
            Self::StepFailed => "ERR_BLAZEN_STEP_FAILED",
            Self::StoreClosed => "ERR_BLAZEN_STORE_CLOSED",
            Self::StoreCorrupt => "ERR_BLAZEN_STORE_CORRUPT",
            Self::StoreFull => "ERR_BLAZEN_STORE_FULL",
            Self::StoreIo => "ERR_BLAZEN_STORE_IO",
            Self::StoreLocked => "ERR_BLAZEN_STORE_LOCKED",
            Self::StoreReadOnly => "ERR_BLAZEN_STORE_READ_ONLY",
            Self::StoreUnavailable => "ERR_BLAZEN_STORE_UNAVAILABLE",
            Self::StoreVersion => "ERR_BLAZEN_STORE_VERSION",
            Self::TimedOut => "ERR_BLAZEN_TIMEOUT",
            Self::TooLarge => "ERR_BLAZEN_TOO_LARGE",
            Self::UnknownRequest => "ERR_BLAZEN_UNKNOWN_REQUEST",
            Self::Unrouted => "ERR_BLAZEN_UNROUTED_EVENT",
        }
    }
}

/// An error that JavaScript can be told of.
pub trait Coded: std::error::Error {
    /// Its code.
    fn code(&self) -> ErrorCode;
}

impl Coded for DefinitionError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

impl Coded for DeliveryError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Settled => ErrorCode::DeliverySettled,
            Self::Ended | Self::Undoing => ErrorCode::RunEnded,
            Self::CollectsElsewhere => ErrorCode::InvalidArgument,
        }
    }
}

impl Coded for WriteError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Delivery(refusal) => refusal.code(),
            Self::Conflict(_) => ErrorCode::StateConflict,
        }
    }
}

impl Coded for AppendError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Delivery(refusal) => refusal.code(),
            Self::NoArray { .. } => ErrorCode::InvalidArgument,
            Self::TooLong { .. } => ErrorCode::NotSerializable,
        }
    }
}

impl Coded for LifecycleError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ended => ErrorCode::RunEnded,
            Self::NotPaused => ErrorCode::NotPaused,
        }
    }
}

impl Coded for PauseError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ended => ErrorCode::RunEnded,
            Self::Session(_) => ErrorCode::SessionNotEmpty,
        }
    }
}

impl Coded for RespondError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotOpen { .. } => ErrorCode::UnknownRequest,
            Self::Paused => ErrorCode::Paused,
            Self::Ended => ErrorCode::RunEnded,
        }
    }
}

impl Coded for ReceiveError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unrouted { .. } => ErrorCode::InvalidArgument,
            Self::Paused => ErrorCode::Paused,
            Self::Ended => ErrorCode::RunEnded,
        }
    }
}

impl Coded for SnapshotRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotPaused => ErrorCode::NotPaused,
            Self::Session(_) => ErrorCode::SessionNotEmpty,
            Self::PayloadsMissing { .. } | Self::EndingMissing => ErrorCode::Internal,
        }
    }
}

impl Coded for SnapshotError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Newer { .. } => ErrorCode::SnapshotVersion,
            Self::Empty | Self::CutOff { .. } | Self::Malformed { .. } | Self::TooDeep => {
                ErrorCode::SnapshotInvalid
            }
        }
    }
}

impl Coded for ResumeError {
    fn code(&self) -> ErrorCode {
        let (Self::OtherWorkflow { origin, .. }
        | Self::StepGone { origin, .. }
        | Self::NobodyAccepts { origin, .. }
        | Self::CannotUndo { origin, .. }
        | Self::NobodyTakesAnswers { origin, .. }) = self;
        match origin {
            Origin::Snapshot => ErrorCode::SnapshotMismatch,
            Origin::Store { .. } => ErrorCode::RunMismatch,
        }
    }
}

impl Coded for RunFailure {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoSteps { .. } | Self::Unrouted { .. } => ErrorCode::Unrouted,
            Self::Stalled { .. } => ErrorCode::Stalled,
            Self::StepFailed { .. } | Self::Earlier => ErrorCode::StepFailed,
            Self::TimedOut { .. } => ErrorCode::TimedOut,
            Self::DuplicateRequest { .. } => ErrorCode::DuplicateRequest,
            Self::Unanswered { .. } | Self::NeverCame { .. } => ErrorCode::Expired,
            Self::NobodyTakesAnswers { .. } => ErrorCode::NobodyTakesAnswers,
        }
    }
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Locked { .. } | Self::TakenOver { .. } => ErrorCode::StoreLocked,
            Self::Full { .. } => ErrorCode::StoreFull,
            Self::ReadOnly { .. } => ErrorCode::StoreReadOnly,
            Self::CannotOpen { .. } => ErrorCode::StoreUnavailable,
            Self::Corrupt { .. } => ErrorCode::StoreCorrupt,
            Self::NewerSchema { .. } => ErrorCode::StoreVersion,
            Self::Io { .. } | Self::Failed(_) => ErrorCode::StoreIo,
            Self::Closed => ErrorCode::StoreClosed,
            Self::Broken(_) => ErrorCode::Internal,
        }
    }
}

impl Coded for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Exists { .. } => ErrorCode::RunExists,
            Self::Conflict { .. } => ErrorCode::RunConflict,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Damaged { .. } => ErrorCode::StoreCorrupt,
        }
    }
}
