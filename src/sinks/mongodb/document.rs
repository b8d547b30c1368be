//! A message as a BSON document: what becomes of JSON's values, purely.
//!
//! | JSON | BSON |
//! |---|---|
//! | a number under the key `val`, whole or not | double |
//! | any other whole number | 64-bit integer; beyond its range the nearest double |
//! | any other number | double |
//! | an RFC 3339 string under a date key | date in milliseconds; finer fractions are cut off |
//! | anything else | itself |
//!
//! A key's rule holds at any depth, and for the elements of an array under it. So a field always
//! has one type, whatever its value happens to be: charts, indexes and TTLs need that.

use chrono::DateTime;
use mongodb::bson::raw::{CStr, RawArrayBuf, RawBson, RawDocumentBuf, cstr};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The largest document that MongoDB stores, in bytes ("MongoDB Limits and Thresholds": BSON
/// document size).
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How deep documents and arrays may lie in each other (the same page: nested depth).
const MAX_DEPTH: usize = 100;

/// Numbers under this key are doubles: a sensor's 17 and 17.6 are of one kind.
const DOUBLE_KEY: &str = "val";

/// Strings under these keys are dates unless `?dates=` names others.
const DATE_KEYS: &[&str] = &["created_at", "updated_at", "request_at"];

/// Which keys hold dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    dates: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(DATE_KEYS.iter().copied())
    }
}

impl Rules {
    /// Strings under these keys, and no others, become dates.
    pub(super) fn new<'a>(dates: impl IntoIterator<Item = &'a str>) -> Self {
        Self { dates: dates.into_iter().map(str::to_owned).collect() }
    }

    /// The document of a body, its `_id` first; or why it can be none, without its content.
    pub(super) fn document(&self, id: &str, body: &[u8]) -> Result<RawDocumentBuf, String> {
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("the body is not a JSON object".to_owned());
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        let document = Fields { rules: self, id: Some(id), depth: 1 }
            .deserialize(&mut json)
            .and_then(|document| json.end().map(|()| document))
            .map_err(|cause| explain(&cause))?;
        match document.as_bytes().len() {
            size if size > MAX_BYTES => Err(format!(
                "the document is too large: {size} bytes, and MongoDB takes {MAX_BYTES}"
            )),
            _ => Ok(document),
        }
    }

    fn role(&self, key: &str) -> Role {
        if key == DOUBLE_KEY {
            Role::Double
        } else if self.dates.iter().any(|date| date == key) {
            Role::Date
        } else {
            Role::Plain
        }
    }
}

/// `serde_json`'s own words on syntax name no content; on data they are ours.
fn explain(cause: &serde_json::Error) -> String {
    match cause.is_data() {
        true => format!("the body cannot be a document: {cause}"),
        false => format!("the body is not JSON: {cause}"),
    }
}

/// What the key of a value says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Double,
    Date,
}

/// A key, borrowed from the body where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash, Clone)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads an object.
struct Fields<'r> {
    rules: &'r Rules,
    /// The message's id, which becomes `_id`: at the top only.
    id: Option<&'r str>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = RawDocumentBuf;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<RawDocumentBuf, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = RawDocumentBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawDocumentBuf, A::Error> {
        let mut document = RawDocumentBuf::new();
        if let Some(id) = self.id {
            document.append(cstr!("_id"), id);
        }
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let role = self.rules.role(&key.0);
            let value =
                map.next_value_seed(Value { rules: self.rules, role, depth: self.depth })?;
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("it has the key {} twice", shown(&key.0))));
            }
            match self.id {
                Some(id) if key.0 == "_id" => same_id(id, &value).map_err(A::Error::custom)?,
                _ => document.append(name(&key.0).map_err(A::Error::custom)?, value),
            }
        }
        Ok(document)
    }
}

/// A key as BSON can hold it.
fn name(key: &str) -> Result<&CStr, String> {
    key.try_into().map_err(|_| format!("the key {} holds a zero character", shown(key)))
}

/// A body may repeat its message's id, and may not have another one.
fn same_id(id: &str, value: &RawBson) -> Result<(), &'static str> {
    match value {
        RawBson::String(own) if own == id => Ok(()),
        _ => Err("its `_id` is not the message's id"),
    }
}

/// A key for a message: in backticks, escaped, and not longer than a line.
fn shown(key: &str) -> String {
    let mut start: String = key.chars().take(40).flat_map(char::escape_debug).collect();
    if key.chars().nth(40).is_some() {
        start.push('…');
    }
    format!("`{start}`")
}

