//! What an error of the service means for us.

use super::name::Name;
use crate::clients::aws::LOG_IN;
use crate::error::{Error, Kind};
use crate::hint;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use std::error::Error as StdError;

/// Longer texts are cut: a proxy may answer with a whole page.
const LONGEST_REASON: usize = 300;

/// The classes of error that we treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorClass {
    /// A queue of this name is there already, set up otherwise.
    Exists,
    /// The queue does not exist.
    Missing,
    /// The service says that we may not.
    Forbidden,
    /// We have no credentials to show, or none that the service knows.
    Anonymous,
    /// The receipt handle is none, or none any more.
    NotInFlight,
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

    /// Whether the same may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.class, ErrorClass::Busy | ErrorClass::Unreachable)
    }

    /// Whether no request can escape it, whatever it holds.
    pub(super) fn is_of_the_queue(&self) -> bool {
        matches!(
            self.class,
            ErrorClass::Missing
                | ErrorClass::Forbidden
                | ErrorClass::Anonymous
                | ErrorClass::Misconfigured
        )
    }

    /// What an entry of a batch failed with.
    pub(super) fn of_entry(entry: &BatchResultErrorEntry) -> Self {
        let by_fault = if entry.sender_fault { ErrorClass::Refused } else { ErrorClass::Busy };
        let class = by_code(&entry.code).unwrap_or(by_fault);
        Self { class, reason: words(Some(&entry.code), entry.message.as_deref()) }
    }

    /// This as an error of the whole queue: `what` failed, at `name`.
    pub(super) fn to_error(&self, what: &str, name: &Name) -> Error {
        let kind = match self.class {
            ErrorClass::Missing | ErrorClass::Busy | ErrorClass::Unreachable => Kind::Unreachable,
            ErrorClass::Forbidden | ErrorClass::Anonymous => Kind::Credentials,
            ErrorClass::Misconfigured => Kind::Configuration,
            ErrorClass::Exists | ErrorClass::Refused | ErrorClass::NotInFlight => Kind::Failed,
        };
        let error = Error::new(kind, format!("{what} {name}")).because_of(&self.reason);
        match self.class {
            ErrorClass::Missing => error.of_missing().hint(format!(
                "look at the region and the account; or make it: {}, or let `--create` do it",
                hint::command(["queue", "create", &name.url()])
            )),
            ErrorClass::Forbidden | ErrorClass::Anonymous => error.hint(LOG_IN),
            ErrorClass::Unreachable => error.hint(
                "look at the network, or at `AWS_ENDPOINT_URL`; run it again when it is back",
            ),
            ErrorClass::Busy => {
                error.hint("the service answers, and cannot do it now: try it later")
            }
            ErrorClass::Exists
            | ErrorClass::Refused
            | ErrorClass::NotInFlight
            | ErrorClass::Misconfigured => error,
        }
    }
}

impl<E: ProvideErrorMetadata + StdError + 'static> From<SdkError<E, HttpResponse>>
    for ServiceError
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match &error {
            SdkError::ServiceError(answer) => {
                let (status, meta) = (answer.raw().status().as_u16(), answer.err().meta());
                let class = meta.code().and_then(by_code).unwrap_or_else(|| by_status(status));
                let code = meta.code().map_or_else(|| format!("status {status}"), str::to_owned);
                Self { class, reason: words(Some(&code), meta.message()) }
            }
            // An answer that nobody understands is a proxy's, or cut.
            SdkError::ResponseError(answer) => {
                let status = format!("status {}", answer.raw().status().as_u16());
                Self { class: ErrorClass::Unreachable, reason: words(Some(&status), None) }
            }
            other => {
                let class = match other {
                    _ if lacks_credentials(other) => ErrorClass::Anonymous,
                    SdkError::ConstructionFailure(_) => ErrorClass::Misconfigured,
                    _ => ErrorClass::Unreachable,
                };
                Self { class, reason: words(None, Some(&ends(other))) }
            }
        }
    }
}

/// The codes are at
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and on
/// the page of each action; some have a name from the older protocol, too.
fn by_code(code: &str) -> Option<ErrorClass> {
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    Some(match code.rsplit(['#', '.']).next()? {
        "NonExistentQueue" | "QueueDoesNotExist" | "ResourceNotFoundException" => {
            ErrorClass::Missing
        }
        "QueueNameExists" | "QueueAlreadyExists" => ErrorClass::Exists,
        "AccessDenied"
        | "AccessDeniedException"
        | "KmsAccessDenied"
        | "NotAuthorized"
        | "OptInRequired" => ErrorClass::Forbidden,
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSecurity"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => ErrorClass::Anonymous,
        "ReceiptHandleIsInvalid" | "MessageNotInflight" | "InvalidIdFormat" => {
            ErrorClass::NotInFlight
        }
        "InvalidAddress"
        | "KmsDisabled"
        | "KmsInvalidKeyUsage"
        | "KmsInvalidState"
        | "KmsNotFound"
        | "KmsOptInRequired"
        | "UnsupportedOperation" => ErrorClass::Misconfigured,
        "InternalError"
        | "InternalFailure"
        | "KmsThrottled"
        | "OverLimit"
        | "PurgeQueueInProgress"
        | "QueueDeletedRecently"
        | "RequestThrottled"
        | "ServiceUnavailable"
        | "Throttling"
        | "ThrottlingException" => ErrorClass::Busy,
        _ => return None,
    })
}

fn by_status(status: u16) -> ErrorClass {
    match status {
        401 => ErrorClass::Anonymous,
        403 => ErrorClass::Forbidden,
        408 | 429 => ErrorClass::Busy,
        400..=499 => ErrorClass::Refused,
        _ => ErrorClass::Busy,
    }
}

fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() || error.to_string().contains("identity resolver") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What went wrong at first and what was behind it all: what is between the two repeats them.
fn ends(error: &(dyn StdError + 'static)) -> String {
    let (mut root, mut source) = (None, error.source());
    while let Some(cause) = source {
        root = Some(cause.to_string());
        source = cause.source();
    }
    let outer = error.to_string();
    root.map_or(outer.clone(), |root| format!("{outer}: {root}"))
}

fn words(code: Option<&str>, message: Option<&str>) -> String {
    let parts: Vec<_> = [code, message].into_iter().flatten().collect();
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    parts.join(": ").chars().map(clean).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_either_protocol_tells_the_class() {
        for (code, class) in [
            ("AWS.SimpleQueueService.NonExistentQueue", Some(ErrorClass::Missing)),
            ("QueueDoesNotExist", Some(ErrorClass::Missing)),
            ("com.amazonaws.sqs#QueueDoesNotExist", Some(ErrorClass::Missing)),
            ("KMS.AccessDeniedException", Some(ErrorClass::Forbidden)),
            ("InvalidParameterValue", None),
        ] {
            assert_eq!(by_code(code), class, "{code}");
        }
    }

    #[test]
    fn an_entry_of_a_batch_is_refused_where_the_fault_is_ours() {
        let entry = |code: &str, ours| {
            let entry = BatchResultErrorEntry::builder().id("0").code(code).sender_fault(ours);
            ServiceError::of_entry(&entry.build().unwrap()).class
        };
        assert_eq!(entry("InvalidMessageContents", true), ErrorClass::Refused);
        assert_eq!(entry("InternalError", false), ErrorClass::Busy);
        assert_eq!(entry("Whatever", false), ErrorClass::Busy);
        assert_eq!(entry("RequestThrottled", true), ErrorClass::Busy);
        assert_eq!(entry("ReceiptHandleIsInvalid", true), ErrorClass::NotInFlight);
    }
}
