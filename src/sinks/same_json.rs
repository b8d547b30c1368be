//! Whether two JSON texts say the same.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Compares two texts that are JSON as values: the order of keys and white space do not count, and
/// numbers are compared by their exact value, however they are written: `1`, `1.0` and `10e-1` are
/// one number, but not `9007199254740993` and `9007199254740992`, as they would be in a double.
///
/// It goes as deep as the texts do: whoever lets texts in bounds their depth.
pub fn same_json(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if a == b {
        return true;
    }
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => same_objects(a, b).unwrap_or(false),
        (Some(b'['), Some(b'[')) => same_arrays(a, b).unwrap_or(false),
        (Some(b'"'), Some(b'"')) => parse::<String>(a).is_some_and(|a| Some(a) == parse(b)),
        // Of `true`, `false` and `null` each has one text.
        _ => Number::of(a).is_some_and(|a| Some(a) == Number::of(b)),
    }
}

fn same_objects(a: &str, b: &str) -> Option<bool> {
    let a: BTreeMap<String, &RawValue> = parse(a)?;
    let b: BTreeMap<String, &RawValue> = parse(b)?;
    let same = |((a_key, a), (b_key, b)): ((&String, &&RawValue), (&String, &&RawValue))| {
        a_key == b_key && same_json(a.get(), b.get())
    };
    Some(a.len() == b.len() && a.iter().zip(&b).all(same))
}

fn same_arrays(a: &str, b: &str) -> Option<bool> {
    let a: Vec<&RawValue> = parse(a)?;
    let b: Vec<&RawValue> = parse(b)?;
    Some(a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same_json(a.get(), b.get())))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// A decimal number in the one form that each value has: digits without zeros at either end, times
/// ten to the power.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    negative: bool,
    digits: String,
    power: i64,
}

impl Number {
    /// `None`: not a number, or one with a power beyond any sense.
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let trimmed = digits.trim_end_matches('0');
        let dropped = digits.len() - trimmed.len();
        let digits = trimmed.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, power: 0 }); // zero, `-0` included
        }
        let shift = i64::try_from(dropped).ok()? - i64::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits, power: power.checked_add(shift)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_the_same_is_the_same() {
        for (a, b) in [
            (r#"{"a":1,"b":[true,null]}"#, r#" { "b" : [ true , null ], "a" : 1.0 } "#),
            (r#"{"a":"\u00fc\/"}"#, r#"{"a":"ü/"}"#),
            ("[1, 1.0, 10e-1, 0.1E+1]", "[1,1,1,1]"),
            ("[-0, 0.0, 0e9]", "[0,0,0]"),
            ("[1200]", "[1.2e3]"),
            ("[12345678901234567890123]", "[1.2345678901234567890123e22]"),
            ("{}", "{ }"),
        ] {
            assert!(same_json(a, b) && same_json(b, a), "{a} {b}");
        }
    }

    #[test]
    fn what_differs_differs() {
        for (a, b) in [
            (r#"{"a":1}"#, r#"{"a":2}"#),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":true}"#, r#"{"a":false}"#),
            (r#"{"a":0}"#, r#"{"a":null}"#),
            ("[1,2]", "[2,1]"),
            ("[1]", "[-1]"),
            ("[10]", "[1]"),
            ("[0.01]", "[0.1]"),
            ("[9007199254740993]", "[9007199254740992]"),
            ("[12345678901234567890123]", "[12345678901234567890124]"),
            ("[]", "{}"),
        ] {
            assert!(!same_json(a, b) && !same_json(b, a), "{a} {b}");
        }
    }
}
