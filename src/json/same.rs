//! Whether two JSON texts say the same.

use super::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Compares two texts that are JSON as values: the order of keys and white space do not count, and
/// numbers are compared by their exact value, however they are written. A key that stands twice in an
/// object has both values, in their order.
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
        _ => Decimal::of(a).is_some_and(|a| Some(a) == Decimal::of(b)),
    }
}

fn same_objects(a: &str, b: &str) -> Option<bool> {
    let Fields(mut a) = parse(a)?;
    let Fields(mut b) = parse(b)?;
    for fields in [&mut a, &mut b] {
        // Stable: equal keys stay in their order.
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    let same = |((a_key, a), (b_key, b)): (&Field<'_>, &Field<'_>)| {
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

type Field<'a> = (String, &'a RawValue);

/// All fields of an object, as they stand.
struct Fields<'a>(Vec<Field<'a>>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(Each)
    }
}

struct Each;

impl<'de> Visitor<'de> for Each {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
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
            (r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":2}"#),
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
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
            (r#"{"é":1}"#, r#"{"e\u0301":1}"#),
        ] {
            assert!(!same_json(a, b) && !same_json(b, a), "{a} {b}");
        }
    }
}
