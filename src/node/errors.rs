//! Every error of the engine as the code and message that JavaScript sees.
//!
//! The JavaScript layer turns a code into its error class; the codes are part of the public contract.

use crate::engine::{
    DefinitionError, DeliveryError, LifecycleError, PauseError, RespondError, ResumeError, RunFailure,
    SnapshotError, SnapshotRefusal,
};

pub type Error = napi::Error<ErrorCode>;
pub type Result<T> = std::result::Result<T, Error>;

/// The stable codes that native code gives.
#[derive(Clone, Copy, Debug)]
pub enum ErrorCode {
    Aborted,
    DeliverySettled,
    DuplicateRequest,
    Internal,
    InvalidArgument,
    NobodyTakesAnswers,
    NotPaused,
    NotSerializable,
    Paused,
    RunEnded,
    SessionNotEmpty,
    SnapshotInvalid,
    SnapshotMismatch,
    SnapshotVersion,
    Stalled,
    StepFailed,
    TimedOut,
    UnknownRequest,
    Unrouted,
}

impl AsRef<str> for ErrorCode {
    fn as_ref(&self) -> &str {
        match self {
            Self::Aborted => "ERR_BLAZEN_ABORTED",
            Self::DeliverySettled => "ERR_BLAZEN_DELIVERY_SETTLED",
            Self::DuplicateRequest => "ERR_BLAZEN_DUPLICATE_REQUEST",
            Self::Internal => "ERR_BLAZEN_INTERNAL",
            Self::InvalidArgument => "ERR_BLAZEN_INVALID_ARGUMENT",
            Self::NobodyTakesAnswers => "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
            Self::NotPaused => "ERR_BLAZEN_NOT_PAUSED",
            Self::NotSerializable => "ERR_BLAZEN_NOT_SERIALIZABLE",
            Self::Paused => "ERR_BLAZEN_PAUSED",
            Self::RunEnded => "ERR_BLAZEN_RUN_ENDED",
            Self::SessionNotEmpty => "ERR_BLAZEN_SESSION_NOT_EMPTY",
            Self::SnapshotInvalid => "ERR_BLAZEN_SNAPSHOT_INVALID",
            Self::SnapshotMismatch => "ERR_BLAZEN_SNAPSHOT_MISMATCH",
            Self::SnapshotVersion => "ERR_BLAZEN_SNAPSHOT_VERSION",
            Self::Stalled => "ERR_BLAZEN_STALLED",
            Self::StepFailed => "ERR_BLAZEN_STEP_FAILED",
            Self::TimedOut => "ERR_BLAZEN_TIMEOUT",
            Self::UnknownRequest => "ERR_BLAZEN_UNKNOWN_REQUEST",
            Self::Unrouted => "ERR_BLAZEN_UNROUTED_EVENT",
        }
    }
}

pub(super) fn error(code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(code, message.into())
}

/// A failure of the boundary itself, such as a string that V8 cannot hold.
pub(super) fn of_napi(failed: napi::Error) -> Error {
    error(ErrorCode::Internal, failed.reason.clone())
}

/// An error of the engine that JavaScript can be told of.
pub(super) trait Coded: std::error::Error {
    fn code(&self) -> ErrorCode;
}

/// Turns an engine error into a JavaScript one.
pub(super) fn to_js(source: impl Coded) -> Error {
    error(source.code(), source.to_string())
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
            Self::Ended => ErrorCode::RunEnded,
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

impl Coded for SnapshotRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotPaused => ErrorCode::NotPaused,
            Self::Session(_) => ErrorCode::SessionNotEmpty,
            Self::PayloadsMissing { .. } => ErrorCode::Internal,
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
        match self {
            Self::OtherWorkflow { .. } | Self::StepGone { .. } | Self::NobodyTakesAnswers { .. } => {
                ErrorCode::SnapshotMismatch
            }
        }
    }
}

impl Coded for RunFailure {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoSteps { .. } | Self::Unrouted { .. } => ErrorCode::Unrouted,
            Self::Stalled { .. } => ErrorCode::Stalled,
            Self::StepFailed { .. } => ErrorCode::StepFailed,
            Self::TimedOut { .. } => ErrorCode::TimedOut,
            Self::DuplicateRequest { .. } => ErrorCode::DuplicateRequest,
            Self::NobodyTakesAnswers { .. } => ErrorCode::NobodyTakesAnswers,
        }
    }
}
