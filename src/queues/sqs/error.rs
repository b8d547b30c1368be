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

/// The sorts of error that we treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
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

    /// Whether the same may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.sort, Sort::Busy | Sort::Unreachable)
    }

    /// Whether no request can escape it, whatever it holds.
    pub(super) fn is_of_the_queue(&self) -> bool {
        matches!(self.sort, Sort::Missing | Sort::Forbidden | Sort::Anonymous | Sort::Misconfigured)
    }

    /// What an entry of a batch failed with.
    pub(super) fn of_entry(entry: &BatchResultErrorEntry) -> Self {
        let by_fault = if entry.sender_fault { Sort::Refused } else { Sort::Busy };
        let sort = by_code(&entry.code).unwrap_or(by_fault);
        Self { sort, reason: words(Some(&entry.code), entry.message.as_deref()) }
    }

    /// This as an error of the whole queue: `what` failed, at `name`.
    pub(super) fn error(&self, what: &str, name: &Name) -> Error {
        let kind = match self.sort {
            Sort::Missing | Sort::Busy | Sort::Unreachable => Kind::Unreachable,
            Sort::Forbidden | Sort::Anonymous => Kind::Credentials,
            Sort::Misconfigured => Kind::Configuration,
            Sort::Exists | Sort::Refused | Sort::NotInFlight => Kind::Failed,
        };
        let error = Error::new(kind, format!("{what} {name}")).because_of(&self.reason);
        match self.sort {
            Sort::Missing => error.of_missing().hint(format!(
                "look at the region and the account; or make it: {}, or let `--create` do it",
                hint::command(["queue", "create", &name.url()])
            )),
            Sort::Forbidden | Sort::Anonymous => error.hint(LOG_IN),
            Sort::Unreachable => error.hint(
                "look at the network, or at `AWS_ENDPOINT_URL`; run it again when it is back",
            ),
            Sort::Busy => error.hint("the service answers, and cannot do it now: try it later"),
            Sort::Exists | Sort::Refused | Sort::NotInFlight | Sort::Misconfigured => error,
        }
    }
}

impl<E: ProvideErrorMetadata + StdError + 'static> From<SdkError<E, HttpResponse>> for Trouble {
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match &error {
            SdkError::ServiceError(answer) => {
                let (status, meta) = (answer.raw().status().as_u16(), answer.err().meta());
                let sort = meta.code().and_then(by_code).unwrap_or_else(|| by_status(status));
                let code = meta.code().map_or_else(|| format!("status {status}"), str::to_owned);
                Self { sort, reason: words(Some(&code), meta.message()) }
            }
            // An answer that nobody understands is a proxy's, or cut.
            SdkError::ResponseError(answer) => {
                let status = format!("status {}", answer.raw().status().as_u16());
                Self { sort: Sort::Unreachable, reason: words(Some(&status), None) }
            }
            other => {
                let sort = match other {
                    _ if lacks_credentials(other) => Sort::Anonymous,
                    SdkError::ConstructionFailure(_) => Sort::Misconfigured,
                    _ => Sort::Unreachable,
                };
                Self { sort, reason: words(None, Some(&ends(other))) }
            }
        }
    }
}

/// The codes are at
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and on
/// the page of each action; some have a name from the older protocol, too.
fn by_code(code: &str) -> Option<Sort> {
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    Some(match code.rsplit(['#', '.']).next()? {
        "NonExistentQueue" | "QueueDoesNotExist" | "ResourceNotFoundException" => Sort::Missing,
        "QueueNameExists" | "QueueAlreadyExists" => Sort::Exists,
        "AccessDenied"
        | "AccessDeniedException"
        | "KmsAccessDenied"
        | "NotAuthorized"
        | "OptInRequired" => Sort::Forbidden,
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
        | "UnrecognizedClientException" => Sort::Anonymous,
        "ReceiptHandleIsInvalid" | "MessageNotInflight" | "InvalidIdFormat" => Sort::NotInFlight,
        "InvalidAddress"
        | "KmsDisabled"
        | "KmsInvalidKeyUsage"
        | "KmsInvalidState"
        | "KmsNotFound"
        | "KmsOptInRequired"
        | "UnsupportedOperation" => Sort::Misconfigured,
        "InternalError"
        | "InternalFailure"
        | "KmsThrottled"
        | "OverLimit"
        | "PurgeQueueInProgress"
        | "QueueDeletedRecently"
        | "RequestThrottled"
        | "ServiceUnavailable"
        | "Throttling"
        | "ThrottlingException" => Sort::Busy,
        _ => return None,
    })
}

fn by_status(status: u16) -> Sort {
    match status {
        401 => Sort::Anonymous,
        403 => Sort::Forbidden,
        408 | 429 => Sort::Busy,
        400..=499 => Sort::Refused,
        _ => Sort::Busy,
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
    fn a_code_of_either_protocol_tells_the_sort() {
        for (code, sort) in [
            ("AWS.SimpleQueueService.NonExistentQueue", Some(Sort::Missing)),
            ("QueueDoesNotExist", Some(Sort::Missing)),
            ("com.amazonaws.sqs#QueueDoesNotExist", Some(Sort::Missing)),
            ("KMS.AccessDeniedException", Some(Sort::Forbidden)),
            ("InvalidParameterValue", None),
        ] {
            assert_eq!(by_code(code), sort, "{code}");
        }
    }

    #[test]
    fn an_entry_of_a_batch_is_refused_where_the_fault_is_ours() {
        let entry = |code: &str, ours| {
            let entry = BatchResultErrorEntry::builder().id("0").code(code).sender_fault(ours);
            Trouble::of_entry(&entry.build().unwrap()).sort
        };
        assert_eq!(entry("InvalidMessageContents", true), Sort::Refused);
        assert_eq!(entry("InternalError", false), Sort::Busy);
        assert_eq!(entry("Whatever", false), Sort::Busy);
        assert_eq!(entry("RequestThrottled", true), Sort::Busy);
        assert_eq!(entry("ReceiptHandleIsInvalid", true), Sort::NotInFlight);
    }
}
