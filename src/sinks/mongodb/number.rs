//! Numbers as BSON holds them: with the value that they had, or not at all.

use crate::json::Decimal;
use mongodb::bson::raw::{RawBson, RawBsonRef};

/// A decimal of this many digits comes back from a double as it was.
const SAFE_DIGITS: usize = 15;

/// The number: a whole one as a 64-bit integer, any other, and where a double is wanted each, as a
/// double. `None` where that would be another number. A double is taken for the shortest decimal that
/// leads to it, which is how everybody writes it again: so no two numbers become one.
pub(super) fn exactly(text: &str, as_double: bool) -> Option<RawBson> {
    if let Some(whole) = whole(text).filter(|_| !as_double) {
        return Some(RawBson::Int64(whole));
    }
    let double: f64 = text.parse().ok()?;
    comes_back(text, double).then_some(RawBson::Double(double))
}

/// Reads a number without a point or a power. `-0` is none: only a double tells it from 0.
fn whole(text: &str) -> Option<i64> {
    let plain = !text.contains(['.', 'e', 'E']) && text != "-0";
    plain.then(|| text.parse().ok()).flatten()
}

fn comes_back(text: &str, double: f64) -> bool {
    let few = text.len() <= SAFE_DIGITS && !text.contains(['e', 'E']);
    few || Decimal::of(text).is_some_and(|meant| Some(meant) == Decimal::of_double(double))
}

/// A number that is stored: the same by value, whatever its type is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    pub(super) fn of(value: RawBsonRef<'_>) -> Option<Self> {
        match value {
            RawBsonRef::Int32(whole) => Some(Self::Whole(whole.into())),
            RawBsonRef::Int64(whole) => Some(Self::Whole(whole)),
            RawBsonRef::Double(real) => Some(Self::Real(real)),
            _ => None,
        }
    }

    pub(super) fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a == b,
            (Self::Whole(whole), Self::Real(real)) | (Self::Real(real), Self::Whole(whole)) => {
                Decimal::of(&whole.to_string()) == Decimal::of_double(real)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_stored_with_the_value_that_it_had() {
        for (text, stored) in [
            ("0", RawBson::Int64(0)),
            ("-17", RawBson::Int64(-17)),
            ("9223372036854775807", RawBson::Int64(i64::MAX)),
            ("-9223372036854775808", RawBson::Int64(i64::MIN)),
            ("0.1", RawBson::Double(0.1)),
            ("1.0", RawBson::Double(1.0)),
            ("25.149109", RawBson::Double(25.149109)),
            ("1e23", RawBson::Double(1e23)),
            ("10000000000000000000", RawBson::Double(1e19)),
            ("5e-324", RawBson::Double(5e-324)),
            ("1.7976931348623157e308", RawBson::Double(f64::MAX)),
            ("0.30000000000000004", RawBson::Double(0.1 + 0.2)),
            ("1.50000000000000000000", RawBson::Double(1.5)),
        ] {
            assert_eq!(exactly(text, false), Some(stored), "{text}");
        }
        let Some(RawBson::Double(zero)) = exactly("-0", false) else { panic!("-0 is a double") };
        assert!(zero == 0.0 && zero.is_sign_negative());
        assert_eq!(exactly("17", true), Some(RawBson::Double(17.0)));
        assert_eq!(exactly("9007199254740992", true), Some(RawBson::Double(9007199254740992.0)));
    }

    #[test]
    fn what_would_become_another_number_is_none() {
        for text in [
            "18446744073709551615",
            "9223372036854775808",
            "-9223372036854775809",
            "12345678901234567890.5",
            "3.141592653589793238",
            "0.10000000000000001",
            "1e400",
            "1e-400",
            "1.00000000000000000001",
            "12345678901234567890123",
        ] {
            assert_eq!(exactly(text, false), None, "{text}");
        }
        assert_eq!(exactly("9007199254740993", true), None);
        assert_eq!(exactly("9223372036854775807", true), None);
    }

    #[test]
    fn no_two_numbers_are_the_same_when_they_are_stored() {
        // A double next to 2^63, and the whole number that it is exactly.
        let texts = ["9223372036854775000.0", "9223372036854774784", "9223372036854775000"];
        let [shortest, exact, whole] = texts.map(|text| exactly(text, false).unwrap());
        let number = |it: &RawBson| Number::of(it.as_raw_bson_ref()).unwrap();
        assert!(!number(&shortest).is_same(number(&exact)));
        assert!(number(&shortest).is_same(number(&whole)));
    }
}
