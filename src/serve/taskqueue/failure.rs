//! Why a call is refused, in the words of no protocol: each has a shape of its own for it.

use crate::error::{Error, Kind};
use axum::http::StatusCode;

/// What is wrong with a call; the protocols have a code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The call asks for what there cannot be.
    Invalid,
    /// The lease had ended, or is another one.
    LeaseExpired,
    /// The queue is a push queue, or nothing is leased from it now.
    QueueMode,
    /// No token, or a wrong one.
    Unauthenticated,
    /// Not from there.
    Forbidden,
    /// There is no such queue, task or call.
    Missing,
    /// There is such a resource, and it has no such method.
    Method,
    /// The request took too long to come.
    TooSlow,
    /// A task or a queue has this name.
    NameInUse,
    /// A task had this name until it was deleted, and the name still counts.
    NameDeleted,
    /// A payload has more bytes than a task may have.
    PayloadTooLarge,
    /// A request has more bytes than are read.
    BodyTooLarge,
    /// The queue has no room for so many bytes.
    NoRoom,
    /// The queue does not answer now.
    Unavailable,
    /// The protocol has this, and it is not served here.
    Unsupported,
}

/// Why a call is refused, and the words for it. No payload or token is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong.
    pub reason: Reason,
    /// What is wrong with this call, for a person.
    pub message: String,
}

impl Failure {
    /// A failure, in these words.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// The call asks for what there cannot be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, message)
    }

    /// There is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Reason::Missing, message)
    }

    /// There is no task of this name.
    pub fn unknown_task() -> Self {
        Self::missing("The task does not exist")
    }

    /// A name of a task that cannot be one.
    pub fn task_name() -> Self {
        Self::invalid("The name of a task is 1 to 500 of A-Z, a-z, 0-9, _ and -")
    }

    /// A name of a queue that cannot be one.
    pub fn queue_name() -> Self {
        Self::invalid("The name of a queue is 1 to 100 of A-Z, a-z, 0-9 and -")
    }

    /// A refusal by the server itself, before any protocol saw the request.
    pub fn of_status(status: StatusCode, message: impl Into<String>) -> Self {
        let reason = match status {
            StatusCode::UNAUTHORIZED => Reason::Unauthenticated,
            StatusCode::FORBIDDEN => Reason::Forbidden,
            StatusCode::NOT_FOUND => Reason::Missing,
            StatusCode::METHOD_NOT_ALLOWED => Reason::Method,
            StatusCode::REQUEST_TIMEOUT => Reason::TooSlow,
            StatusCode::PAYLOAD_TOO_LARGE => Reason::BodyTooLarge,
            status if status.is_server_error() => Reason::Unavailable,
            _ => Reason::Invalid,
        };
        Self::new(reason, message)
    }
}

impl From<Error> for Failure {
    /// The queue failed: whoever called may call again. What failed is logged here, once.
    fn from(error: Error) -> Self {
        match error.kind() {
            // A queue that was there before.
            _ if error.is_missing() => Self::missing("The queue does not exist"),
            Kind::Rejected | Kind::Usage => Self::invalid(error.one_line()),
            _ => {
                tracing::error!("a call for tasks failed: {}", error.one_line());
                Self::new(Reason::Unavailable, "The queue does not answer now")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_queue_is_unavailable_and_a_refusal_is_invalid() {
        for (kind, reason) in [
            (Kind::Unreachable, Reason::Unavailable),
            (Kind::Bug, Reason::Unavailable),
            (Kind::Failed, Reason::Unavailable),
            (Kind::Rejected, Reason::Invalid),
        ] {
            assert_eq!(Failure::from(Error::new(kind, "it failed")).reason, reason, "{kind:?}");
        }
        let gone = Error::new(Kind::Unreachable, "it is gone").of_missing();
        assert_eq!(Failure::from(gone).reason, Reason::Missing);
    }

    #[test]
    fn the_servers_own_refusals_have_reasons() {
        for (status, reason) in [
            (401, Reason::Unauthenticated),
            (403, Reason::Forbidden),
            (404, Reason::Missing),
            (405, Reason::Method),
            (408, Reason::TooSlow),
            (413, Reason::BodyTooLarge),
            (415, Reason::Invalid),
            (400, Reason::Invalid),
            (503, Reason::Unavailable),
            (500, Reason::Unavailable),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Failure::of_status(status, "").reason, reason, "{status}");
        }
    }
}