/// Reads any value.
#[derive(Clone, Copy)]
struct Value<'r> {
    rules: &'r Rules,
    role: Role,
    /// How deep the document or array lies in which the value stands.
    depth: usize,
}

impl Value<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH.. => Err(E::custom(format!("it is nested deeper than {MAX_DEPTH} levels"))),
            _ => Ok(Self { depth: self.depth + 1, ..self }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = RawBson;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<RawBson, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = RawBson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<RawBson, E> {
        Ok(RawBson::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawBson, E> {
        Ok(RawBson::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawBson, E> {
        Ok(match self.role {
            Role::Double => RawBson::Double(value as f64),
            Role::Plain | Role::Date => RawBson::Int64(value),
        })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<RawBson, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Ok(RawBson::Double(value as f64)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawBson, E> {
        Ok(RawBson::Double(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawBson, E> {
        Ok(match self.role {
            Role::Date => date(value).unwrap_or_else(|| RawBson::String(value.to_owned())),
            Role::Plain | Role::Double => RawBson::String(value.to_owned()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawBson, A::Error> {
        let element = self.deeper()?;
        let mut array = RawArrayBuf::new();
        while let Some(value) = seq.next_element_seed(element)? {
            array.push(value);
        }
        Ok(RawBson::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawBson, A::Error> {
        let depth = self.deeper()?.depth;
        Fields { rules: self.rules, id: None, depth }.visit_map(map).map(RawBson::Document)
    }
}

/// An RFC 3339 time as a date; `None` where the text is none.
fn date(text: &str) -> Option<RawBson> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(RawBson::DateTime(mongodb::bson::DateTime::from_millis(time.timestamp_millis())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Bson, Document, doc};

    fn convert(body: impl AsRef<[u8]>) -> Result<Document, String> {
        let raw = Rules::default().document("id", body.as_ref())?;
        let mut document = Document::try_from(&*raw).expect("what we write is BSON");
        assert_eq!(document.remove("_id"), Some(Bson::String("id".to_owned())));
        Ok(document)
    }

    fn time(millis: i64) -> Bson {
        Bson::DateTime(mongodb::bson::DateTime::from_millis(millis))
    }

    #[test]
    fn a_reading_becomes_a_document_that_charts_and_ttls_can_use() {
        let body = r#"{"name":"Tom's \"room\" 🏠","temperature_offset":1,"online":true,"x":null,
            "newest_events":{"te":{"val":16,"created_at":"2025-02-15T17:49:42Z"},
            "hu":{"val":39.5,"created_at":"2025-02-15T17:49:42.1239+09:00"}},
            "updated_at":"2023-12-01T14:20:09Z","request_at":"1969-12-31T23:59:59.9995Z"}"#;
        let expected = doc! {
            "name": "Tom's \"room\" 🏠", "temperature_offset": 1_i64, "online": true, "x": null,
            "newest_events": {
                "te": { "val": 16.0, "created_at": time(1_739_641_782_000) },
                "hu": { "val": 39.5, "created_at": time(1_739_609_382_123) },
            },
            "updated_at": time(1_701_440_409_000), "request_at": time(-1),
        };
        assert_eq!(convert(body).unwrap(), expected);
    }

    #[test]
    fn a_rule_holds_for_the_elements_of_an_array_and_not_for_objects_in_it() {
        let body = r#"{"val":[1,[2],{"n":3,"val":4}],"created_at":["1970-01-01T00:00:00Z",7]}"#;
        let expected = doc! {
            "val": [1.0, [2.0], { "n": 3_i64, "val": 4.0 }], "created_at": [time(0), 7_i64],
        };
        assert_eq!(convert(body).unwrap(), expected);
    }

    #[test]
    fn what_is_no_date_stays_a_string() {
        for text in ["", "yesterday", "2025-02-15", "2025-02-30T00:00:00Z", "2025-02-15T17:49:42"] {
            let body = format!(r#"{{"created_at":"{text}","at":"2025-02-15T17:49:42Z"}}"#);
            let document = convert(body).unwrap();
            assert_eq!(document.get_str("created_at").unwrap(), text);
            assert!(document.get_str("at").is_ok(), "not a date key");
        }
    }

    #[test]
    fn the_url_can_name_other_date_keys() {
        let raw = Rules::new(["at"])
            .document("id", br#"{"at":"1970-01-01T00:00:01Z","created_at":"1970-01-01T00:00:01Z"}"#)
            .unwrap();
        assert_eq!(raw.get_datetime("at").unwrap().timestamp_millis(), 1000);
        assert!(raw.get_str("created_at").is_ok());
    }

    #[test]
    fn numbers_keep_their_value_as_far_as_64_bits_can() {
        let body = r#"{"a":9223372036854775807,"b":-9223372036854775808,"c":9223372036854775808,
            "d":12345678901234567890123,"e":1.0,"f":-0.0,"g":1e300,"val":9007199254740992}"#;
        let expected = doc! {
            "a": i64::MAX, "b": i64::MIN, "c": 2_f64.powi(63), "d": 12345678901234567890123.0,
            "e": 1.0, "f": -0.0, "g": 1e300, "val": 9007199254740992.0,
        };
        assert_eq!(convert(body).unwrap(), expected);
    }

    #[test]
    fn a_body_may_repeat_its_id_and_not_have_another() {
        assert_eq!(
            convert(r#"{"_id":"id","a":{"_id":7}}"#).unwrap(),
            doc! { "a": { "_id": 7_i64 } }
        );
        for body in [r#"{"_id":"other-secret"}"#, r#"{"_id":7}"#, r#"{"_id":null}"#] {
            let reason = convert(body).unwrap_err();
            assert!(reason.contains("`_id`") && !reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn what_can_be_no_document_is_refused_with_the_reason_and_without_the_content() {
        for (body, reason) in [
            (&b""[..], "not a JSON object"),
            (b"   ", "not a JSON object"),
            (b"secret", "not a JSON object"),
            (b"\"secret\"", "not a JSON object"),
            (b"[{\"a\":\"secret\"}]", "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"\xef\xbb\xbf{}", "not a JSON object"),
            (b"{\"a\":\"secret\"", "not JSON: EOF"),
            (b"{\"a\":\"secret\"} {}", "not JSON: trailing characters"),
            (b"{'a':'secret'}", "not JSON: key must be a string"),
            (b"{\"a\":NaN}", "not JSON: expected value"),
            (b"{\"a\":1e999}", "not JSON: number out of range"),
            (b"{\"a\":\"\xff secret\"}", "not JSON: invalid unicode"),
            (b"{\"a\":\"\\ud800 secret\"}", "not JSON"),
            (b"{\"a\":1,\"b\":2,\"a\":\"secret\"}", "the key `a` twice"),
            (b"{\"x\":{\"a\":1,\"\\u0061\":\"secret\"}}", "the key `a` twice"),
            (b"{\"a\\u0000b\":\"secret\"}", "the key `a\\0b` holds a zero"),
        ] {
            let found = convert(body).unwrap_err();
            assert!(found.contains(reason), "{found} for {:?}", String::from_utf8_lossy(body));
            assert!(!found.contains("secret"), "{found}");
        }
    }

    #[test]
    fn a_key_in_a_reason_is_short() {
        let key = "k".repeat(100_000);
        let reason = convert(format!(r#"{{"{key}":1,"{key}":2}}"#)).unwrap_err();
        assert!(reason.len() < 200, "{}", reason.len());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let arrays =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(convert(nested(MAX_DEPTH)).is_ok());
        assert!(convert(arrays(MAX_DEPTH - 1)).is_ok());
        for body in [nested(MAX_DEPTH + 1), arrays(MAX_DEPTH), nested(100_000), arrays(100_000)] {
            assert!(convert(body).is_err());
        }
    }

    #[test]
    fn a_document_has_a_limit() {
        let body = |size: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(size));
        assert!(convert(body(MAX_BYTES - 100)).is_ok());
        assert!(convert(body(MAX_BYTES)).unwrap_err().contains("too large"));
    }

    #[test]
    fn rubbish_never_panics_and_what_is_taken_reads_back() {
        let mut dice = fastrand::Rng::with_seed(7);
        let pieces: &[&str] = &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"val\"",
            "\"created_at\"",
            "\"_id\"",
            "\"id\"",
            "1",
            "-2.5",
            "1e5",
            "null",
            "true",
            "\"1970-01-01T00:00:00Z\"",
            "\"\\u0000\"",
            " ",
            "\\",
            "\"é\"",
            "\"b\"",
            "\"c\":[1,{\"val\":2}]",
            "\"d\":{}",
        ];
        let mut taken = 0;
        for _ in 0..200_000 {
            let count = dice.usize(0..8);
            let inner: String = (0..count).map(|_| *dice.choice(pieces).expect("pieces")).collect();
            if convert(format!("{{{inner}}}")).is_ok() {
                taken += 1;
            }
        }
        assert!(taken > 1000, "the dice make documents too: {taken}");
    }
}
