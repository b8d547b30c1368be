//! What the API says of its rate limit: 30 requests in 5 minutes for a whole account.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::fmt;
use std::time::Duration;

/// The headers of one answer, as far as they were there and could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RateLimit {
    limit: Option<u64>,
    remaining: Option<u64>,
    reset: Option<DateTime<Utc>>,
    retry_after: Option<u64>,
}

impl RateLimit {
    /// Reads the headers; missing and unreadable ones are left out.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = number("x-rate-limit-reset");
        Self {
            limit: number("x-rate-limit-limit"),
            remaining: number("x-rate-limit-remaining"),
            reset: reset.and_then(|at| DateTime::from_timestamp(at.try_into().ok()?, 0)),
            retry_after: number(RETRY_AFTER.as_str()),
        }
    }

    /// How long the next request has to wait; `None` where nothing was said, or where it was of
    /// the past, as it is when the clocks differ.
    pub(super) fn wait(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until_reset = self.reset.map(|at| at - now).filter(|left| *left > TimeDelta::zero());
        let until_reset = until_reset.and_then(|left| left.to_std().ok());
        until_reset.or(self.retry_after.map(Duration::from_secs))
    }
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
}
