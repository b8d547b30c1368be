//! Why a call fails: the codes of App Engine's task queue service, and those of its RPC.

use super::wire::{ApplicationError, Response, RpcError};
use crate::error::Error;
use crate::serve::taskqueue::failure::{Failure, Reason};
use std::fmt;

/// What the service says of a call, or of one task in it. The number is that of the original's
/// `TaskQueueServiceError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// What was wanted is done.
    Ok = 0,
    /// There is no queue of this name.
    UnknownQueue = 1,
    /// Not now; a later try may succeed.
    TransientError = 2,
    /// A failure of ours.
    InternalError = 3,
    /// The payload is too large.
    TaskTooLarge = 4,
    /// No task can have this name.
    InvalidTaskName = 5,
    /// No queue can have this name.
    InvalidQueueName = 6,
    /// A task of this name is in the queue.
    TaskAlreadyExists = 10,
    /// A task of this name was deleted, and the name still counts.
    TombstonedTask = 11,
    /// The time from which it can be leased is negative, or too far ahead.
    InvalidEta = 12,
    /// A value is beyond its limits.
    InvalidRequest = 13,
    /// There is no task of this name.
    UnknownTask = 14,
    /// The name stands twice in one call.
    DuplicateTaskName = 16,
    /// Nothing is wrong with it, but with another task of the call: it was not added.
    Skipped = 17,
    /// More tasks in a call than there may be.
    TooManyTasks = 18,
    /// The task's own retry limits are none.
    InvalidRetryParameters = 20,
    /// The task or the queue is one of push mode.
    InvalidQueueMode = 21,
    /// The lease has ended, or was another one.
    TaskLeaseExpired = 25,
    /// The queue is paused: nothing is leased from it.
    QueuePaused = 26,
    /// No task can have this tag.
    InvalidTag = 27,
}

impl Code {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        self as i32
    }
}

/// Why a call never came to the service. The number is that of the original's `RpcError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum RpcCode {
    /// There is no such service, or no such method.
    CallNotFound = 1,
    /// The request cannot be read.
    ParseError = 2,
    /// The request is larger than any may be.
    RequestTooLarge = 5,
    /// The time that the client gives to the call is over.
    DeadlineExceeded = 12,
}

/// Why a call failed, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service says so.
    Application(Code, String),
    /// The call never came to the service.
    Rpc(RpcCode, String),
}

impl Fault {
    /// The request cannot be read.
    pub(super) fn unreadable(why: impl fmt::Display) -> Self {
        Self::Rpc(RpcCode::ParseError, format!("the request cannot be read: {why}"))
    }

    /// A value of the call is beyond its limits.
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::Application(Code::InvalidRequest, why.into())
    }

    /// The service's code; of what never came to the service, a failure of ours.
    pub fn code(&self) -> Code {
        match self {
            Self::Application(code, _) => *code,
            Self::Rpc(..) => Code::InternalError,
        }
    }

    /// The whole answer to the call.
    pub(super) fn into_response(self) -> Response {
        match self {
            Self::Application(code, detail) => {
                let error = ApplicationError { code: code.number(), detail };
                Response { application_error: Some(error), ..Response::default() }
            }
            Self::Rpc(code, detail) => {
                let error = RpcError { code: code as i32, detail: Some(detail) };
                Response { rpc_error: Some(error), ..Response::default() }
            }
        }
    }
}

/// Why a call fails on every protocol, in the codes of this one.
impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let code = match failure.reason {
            Reason::LeaseExpired => Code::TaskLeaseExpired,
            Reason::QueueMode => Code::InvalidQueueMode,
            Reason::Missing => Code::UnknownTask,
            Reason::NameInUse => Code::TaskAlreadyExists,
            Reason::NameDeleted => Code::TombstonedTask,
            Reason::PayloadTooLarge => Code::TaskTooLarge,
            Reason::NoRoom | Reason::Unavailable => Code::TransientError,
            _ => Code::InvalidRequest,
        };
        Self::Application(code, failure.message)
    }
}

/// A queue that failed.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        // What a queue misses is itself: what becomes of tasks is no error.
        let queue_is_gone = error.is_missing();
        match Failure::from(error) {
            gone if queue_is_gone => Self::Application(Code::UnknownQueue, gone.message),
            failure => failure.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use prost::Message as _;

    #[test]
    fn the_numbers_are_those_of_the_original() {
        for (code, number) in [
            (Code::Ok, 0),
            (Code::UnknownQueue, 1),
            (Code::TransientError, 2),
            (Code::InternalError, 3),
            (Code::TaskTooLarge, 4),
            (Code::InvalidTaskName, 5),
            (Code::InvalidQueueName, 6),
            (Code::TaskAlreadyExists, 10),
            (Code::TombstonedTask, 11),
            (Code::InvalidEta, 12),
            (Code::InvalidRequest, 13),
            (Code::UnknownTask, 14),
            (Code::DuplicateTaskName, 16),
            (Code::Skipped, 17),
            (Code::TooManyTasks, 18),
            (Code::InvalidRetryParameters, 20),
            (Code::InvalidQueueMode, 21),
            (Code::TaskLeaseExpired, 25),
            (Code::QueuePaused, 26),
            (Code::InvalidTag, 27),
        ] {
            let response = Fault::Application(code, "why".to_owned()).into_response();
            let bytes = response.encode_to_vec();
            let number = u8::try_from(number).unwrap();
            // What must be there is there, even a code of 0.
            assert_eq!(bytes, [0x1a, 7, 8, number, 0x12, 3, b'w', b'h', b'y'], "{code:?}");
        }
        for (code, number) in [
            (RpcCode::CallNotFound, 1),
            (RpcCode::ParseError, 2),
            (RpcCode::RequestTooLarge, 5),
            (RpcCode::DeadlineExceeded, 12),
        ] {
            let bytes = Fault::Rpc(code, "?".to_owned()).into_response().encode_to_vec();
            assert_eq!(bytes, [0x2a, 5, 8, number, 0x12, 1, b'?'], "{code:?}");
        }
    }

    #[test]
    fn what_every_protocol_refuses_has_a_code_here() {
        for (reason, code) in [
            (Reason::Invalid, Code::InvalidRequest),
            (Reason::LeaseExpired, Code::TaskLeaseExpired),
            (Reason::QueueMode, Code::InvalidQueueMode),
            (Reason::Missing, Code::UnknownTask),
            (Reason::NameInUse, Code::TaskAlreadyExists),
            (Reason::NameDeleted, Code::TombstonedTask),
            (Reason::PayloadTooLarge, Code::TaskTooLarge),
            (Reason::NoRoom, Code::TransientError),
            (Reason::Unavailable, Code::TransientError),
        ] {
            let fault = Fault::from(Failure::new(reason, "why"));
            assert_eq!(fault, Fault::Application(code, "why".to_owned()));
        }
        let failed = Fault::from(Error::new(Kind::Failed, "no disk"));
        assert_eq!(failed.code(), Code::TransientError);
    }
}
