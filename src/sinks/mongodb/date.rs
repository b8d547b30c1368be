//! Dates: RFC 3339 text as milliseconds, and what milliseconds cannot hold.

use crate::times;
use chrono::Timelike as _;
use mongodb::bson::raw::{RawArrayBuf, RawBson, RawDocumentBuf, cstr};

/// The field of a document that keeps the dates with finer fractions than milliseconds as they were
/// meant, each as `{field, at}`: so none is lost, and no two of them count as one.
pub(super) const EXACT_DATES: &str = "exact_dates";

/// A time as BSON holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) millis: i64,
    /// The whole time in UTC, where milliseconds cannot hold it: more digits, or a leap second.
    pub(super) exact: Option<String>,
}

impl Moment {
    /// Reads RFC 3339; `None` where the text is none, or a time beyond the years 0000 to 9999.
    pub(super) fn read(text: &str) -> Option<Self> {
        let time = times::parse(text)?;
        let digits = fraction(text);
        let leaps = time.nanosecond() >= 1_000_000_000;
        let exact = (digits.len() > 3 || leaps).then(|| {
            let point = if digits.is_empty() { "" } else { "." };
            format!("{}{point}{digits}Z", time.format("%Y-%m-%dT%H:%M:%S"))
        });
        Some(Self { millis: time.timestamp_millis(), exact })
    }
}

/// The digits after the second's point, without zeros at their end.
fn fraction(text: &str) -> &str {
    let (_, rest) = text.split_once('.').unwrap_or_default();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].trim_end_matches('0')
}

/// The exact dates of a document, as pairs of path and time, in one order.
pub(super) fn list(mut dates: Vec<(String, String)>) -> RawBson {
    dates.sort();
    let mut list = RawArrayBuf::new();
    for (field, at) in dates {
        let mut date = RawDocumentBuf::new();
        date.append(cstr!("field"), field);
        date.append(cstr!("at"), at);
        list.push(date);
    }
    RawBson::Array(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_milliseconds_hold_is_a_date_alone() {
        for (text, millis) in [
            ("1970-01-01T00:00:01Z", 1000),
            ("1970-01-01T09:00:00.5+09:00", 500),
            ("1970-01-01T00:00:00.123000000Z", 123),
            ("1969-12-31T23:59:59.999-00:00", -1),
        ] {
            assert_eq!(Moment::read(text), Some(Moment { millis, exact: None }), "{text}");
        }
    }

    #[test]
    fn what_they_cannot_hold_is_kept_beside() {
        for (text, millis, exact) in [
            ("1970-01-01T00:00:00.1239Z", 123, "1970-01-01T00:00:00.1239Z"),
            ("1970-01-01T09:00:00.0001230+09:00", 0, "1970-01-01T00:00:00.000123Z"),
            ("1970-01-01T00:00:00.1234567890123Z", 123, "1970-01-01T00:00:00.1234567890123Z"),
            ("1969-12-31T23:59:59.9995Z", -1, "1969-12-31T23:59:59.9995Z"),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000, "2016-12-31T23:59:60Z"),
        ] {
            let exact = Some(exact.to_owned());
            assert_eq!(Moment::read(text), Some(Moment { millis, exact }), "{text}");
        }
        assert_eq!(Moment::read("2025-02-30T00:00:00Z"), None);
    }
}
