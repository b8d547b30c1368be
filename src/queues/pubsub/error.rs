//! What an error of the service means for us.

use super::client::LOG_IN;
use super::name::Name;
use crate::error::{Error, Kind};
use google_cloud_gax::error::Error as ServiceError;
use google_cloud_gax::error::rpc::Code;
use std::error::Error as _;

/// Longer texts are cut: a proxy may answer with a whole page.
const LONGEST_REASON: usize = 300;

/// The sorts of error that we treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
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

/// An error of the service in words that hold no payload, and its sort.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) sort: Sort,
    pub(super) reason: String,
}

impl Trouble {
    /// The service did not answer in time.
    pub(super) fn silence() -> Self {
        Self { sort: Sort::Unreachable, reason: "there was no answer in time".to_owned() }
    }

    /// This as an error of the whole queue: `what` failed, at `name`.
    pub(super) fn error(&self, what: &str, name: &Name) -> Error {
        let kind = match self.sort {
            Sort::Missing | Sort::Busy | Sort::Unreachable => Kind::Unreachable,
            Sort::Forbidden | Sort::Anonymous => Kind::Credentials,
            Sort::Misconfigured => Kind::Configuration,
            Sort::Exists | Sort::Refused => Kind::Failed,
        };
        let error = Error::new(kind, format!("{what} {name}")).because_of(&self.reason);
        match self.sort {
            Sort::Missing => error
                .of_missing()
                .hint(format!("create it: {}, or let `--create` do it", name.create_command())),
            Sort::Forbidden | Sort::Anonymous => error.hint(LOG_IN),
            Sort::Unreachable | Sort::Busy => error.hint(
                "look at the network, or at `PUBSUB_EMULATOR_HOST`; run it again when it is back",
            ),
            Sort::Exists | Sort::Refused | Sort::Misconfigured => error,
        }
    }
}

impl From<&ServiceError> for Trouble {
    fn from(error: &ServiceError) -> Self {
        let error = innermost(error);
        Self { sort: sort(error), reason: reason(error) }
    }
}

/// The error under those that only say that retrying it came to an end.
fn innermost(error: &ServiceError) -> &ServiceError {
    let mut error = error;
    while error.is_exhausted()
        && let Some(source) = error.source().and_then(|source| source.downcast_ref())
    {
        error = source;
    }
    error
}

fn sort(error: &ServiceError) -> Sort {
    if error.is_authentication() {
        return Sort::Anonymous;
    }
    let Some(status) = error.status() else { return Sort::Unreachable };
    match status.code {
        Code::AlreadyExists => Sort::Exists,
        Code::NotFound => Sort::Missing,
        Code::Unauthenticated => Sort::Anonymous,
        Code::PermissionDenied => Sort::Forbidden,
        Code::InvalidArgument | Code::OutOfRange => Sort::Refused,
        Code::FailedPrecondition | Code::Unimplemented => Sort::Misconfigured,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Sort::Unreachable,
        _ => Sort::Busy,
    }
}

fn reason(error: &ServiceError) -> String {
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
fn ends(error: &ServiceError) -> String {
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

    fn service(code: Code) -> ServiceError {
        ServiceError::service(Status::default().set_code(code).set_message("because\nof it"))
    }

    #[test]
    fn retries_that_ended_do_not_hide_why() {
        let error = ServiceError::exhausted(service(Code::NotFound));
        let trouble = Trouble::from(&error);
        assert_eq!(trouble.sort, Sort::Missing);
        assert_eq!(trouble.reason, "NOT_FOUND: because of it");
    }

    #[test]
    fn what_never_reached_the_service_is_unreachable() {
        for error in [ServiceError::io("no route"), ServiceError::timeout("10 s")] {
            assert_eq!(Trouble::from(&error).sort, Sort::Unreachable);
        }
        assert_eq!(Trouble::from(&service(Code::ResourceExhausted)).sort, Sort::Busy);
    }
}
