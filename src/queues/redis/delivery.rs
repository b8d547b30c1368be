//! A job as a delivery.

use super::codec;
use super::job::Job;
use crate::message::{Delivery, Receipt};
use crate::text;

/// A job without an id is told by so many digits of its digest, as many as gocraft/work's ids have.
const DIGITS: usize = 24;

/// The delivery of a job that stands in Redis as these bytes: its attempts are those that failed, and
/// this one.
pub(super) fn of(job: &Job<'_>, bytes: &[u8], receipt: Receipt) -> Delivery {
    let mut message = codec::unpack(job);
    if message.id.is_empty() {
        message.id = id_of(bytes);
    }
    Delivery { message, attempts: Some(job.fails.saturating_add(1)), lost: 0, receipt }
}

/// The id of what has none: the beginning of its digest.
pub(super) fn id_of(bytes: &[u8]) -> String {
    let mut digest = text::digest(bytes);
    digest.truncate(DIGITS);
    digest
}

/// What names the bytes of a job where a job is counted.
pub(super) fn digest(bytes: &[u8]) -> String {
    text::short_name(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Delivery {
        of(&Job::parse(text.as_bytes()).unwrap(), text.as_bytes(), Receipt("".into()))
    }

    #[test]
    fn the_body_is_the_text_of_the_arguments() {
        let text = r#"{"name":"a","id":"7","t":60,"args":{"n": 12345678901234567890},"fails":2}"#;
        let Delivery { message, attempts, .. } = read(text);
        assert_eq!(message.body, r#"{"n": 12345678901234567890}"#);
        assert_eq!((message.id.as_str(), message.tag.as_deref()), ("7", Some("a")));
        assert_eq!((message.published_at.unwrap().timestamp(), attempts), (60, Some(3)));
    }

    #[test]
    fn a_job_without_an_id_has_one_of_its_bytes() {
        let message = read(r#"{"name":"a"}"#).message;
        assert_eq!((&message.body[..], message.id.len()), (&b"null"[..], DIGITS));
        assert_eq!(message.id, read(r#"{"name":"a"}"#).message.id);
        assert_ne!(message.id, read(r#"{"name":"b"}"#).message.id);
    }
}
