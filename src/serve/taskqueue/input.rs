//! The JSON of a request's body, as Google's APIs read it: whole numbers of 64 bits may be strings,
//! bytes are base64, `null` means absent. What cannot be read is told without a word of its values.

use super::failure::Failure;
use super::payload;
use crate::{json, text};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// How long an error about a body is at most, in characters: names of fields may be long.
const LONGEST: usize = 300;

/// Reads an object from a body.
pub fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Failure> {
    let text = json::utf8(body).map_err(|fault| Failure::invalid(format!("The body: {fault}")))?;
    let object: Object<T> = serde_json::from_str(text).map_err(|cause| fault(text, &cause))?;
    Ok(object.0)
}

/// What is wrong with a body: names of fields are told, values are not.
fn fault(body: &str, cause: &serde_json::Error) -> Failure {
    let position = format!("(line {}, column {})", cause.line(), cause.column());
    let told = match (cause.is_data(), json::path_of(body, cause).as_str(), words(cause)) {
        (false, _, _) => format!("The body is not JSON {position}"),
        (true, _, Some(words)) if words.contains(" field `") => format!("The body has the {words}"),
        (true, "", words) => format!("The body {} {position}", words.as_deref().unwrap_or(TYPE)),
        (true, path, words) => format!("The field {path} {}", words.as_deref().unwrap_or(TYPE)),
    };
    Failure::invalid(text::one_line(&told, LONGEST))
}

/// What is wrong where the parser's own words would tell the value.
const TYPE: &str = "has a value of the wrong type";

/// The words of an error without its position; `None` where they hold a value.
fn words(cause: &serde_json::Error) -> Option<String> {
    let told = cause.to_string();
    let words = told.rsplit_once(" at line ").map_or(told.as_str(), |(words, _)| words);
    (!words.starts_with("invalid ")).then(|| words.to_owned())
}

/// An object: neither an array of its fields nor anything else stands for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A whole number of 64 bits, as a number or in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int64(pub i64);

/// What is told of a number that is none.
const WHOLE: &str = "must be a whole number of 64 bits";

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Int64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Int64, E> {
        Ok(Int64(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Int64, E> {
        i64::try_from(number).map(Int64).map_err(|_| E::custom(WHOLE))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Int64, E> {
        // Up to there each whole number is a double of its own.
        let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        let whole = exact.then_some(Int64(number as i64));
        whole.ok_or_else(|| E::custom(WHOLE))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Int64, E> {
        let plain = !text.starts_with('+');
        let number = text.parse().ok().filter(|_| plain);
        number.map(Int64).ok_or_else(|| E::custom(WHOLE))
    }
}

/// Bytes in base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Base64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Base64, E> {
        payload::decode(text).map(Base64).ok_or_else(|| E::custom("is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "camelCase", default, deny_unknown_fields)]
    struct Thing {
        some_name: Option<String>,
        number: Option<Int64>,
        bytes: Option<Base64>,
        inner: Option<Object<Box<Thing>>>,
    }

    fn told(body: impl AsRef<[u8]>) -> String {
        read::<Thing>(body.as_ref()).unwrap_err().message
    }

    #[test]
    fn an_object_is_read() {
        let body = r#"{"someName": null, "number": "7", "bytes": "aGk", "inner": {"number": 8}}"#;
        let thing: Thing = read(body.as_bytes()).unwrap();
        assert_eq!((thing.some_name, thing.number), (None, Some(Int64(7))));
        assert_eq!(thing.bytes, Some(Base64(b"hi".to_vec())));
        assert_eq!(thing.inner.unwrap().0.number, Some(Int64(8)));
    }

    #[test]
    fn whole_numbers_come_in_several_ways() {
        for (text, number) in [
            ("0", 0),
            ("\"0\"", 0),
            ("-5", -5),
            ("\"-5\"", -5),
            ("1e3", 1000),
            ("2.0", 2),
            ("\"9223372036854775807\"", i64::MAX),
            ("9223372036854775807", i64::MAX),
        ] {
            let body = format!(r#"{{"number": {text}}}"#);
            assert_eq!(
                read::<Thing>(body.as_bytes()).unwrap().number,
                Some(Int64(number)),
                "{text}"
            );
        }
        for text in ["1.5", "\"\"", "\"1.5\"", "\"+1\"", "\" 1\"", "9223372036854775808", "1e30"] {
            let body = format!(r#"{{"number": {text}}}"#);
            assert_eq!(told(body), format!("The field number {WHOLE}"), "{text}");
        }
    }

    #[test]
    fn a_fault_tells_the_field_and_no_value() {
        let wrong = "has a value of the wrong type";
        for (body, expected) in [
            (r#"{"someName": 5}"#, format!("The field someName {wrong}")),
            (r#"{"number": true}"#, format!("The field number {wrong}")),
            (r#"{"bytes": "s3cret#"}"#, "The field bytes is not base64".to_owned()),
            (r#"{"bytes": ["s3cret"]}"#, format!("The field bytes {wrong}")),
            (r#"{"inner": ["s3cret"]}"#, format!("The field inner {wrong}")),
            (r#"["s3cret"]"#, format!("The body {wrong} (line 1, column 0)")),
            (
                r#"{"number": 1, "number": 2}"#,
                "The body has the duplicate field `number`".to_owned(),
            ),
            ("s3cret", "The body is not JSON (line 1, column 1)".to_owned()),
            ("", "The body is not JSON (line 1, column 0)".to_owned()),
            (r#"{"number": 1e999}"#, "The body is not JSON (line 1, column 16)".to_owned()),
        ] {
            assert_eq!(told(body), expected, "{body}");
        }
        assert!(told(r#"{"other": 1}"#).starts_with("The body has the unknown field `other`"));
        assert!(told("\u{feff}{}").starts_with("The body is not JSON"));
        assert!(told(b"\xff\xfe{\0}\0").contains("not UTF-8"));
        assert!(told(format!(r#"{{"{}": 1}}"#, "x".repeat(10_000))).len() < 400);
        assert!(told(r#"{"inner":"#.repeat(100_000)).contains("not JSON"));
    }
}
