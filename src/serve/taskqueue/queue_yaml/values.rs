//! The values of `queue.yaml`: what is written as a text, and what it means.

use crate::serve::taskqueue::limits;
use std::time::Duration;

/// Sizes, in bytes.
const SIZES: [(char, u64); 5] =
    [('B', 1), ('K', 1 << 10), ('M', 1 << 20), ('G', 1 << 30), ('T', 1 << 40)];

/// Times, in seconds.
const TIMES: [(char, f64); 4] = [('s', 1.0), ('m', 60.0), ('h', 3600.0), ('d', 86400.0)];

/// What a value must be, where it is not.
pub(super) type Expected = &'static str;

/// The name of a queue.
pub(super) fn name(text: &str) -> Result<String, Expected> {
    limits::is_queue_name(text).then(|| text.to_owned()).ok_or("1 to 100 letters, digits and `-`")
}

/// A text of any kind.
pub(super) fn any(text: &str) -> Result<String, Expected> {
    (!text.trim().is_empty()).then(|| text.trim().to_owned()).ok_or("a text")
}

/// A whole number.
pub(super) fn count(text: &str) -> Result<u32, Expected> {
    digits(text).and_then(|text| text.parse().ok()).ok_or("a whole number from 0 to 4294967295")
}

/// A number of seconds.
pub(super) fn seconds(text: &str) -> Result<f64, Expected> {
    decimal(text).ok_or("a number of seconds")
}

/// A truth value.
pub(super) fn truth(text: &str) -> Result<bool, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        _ => Err("`true` or `false`"),
    }
}

/// Whether queues of this mode are pull queues.
pub(super) fn is_pull(text: &str) -> Result<bool, Expected> {
    match text {
        "pull" => Ok(true),
        "push" => Ok(false),
        _ => Err("`pull` or `push`"),
    }
}

/// How often a push queue gives a task: `10/s`, or `0`.
pub(super) fn rate(text: &str) -> Result<(), Expected> {
    let parts = text.split_once('/');
    let good = parts.is_some_and(|(number, unit)| {
        decimal(number).is_some() && TIMES.iter().any(|(name, _)| unit == name.to_string())
    });
    (good || text == "0").then_some(()).ok_or("a rate as `10/s`, `1/m`, `1/h` or `1/d`, or `0`")
}

/// How old a task must be before its retry limit counts.
pub(super) fn age(text: &str) -> Result<Duration, Expected> {
    let seconds =
        TIMES.iter().find_map(|(unit, length)| Some(decimal(text.strip_suffix(*unit)?)? * length));
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).ok_or("a number above 0 with `s`, `m`, `h` or `d`: `2d`")
}

/// How many bytes all queues together may hold.
pub(super) fn size(text: &str) -> Result<u64, Expected> {
    let expected = "a number of bytes, or one with `B`, `K`, `M`, `G` or `T`: `1.2G`";
    let unit = SIZES.iter().find(|(unit, _)| text.ends_with(*unit));
    let bytes = match unit {
        None => return digits(text).and_then(|text| text.parse().ok()).ok_or(expected),
        Some((unit, size)) => {
            decimal(text.strip_suffix(*unit).unwrap_or_default()).map(|it| it * *size as f64)
        }
    };
    // What is beyond is as much as can be counted, and more than any disk has.
    bytes.map(|bytes| bytes as u64).ok_or(expected)
}

/// A text of digits only.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// A number as the original takes it: digits, and digits behind a point.
fn decimal(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    digits(whole)?;
    (part.is_empty() || digits(part).is_some()).then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_letter_or_none() {
        for (text, bytes) in [
            ("0", 0),
            ("120", 120),
            ("120B", 120),
            ("1K", 1024),
            ("1.5K", 1536),
            ("100M", 100 << 20),
            ("1.2G", 1_288_490_188),
            ("2T", 2 << 40),
            ("1.G", 1 << 30),
            ("99999999999999999999T", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "1.2", "-1G", "1g", "1GB", "1 G", "1e3", "many", "1KK", "."] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_age_has_a_letter() {
        for (text, seconds) in
            [("1s", 1.0), ("0.5m", 30.0), ("2h", 7200.0), ("1d", 86400.0), ("1.5d", 129_600.0)]
        {
            assert_eq!(age(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "d", "0d", "0.0s", "-1d", "10", "1w", "1 d", "1D", "1e400d"] {
            assert!(age(text).is_err(), "{text}");
        }
        assert!(age(&format!("{}d", "9".repeat(400))).is_err());
    }

    #[test]
    fn a_rate_has_a_time() {
        for text in ["0", "5/s", "0.5/m", "2000/d", "1./h", "10.25/s"] {
            assert_eq!(rate(text), Ok(()), "{text}");
        }
        for text in ["", "5", "/s", "5/", "5/w", "5/ss", "-5/s", "5 / s", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_names_modes_and_truth_values_are_narrow() {
        assert_eq!((count("0"), count("4294967295")), (Ok(0), Ok(u32::MAX)));
        for text in ["", "-1", "1.0", "4294967296", "1e3", "0x1", "1_000", "+1", "many"] {
            assert!(count(text).is_err(), "{text}");
        }
        assert_eq!((name("pull-queue"), name("1e3")), (Ok("pull-queue".into()), Ok("1e3".into())));
        for text in ["", "a_b", "a b", "日", &"q".repeat(101)] {
            assert!(name(text).is_err(), "{text}");
        }
        assert_eq!((is_pull("pull"), is_pull("push")), (Ok(true), Ok(false)));
        for text in ["", "Pull", "pulling"] {
            assert!(is_pull(text).is_err(), "{text}");
        }
        assert_eq!(
            (truth("True"), truth("no"), truth("maybe").is_err()),
            (Ok(true), Ok(false), true)
        );
        assert_eq!(
            (seconds("0.1"), seconds("3600"), seconds("-1").is_err()),
            (Ok(0.1), Ok(3600.0), true)
        );
    }
}
