//! Times and sizes as people write them: `90s`, `1h 30m`, `64MiB`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What sizes are counted in, in bytes.
const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A number of things: `1 message`, `2 messages`.
pub fn counted(number: impl Into<u64>, thing: &str) -> String {
    let number = number.into();
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A length of time, each number with its unit: `90s`, `10m`, `1h 30m`.
///
/// # Errors
/// Why the text is none, in words.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|cause| cause.to_string())
}

/// A number of bytes that lies in the range, in digits or with a unit: `67108864`, `64MiB`.
///
/// # Errors
/// Why the text is none, in words.
pub fn bytes<N>(text: &str, range: RangeInclusive<N>) -> Result<N, String>
where
    N: TryFrom<u64> + PartialOrd + Display,
{
    let bytes = N::try_from(count(text)?);
    match bytes.ok().filter(|bytes| bytes <= range.end()) {
        None => Err(format!("must be at most {}", range.end())),
        Some(bytes) if bytes < *range.start() => Err(format!("must be at least {}", range.start())),
        Some(bytes) => Ok(bytes),
    }
}

fn count(text: &str) -> Result<u64, String> {
    let behind_digits = text.find(char::is_alphabetic).filter(|at| *at > 0);
    let (digits, unit) = text.split_at(behind_digits.unwrap_or(text.len()));
    let number: u64 = match digits.trim_end().parse() {
        Ok(number) => number,
        Err(cause) => return Err(format!("{cause}")),
    };
    let size = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, size)) => *size,
        None if unit.is_empty() => 1,
        None => return Err(format!("`{unit}` is no unit: write `KiB`, `MiB` or `GiB`")),
    };
    number.checked_mul(size).ok_or_else(|| "it is beyond what can be counted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_digits_with_or_without_a_unit() {
        for (text, expected) in [
            ("1", 1),
            ("67108864", 64 << 20),
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("8KiB", 8192),
            ("2GiB", 2 << 30),
            ("7B", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(bytes(text, 1..=u64::MAX), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_told() {
        for (text, why) in [
            ("", "cannot parse integer from empty string"),
            (" ", "cannot parse integer from empty string"),
            ("many", "invalid digit"),
            ("-1", "invalid digit"),
            ("-1MiB", "invalid digit"),
            ("1.5MiB", "invalid digit"),
            ("0x10", "`x10` is no unit"),
            ("64M", "`M` is no unit"),
            ("64MB", "`MB` is no unit"),
            ("64mib", "`mib` is no unit"),
            ("64MiB more", "`MiB more` is no unit"),
            ("18446744073709551616", "number too large"),
            ("17179869184GiB", "beyond what can be counted"),
        ] {
            let told = bytes(text, 0..=u64::MAX).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    #[test]
    fn a_size_lies_between_its_limits() {
        let limited = |text| bytes(text, 2..=1024_u32);
        assert_eq!((limited("2"), limited("1KiB")), (Ok(2), Ok(1024)));
        assert_eq!(limited("1").unwrap_err(), "must be at least 2");
        for text in ["1025", "2KiB", "8GiB"] {
            assert_eq!(limited(text).unwrap_err(), "must be at most 1024", "{text}");
        }
    }

    #[test]
    fn one_thing_is_no_things() {
        let shown = [0_u64, 1, 2].map(|number| counted(number, "message"));
        assert_eq!(shown, ["0 messages", "1 message", "2 messages"]);
    }

    #[test]
    fn a_time_has_its_unit() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h 30m", 5400), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", " ", "10", "-1s", "1.5", "many", "10 parsecs", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
