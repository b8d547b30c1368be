//! Which times can be carried: those that go out as RFC 3339 and come back.
//!
//! RFC 3339 has the years 0000 to 9999 and no others. A time beyond them would be written in a form
//! that nobody reads, so whatever takes a time from outside asks here.

use crate::message::Message;
use chrono::{DateTime, Datelike as _, Utc};

/// Whether a time goes out as RFC 3339 and comes back.
pub fn is_carried(time: DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}

/// Reads RFC 3339; `None` where it is none, or a time that is not carried.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    is_carried(time).then_some(time)
}

/// The time so many milliseconds after 1970; `None` where it is not carried.
pub fn from_millis(millis: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis).filter(|time| is_carried(*time))
}

/// Why no queue carries this message because of its time, if so.
pub fn refusal(message: &Message) -> Option<String> {
    let carried = message.not_before.is_none_or(is_carried);
    (!carried).then(|| "its `not_before` is not in the years 0000 to 9999".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_carried_comes_back() {
        for text in [
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "1999-02-28T23:59:60Z",
            "2026-05-01T12:00:00+09:00",
        ] {
            let time = parse(text).unwrap();
            assert_eq!(parse(&time.to_rfc3339()), Some(time), "{text}");
        }
    }

    #[test]
    fn what_would_not_come_back_is_no_time() {
        for text in [
            "-0001-12-31T23:59:59Z",
            "+12000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            // In UTC these are beyond the years that are written with four digits.
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "tomorrow",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for millis in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
            assert_eq!(from_millis(millis), None, "{millis}");
        }
        assert!(
            from_millis(-62_167_219_200_000).is_some()
                && from_millis(253_402_300_799_999).is_some()
        );
    }

    #[test]
    fn a_message_is_refused_for_its_time() {
        let mut message = Message::new("a", "");
        assert_eq!(refusal(&message), None);
        for (time, refused) in [
            ("-0001-01-01T00:00:00Z", true),
            ("+12000-01-01T00:00:00Z", true),
            ("0000-01-01T00:00:00Z", false),
        ] {
            message.not_before = Some(time.parse().unwrap());
            assert_eq!(refusal(&message).is_some(), refused, "{time}");
        }
    }
}
