//! What SQS takes: names, texts, sizes and counts, as
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
//! has them.

use crate::error::{Error, Kind, Result};
use std::time::Duration;

/// Messages in one request, of any kind.
pub(super) const BATCH: usize = 10;

/// The largest message, and the largest batch, with its attributes, in bytes.
pub(super) const LARGEST: usize = 1 << 20;

/// The longest that a message is delayed when it is sent, in seconds.
pub(super) const LONGEST_DELAY: i64 = 900;

/// Attributes of one message.
pub(super) const MOST_ATTRIBUTES: usize = 10;

/// The longest visibility timeout, from when a message was received:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>.
pub(super) const LONGEST_LEASE: Duration = Duration::from_secs(12 * 60 * 60);

const LONGEST_NAME: usize = 256;

/// Why a name cannot carry the id, if so.
pub(super) fn name_refusal(name: &str) -> Option<String> {
    let why = "a name has up to 256 letters, digits, `_`, `-` and single `.`, and begins with \
               neither `AWS.` nor `Amazon.`";
    (!is_name(name)).then(|| why.to_owned())
}

/// Whether SQS takes a name as an attribute's.
pub(super) fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let lower = name.to_ascii_lowercase();
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let taken = lower.starts_with("aws.") || lower.starts_with("amazon.");
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(legal) && !dots && !taken
}

/// Whether SQS takes a text as a body or as the value of an attribute.
pub(super) fn is_text(text: &str) -> bool {
    let legal = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    };
    !text.is_empty() && text.chars().all(legal)
}

/// Refuses a lease that is no visibility timeout of SQS.
pub(super) fn validate_lease(lease: Duration) -> Result<()> {
    if lease >= Duration::from_secs(1) && lease <= LONGEST_LEASE && lease.subsec_nanos() == 0 {
        return Ok(());
    }
    let what = format!("cannot lease messages for {}", humantime::format_duration(lease));
    Err(Error::new(Kind::Configuration, what)
        .because_of("SQS leases for whole seconds, up to 12 hours")
        .hint("ask for something from `1s` to `12h`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_sqs_does_not_have_is_refused() {
        for millis in [0, 500, 1500, 43_201_000] {
            let error = validate_lease(Duration::from_millis(millis)).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration, "{millis}");
        }
        for seconds in [1, 30, 43_200] {
            assert!(validate_lease(Duration::from_secs(seconds)).is_ok());
        }
    }
}
