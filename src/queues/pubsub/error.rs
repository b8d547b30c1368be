//! What the codes of the service mean, and what to do about them.

use super::client::LOG_IN;
use super::name::Name;
pub(super) use crate::queues::service_error::{ErrorClass, ServiceError};
use crate::queues::service_error::{Hints, with_root};
use google_cloud_gax::error::Error as GaxError;
use google_cloud_gax::error::rpc::Code;
use std::error::Error as _;

impl Hints for Name {
    fn hint(&self, class: ErrorClass) -> Option<String> {
        match class {
            ErrorClass::Missing => {
                Some(format!("create it: {}, or let `--create` do it", self.create_command()))
            }
            ErrorClass::Forbidden | ErrorClass::Anonymous => Some(LOG_IN.to_owned()),
            ErrorClass::Unreachable | ErrorClass::Busy => Some(
                "look at the network, or at `PUBSUB_EMULATOR_HOST`; run it again when it is back"
                    .to_owned(),
            ),
            ErrorClass::Exists
            | ErrorClass::Refused
            | ErrorClass::NotInFlight
            | ErrorClass::Misconfigured => None,
        }
    }
}

impl From<&GaxError> for ServiceError {
    fn from(error: &GaxError) -> Self {
        let error = innermost(error);
        Self::new(class(error), &reason(error))
    }
}

/// The error under those that only say that retrying it came to an end.
fn innermost(error: &GaxError) -> &GaxError {
    let mut error = error;
    while error.is_exhausted()
        && let Some(source) = error.source().and_then(|source| source.downcast_ref())
    {
        error = source;
    }
    error
}

fn class(error: &GaxError) -> ErrorClass {
    if error.is_authentication() {
        return ErrorClass::Anonymous;
    }
    let Some(status) = error.status() else { return ErrorClass::Unreachable };
    match status.code {
        Code::AlreadyExists => ErrorClass::Exists,
        Code::NotFound => ErrorClass::Missing,
        Code::Unauthenticated => ErrorClass::Anonymous,
        Code::PermissionDenied => ErrorClass::Forbidden,
        Code::InvalidArgument | Code::OutOfRange => ErrorClass::Refused,
        Code::FailedPrecondition | Code::Unimplemented => ErrorClass::Misconfigured,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => ErrorClass::Unreachable,
        _ => ErrorClass::Busy,
    }
}

fn reason(error: &GaxError) -> String {
    match error.status() {
        Some(status) if status.message.is_empty() => status.code.name().to_owned(),
        Some(status) => format!("{}: {}", status.code.name(), status.message),
        // What follows are parts as a programmer would print them.
        None => with_root(error.to_string().split(": code:").next().unwrap_or_default(), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use google_cloud_gax::error::rpc::Status;

    fn service(code: Code) -> GaxError {
        GaxError::service(Status::default().set_code(code).set_message("because\nof it"))
    }

    #[test]
    fn retries_that_ended_do_not_hide_why() {
        let error = GaxError::exhausted(service(Code::NotFound));
        let error = ServiceError::from(&error);
        assert_eq!(error.class, ErrorClass::Missing);
        assert_eq!(error.reason, "NOT_FOUND: because of it");
    }

    #[test]
    fn what_never_reached_the_service_is_unreachable() {
        for error in [GaxError::io("no route"), GaxError::timeout("10 s")] {
            assert_eq!(ServiceError::from(&error).class, ErrorClass::Unreachable);
        }
        assert_eq!(ServiceError::from(&service(Code::ResourceExhausted)).class, ErrorClass::Busy);
    }
}
