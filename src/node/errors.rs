//! Every error of the layers below as JavaScript sees it.

pub use crate::error_code::{Coded, ErrorCode};

pub type Error = napi::Error<ErrorCode>;
pub type Result<T> = std::result::Result<T, Error>;

pub(super) fn error(code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(code, message.into())
}

/// A failure of the boundary itself, such as a string that V8 cannot hold.
pub(super) fn of_napi(failed: napi::Error) -> Error {
    error(ErrorCode::Internal, failed.reason.clone())
}

/// Turns an engine error into a JavaScript one.
pub(super) fn to_js(source: impl Coded) -> Error {
    error(source.code(), source.to_string())
}
