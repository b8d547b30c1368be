//! The fields of a document, whatever their types are: an odd one costs no other.

use crate::times;
use chrono::NaiveDate;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value that may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Nothing, or `null`.
    #[default]
    Null,
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// A list or an object.
    Other,
}

impl<'a> Scalar<'a> {
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) if number.is_finite() => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    /// A text that says something.
    pub(super) fn text(&self) -> Option<&Cow<'a, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A time in RFC 3339, in milliseconds since 1970.
    pub(super) fn time(&self) -> Option<i64> {
        self.text().and_then(|text| millis(text))
    }
}

/// A time in RFC 3339, in milliseconds since 1970.
pub(in crate::readings) fn millis(text: &str) -> Option<i64> {
    usual(text.as_bytes()).or_else(|| times::parse(text).map(|time| time.timestamp_millis()))
}

/// The time of a text as nearly all are written, read ten times as fast as any other; `None` for what
/// needs a closer look.
fn usual(text: &[u8]) -> Option<i64> {
    let (whole, rest) = text.split_first_chunk::<19>()?;
    let punctuated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if punctuated.iter().any(|(at, mark)| whole[*at] != *mark) {
        return None;
    }
    let two = |at: usize| number(&whole[at..at + 2]);
    let year = number(&whole[..4]).filter(|year| (1..9999).contains(year))?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, two(5)?, two(8)?)?;
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    let days = i64::from(date.to_epoch_days());
    let (fraction, zone) = fraction(rest)?;
    Some((days * 86_400 + seconds - offset(zone)?) * 1000 + fraction)
}

/// A number of a few digits.
fn number(digits: &[u8]) -> Option<u32> {
    let digit = |number: u32, digit: &u8| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    };
    digits.iter().try_fold(0, digit)
}

/// The milliseconds that a text begins with, `.123` or nothing, and what follows them.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    match text {
        [b'.', digits @ ..] => {
            let (three, rest) = digits.split_first_chunk::<3>()?;
            let ended = !rest.first()?.is_ascii_digit();
            number(three).filter(|_| ended).map(|millis| (millis.into(), rest))
        }
        _ => Some((0, text)),
    }
}

/// How far a zone leads UTC, in seconds: `Z`, `+09:00`.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, [hours, minutes]) = match zone {
        b"Z" => return Some(0),
        [b'+', a, b, b':', c, d] => (1, [[*a, *b], [*c, *d]]),
        [b'-', a, b, b':', c, d] => (-1, [[*a, *b], [*c, *d]]),
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// The events of a snapshot: what each sensor said last. `None` where there is no such object.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Events<'a>(pub(super) Option<Vec<(Cow<'a, str>, Event<'a>)>>);

/// What a sensor said.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Event<'a> {
    pub(super) val: Scalar<'a>,
    pub(super) created_at: Scalar<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyEvents)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyEvent)
    }
}

/// A visitor of an object, to which anything else is nothing.
macro_rules! or_nothing {
    ($($visit:ident($type:ty)),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        $(fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })*

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

struct AnyEvents;

impl<'de> Visitor<'de> for AnyEvents {
    type Value = Events<'de>;

    or_nothing!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::with_capacity(4);
        while let Some((Key(kind), event)) = map.next_entry()? {
            events.push((kind, event));
        }
        Ok(Events(Some(events)))
    }
}

struct AnyEvent;

impl<'de> Visitor<'de> for AnyEvent {
    type Value = Event<'de>;

    or_nothing!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut event = Event::default();
        while let Some(Key(name)) = map.next_key()? {
            match name.as_ref() {
                "val" => event.val = map.next_value()?,
                "created_at" => event.created_at = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(event)
    }
}

/// A name in an object, borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(AnyValue)? {
            Scalar::Text(text) => Ok(Self(text)),
            _ => Ok(Self(Cow::Borrowed(""))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, FixedOffset, SecondsFormat};
    use proptest::prelude::*;

    fn slowly(text: &str) -> Option<i64> {
        times::parse(text).map(|time| time.timestamp_millis())
    }

    proptest! {
        #[test]
        fn a_time_is_read_as_chrono_reads_it(
            seconds in -62_000_000_000i64..253_000_000_000,
            nanos in 0u32..1_000_000_000,
            quarters in -56i32..56,
            form in prop::sample::select(&[
                SecondsFormat::Secs, SecondsFormat::Millis, SecondsFormat::Nanos, SecondsFormat::AutoSi,
            ]),
        ) {
            let zone = FixedOffset::east_opt(quarters * 900).unwrap();
            let time = DateTime::from_timestamp(seconds, nanos).unwrap().with_timezone(&zone);
            let text = time.to_rfc3339_opts(form, true);
            prop_assert_eq!(millis(&text), slowly(&text), "{}", text);
        }

        #[test]
        fn rubbish_is_no_time(text in "[0-9]{3,5}[-T:.Z+ 0-9]{0,25}") {
            prop_assert_eq!(millis(&text), slowly(&text), "{}", text);
        }
    }

    #[test]
    fn an_odd_time_is_read_as_chrono_reads_it() {
        for text in [
            "2016-12-31T23:59:60Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00.1Z",
            "2026-01-01T00:00:00.1234Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "",
        ] {
            assert_eq!(millis(text), slowly(text), "{text}");
        }
    }
}
