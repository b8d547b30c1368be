//! What an answer says of a rate limit, and of the time after which to ask again.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::fmt;
use std::time::Duration;

/// The headers of one answer, as far as they were there and could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimit {
    limit: Option<u64>,
    remaining: Option<u64>,
    reset: Option<DateTime<Utc>>,
    retry_after: Option<u64>,
    retry_at: Option<DateTime<Utc>>,
}

impl RateLimit {
    /// Reads the headers; missing and unreadable ones are left out.
    pub fn of(headers: &HeaderMap) -> Self {
        let word = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |name: &str| word(name)?.parse::<u64>().ok();
        let reset = number("x-rate-limit-reset");
        Self {
            limit: number("x-rate-limit-limit"),
            remaining: number("x-rate-limit-remaining"),
            reset: reset.and_then(|at| DateTime::from_timestamp(at.try_into().ok()?, 0)),
            retry_after: number(RETRY_AFTER.as_str()),
            retry_at: word(RETRY_AFTER.as_str()).and_then(http_date),
        }
    }

    /// How long the next request has to wait; `None` where nothing was said, or where it was of
    /// the past, as it is when the clocks differ.
    pub fn wait(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until = |at: DateTime<Utc>| {
            let left = Some(at - now).filter(|left| *left > TimeDelta::zero());
            left.and_then(|left| left.to_std().ok())
        };
        let until_reset = self.reset.and_then(until);
        let until_reset = until_reset.or(self.retry_after.map(Duration::from_secs));
        until_reset.or(self.retry_at.and_then(until))
    }
}

/// A time as headers have it (RFC 9110, section 5.6.7): `Wed, 21 Oct 2015 07:28:00 GMT`.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

/// `limit 30, remaining 0, resets at 2026-01-01T00:05:00Z`; what is not known is left out,
/// all of it if need be.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reset = self.reset.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let parts = [
            self.limit.map(|limit| format!("limit {limit}")),
            self.remaining.map(|remaining| format!("remaining {remaining}")),
            reset.map(|reset| format!("resets at {reset}")),
            self.retry_after.map(|seconds| format!("retry after {seconds} s")),
            self.retry_at
                .map(|at| format!("retry after {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))),
        ];
        let known: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_rate_limit_is_read_and_named() {
        let limit = RateLimit::of(&headers(&[
            ("X-Rate-Limit-Limit", "30"),
            ("X-Rate-Limit-Remaining", "0"),
            ("X-Rate-Limit-Reset", "1595924100"),
        ]));
        assert_eq!(limit.to_string(), "limit 30, remaining 0, resets at 2020-07-28T08:15:00Z");
        assert_eq!(limit.wait(at(1_595_924_097)), Some(Duration::from_secs(3)));
        assert_eq!(limit.wait(at(1_595_924_100)), None);
    }

    #[test]
    fn rubbish_in_a_rate_limit_is_nothing() {
        for value in ["", "x", "-1", "99999999999999999999", "18446744073709551615", "1e3", "NaN"] {
            let limit = RateLimit::of(&headers(&[("X-Rate-Limit-Reset", value)]));
            assert_eq!(limit.wait(at(0)), None, "{value}");
            assert_eq!(limit.to_string(), "", "{value}");
        }
    }

    #[test]
    fn a_retry_after_counts_where_no_reset_does() {
        let pairs = [("X-Rate-Limit-Reset", "5"), ("Retry-After", "7")];
        assert_eq!(RateLimit::of(&headers(&pairs)).wait(at(10)), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_retry_after_may_be_a_date() {
        let limit = RateLimit::of(&headers(&[("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")]));
        assert_eq!(limit.wait(at(1_445_412_470)), Some(Duration::from_secs(10)));
        assert_eq!(limit.wait(at(1_445_412_480)), None);
        assert_eq!(limit.to_string(), "retry after 2015-10-21T07:28:00Z");
    }
}
