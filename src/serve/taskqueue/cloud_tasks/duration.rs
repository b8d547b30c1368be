//! Lengths of time, as `3600s` or `1.5s`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// A length of time, to the second: of a part of one nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) i64);

impl Seconds {
    /// As long as it is, where it is not negative.
    pub(super) fn duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_secs)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("must be a length of time in seconds, as 3600s");
        parse(&text).map(Self).ok_or_else(wrong)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", self.0))
    }
}

fn parse(text: &str) -> Option<i64> {
    let number = text.strip_suffix('s')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(part);
    let seconds = whole.parse().ok().filter(|_| plain && part.len() <= 9)?;
    // What is below zero, if by a part of a second, must not become zero.
    let below = whole.starts_with('-') && part.bytes().any(|digit| digit != b'0');
    Some(if below && seconds == 0 { -1 } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read() {
        for (text, seconds) in [
            ("0s", Some(0)),
            ("60s", Some(60)),
            ("3600.000s", Some(3600)),
            ("1.999999999s", Some(1)),
            ("-1s", Some(-1)),
            ("-0.5s", Some(-1)),
            ("60", None),
            ("s", None),
            ("", None),
            (".5s", None),
            ("5.s", None),
            ("1.0000000000s", None),
            ("+1s", None),
            ("1e3s", None),
            ("1m", None),
            (" 1s", None),
            ("99999999999999999999s", None),
            ("é", None),
        ] {
            assert_eq!(parse(text), seconds, "{text}");
        }
    }
}
