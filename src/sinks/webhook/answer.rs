//! What a webhook's answer means.

use crate::clients::http::{RateLimit, read_body};
use crate::text;
use chrono::{DateTime, Utc};
use reqwest::{Response, StatusCode};
use std::time::Duration;

/// How much of an answer's body is read, in bytes.
const READ: usize = 64 << 10;

/// How much of an answer's first line is shown, in characters.
const SHOWN: usize = 200;

/// How long a webhook is left alone that says that it is asked too often, and not for how long.
const PAUSE: Duration = Duration::from_secs(30);

/// What an answer means, or that there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Stored,
    /// This message will never be taken.
    Refused(String),
    /// Our credentials are refused.
    Denied(String),
    /// There is no such webhook now, whatever the message.
    Gone(String),
    /// The webhook asks to be left alone for a time.
    Busy(String, Duration),
    /// The webhook failed, by its own fault or the message's.
    Failed(String),
}

/// What an answer means at this time of day.
pub(super) async fn meaning(response: Response, now: DateTime<Utc>) -> Meaning {
    let (status, wait) = (response.status(), RateLimit::of(response.headers()).wait(now));
    // Read in any case: only then can the connection be used again.
    let body = read_body(response, READ).await.unwrap_or_default();
    of_status(status, wait, &body)
}

fn of_status(status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Meaning {
    let why = format!("the webhook answered {status}");
    match status.as_u16() {
        200..=299 => Meaning::Stored,
        401 | 403 => Meaning::Denied(why),
        404 | 410 => Meaning::Gone(why),
        300..=399 => Meaning::Gone(format!("{why}, and redirects are not followed")),
        429 => Meaning::Busy(why, wait.unwrap_or(PAUSE)),
        408 | 425 => Meaning::Failed(why),
        400..=499 => Meaning::Refused(match first_line(body) {
            line if line.is_empty() => why,
            line => format!("{why}: {line}"),
        }),
        _ => match wait {
            Some(wait) => Meaning::Busy(why, wait),
            None => Meaning::Failed(why),
        },
    }
}

fn first_line(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let line = body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    text::one_line(line, SHOWN)
}

/// What failed before there was an answer; the webhook's address may be a secret.
pub(super) fn without_address(error: reqwest::Error) -> String {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    match error.is_timeout() {
        true => "the webhook did not answer in time".to_owned(),
        false => format!("the webhook cannot be reached{}", cause.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_meaning() {
        use Meaning::{Busy, Denied, Failed, Gone, Refused, Stored};
        let short = Some(Duration::from_secs(7));
        type Is = fn(&Meaning) -> bool;
        let cases: [(u16, Option<Duration>, Is); 20] = [
            (200, None, |it| *it == Stored),
            (201, short, |it| *it == Stored),
            (204, None, |it| *it == Stored),
            (301, None, |it| matches!(it, Gone(_))),
            (307, None, |it| matches!(it, Gone(_))),
            (400, None, |it| matches!(it, Refused(_))),
            (401, None, |it| matches!(it, Denied(_))),
            (403, short, |it| matches!(it, Denied(_))),
            (404, None, |it| matches!(it, Gone(_))),
            (408, None, |it| matches!(it, Failed(_))),
            (409, None, |it| matches!(it, Refused(_))),
            (410, short, |it| matches!(it, Gone(_))),
            (413, None, |it| matches!(it, Refused(_))),
            (422, short, |it| matches!(it, Refused(_))),
            (429, short, |it| matches!(it, Busy(_, wait) if wait.as_secs() == 7)),
            (429, None, |it| matches!(it, Busy(_, wait) if *wait == PAUSE)),
            (500, None, |it| matches!(it, Failed(_))),
            (502, None, |it| matches!(it, Failed(_))),
            (503, short, |it| matches!(it, Busy(_, wait) if wait.as_secs() == 7)),
            (599, None, |it| matches!(it, Failed(_))),
        ];
        for (status, wait, is) in cases {
            let meaning = of_status(StatusCode::from_u16(status).unwrap(), wait, b"secret");
            assert!(is(&meaning), "{status}: {meaning:?}");
        }
    }

    #[test]
    fn a_refusal_shows_the_first_line_of_the_answer_and_no_more() {
        let refused = |body: &str| of_status(StatusCode::BAD_REQUEST, None, body.as_bytes());
        let told =
            |why: &str| Meaning::Refused(format!("the webhook answered 400 Bad Request{why}"));
        assert_eq!(refused("\n invalid_payload \nhunter2"), told(": invalid_payload"));
        assert_eq!(refused(""), told(""));
        assert_eq!(refused("\u{1b}[31mno"), told(": [31mno"));
    }
}
