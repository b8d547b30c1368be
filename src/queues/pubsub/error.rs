//! What an error of the service means for us.

use super::client::LOG_IN;
use super::name::Name;
use crate::error::{Error, Kind};
use google_cloud_gax::error::Error as GaxError;
use google_cloud_gax::error::rpc::Code;
use std::error::Error as _;

/// Longer texts are cut: a proxy may answer with a whole page.
const LONGEST_REASON: usize = 300;

/// The classes of error that we treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorClass {
    /// What we asked for is there already.
    Exists,
    /// The topic or subscription does not exist.
    Missing,
    /// The service says that we may not.
    Forbidden,
    /// We have no credentials to show, or none that the service knows.
    Anonymous,
    /// The service says no to what this request holds, and always will.
    Refused,
    /// The service says no to any such request, as things are.
    Misconfigured,
    /// The service answered, but cannot do it now.
    Busy,
    /// There was no answer.
    Unreachable,
}

/// An error of the service in words that hold no payload, and its class.
#[derive(Debug, Clone)]
pub(super) struct ServiceError {
    pub(super) class: ErrorClass,
    pub(super) reason: String,
}

impl ServiceError {
    /// The service did not answer in time.
    pub(super) fn silence() -> Self {
        Self { class: ErrorClass::Unreachable, reason: "there was no answer in time".to_owned() }
    }

    /// This as an error of the whole queue: `what` failed, at `name`.
    pub(super) fn to_error(&self, what: &str, name: &Name) -> Error {
        let kind = match self.class {
            ErrorClass::Missing | ErrorClass::Busy | ErrorClass::Unreachable => Kind::Unreachable,
            ErrorClass::Forbidden | ErrorClass::Anonymous => Kind::Credentials,
            ErrorClass::Misconfigured => Kind::Configuration,
            ErrorClass::Exists | ErrorClass::Refused => Kind::Failed,
        };
        let error = Error::new(kind, format!("{what} {name}")).because_of(&self.reason);
        match self.class {
            ErrorClass::Missing => error
                .of_missing()
                .hint(format!("create it: {}, or let `--create` do it", name.create_command())),
            ErrorClass::Forbidden | ErrorClass::Anonymous => error.hint(LOG_IN),
            ErrorClass::Unreachable | ErrorClass::Busy => error.hint(
                "look at the network, or at `PUBSUB_EMULATOR_HOST`; run it again when it is back",
            ),
            ErrorClass::Exists | ErrorClass::Refused | ErrorClass::Misconfigured => error,
        }
    }
}

impl From<&GaxError> for ServiceError {
    fn from(error: &GaxError) -> Self {
        let error = innermost(error);
        Self { class: class(error), reason: reason(error) }
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
    let text = match error.status() {
        Some(status) if status.message.is_empty() => status.code.name().to_owned(),
        Some(status) => format!("{}: {}", status.code.name(), status.message),
        None => ends(error),
    };
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).take(LONGEST_REASON).collect()
}

/// What went wrong at first and what was behind it all: what is between the two repeats them, in
/// parts as a programmer would print it.
fn ends(error: &GaxError) -> String {
    let text = error.to_string();
    let outer = text.split(": code:").next().unwrap_or_default().to_owned();
    let mut root: Option<&dyn std::error::Error> = None;
    let mut source = error.source();
    while let Some(cause) = source {
        root = Some(cause);
        source = cause.source();
    }
    match root.map(ToString::to_string) {
        Some(root) if !outer.contains(&root) => format!("{outer}: {root}"),
        _ => outer,
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
