//! What the codes of the service mean, and what to do about them.

use super::name::Name;
use crate::clients::aws::LOG_IN;
use crate::hint;
pub(super) use crate::queues::service_error::{ErrorClass, ServiceError};
use crate::queues::service_error::{Hints, with_root};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use reqwest::StatusCode;
use std::error::Error as StdError;

impl ServiceError {
    /// What an entry of a batch failed with.
    pub(super) fn of_entry(entry: &BatchResultErrorEntry) -> Self {
        let by_fault = if entry.sender_fault { ErrorClass::Refused } else { ErrorClass::Busy };
        let class = by_code(&entry.code).unwrap_or(by_fault);
        Self::new(class, &words(Some(&entry.code), entry.message.as_deref()))
    }
}

impl Hints for Name {
    fn hint(&self, class: ErrorClass) -> Option<String> {
        match class {
            ErrorClass::Missing => Some(format!(
                "look at the region and the account; or make it: {}, or let `--create` do it",
                hint::command(["queue", "create", &self.url()])
            )),
            ErrorClass::Forbidden | ErrorClass::Anonymous => Some(LOG_IN.to_owned()),
            ErrorClass::Unreachable => Some(
                "look at the network, or at `AWS_ENDPOINT_URL`; run it again when it is back"
                    .to_owned(),
            ),
            ErrorClass::Busy => {
                Some("the service answers, and cannot do it now: try it later".to_owned())
            }
            ErrorClass::Exists
            | ErrorClass::Refused
            | ErrorClass::NotInFlight
            | ErrorClass::Misconfigured => None,
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
                let code = meta.code().map_or_else(|| answered(status), str::to_owned);
                Self::new(class, &words(Some(&code), meta.message()))
            }
            // An answer that nobody understands is a proxy's, or cut.
            SdkError::ResponseError(answer) => {
                let status = answered(answer.raw().status().as_u16());
                Self::new(ErrorClass::Unreachable, &words(Some(&status), None))
            }
            other => {
                let class = match other {
                    _ if lacks_credentials(other) => ErrorClass::Anonymous,
                    SdkError::ConstructionFailure(_) => ErrorClass::Misconfigured,
                    _ => ErrorClass::Unreachable,
                };
                Self::new(class, &words(None, Some(&with_root(&other.to_string(), other))))
            }
        }
    }
}

/// A status with what it means: `status 503 Service Unavailable`.
fn answered(status: u16) -> String {
    let known = StatusCode::from_u16(status);
    known.map_or_else(|_| format!("status {status}"), |status| format!("status {status}"))
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

fn words(code: Option<&str>, message: Option<&str>) -> String {
    let parts: Vec<_> = [code, message].into_iter().flatten().collect();
    parts.join(": ")
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
