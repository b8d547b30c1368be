//! A place in JSON: a pointer as RFC 6901 has it, `/data/0/name`.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A place in a document. The empty pointer is the document itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<String>,
}

impl Pointer {
    /// Reads a pointer: nothing, or steps of which each begins with `/`; `~1` in a step is a slash, and
    /// `~0` a tilde. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let steps = match text.strip_prefix('/') {
            Some(steps) => steps.split('/').map(step).collect::<Option<Vec<_>>>()?,
            None if text.is_empty() => Vec::new(),
            None => return None,
        };
        Some(Self { text: text.to_owned(), steps })
    }

    /// The name of the field, or the number of the element, in which it begins; `None` for the document
    /// itself.
    pub fn first(&self) -> Option<&str> {
        self.steps.first().map(String::as_str)
    }

    /// What stands at this place, as it was written; `None` where there is nothing.
    ///
    /// # Errors
    /// Why it cannot be told: a name on the way stands twice, and readers disagree on which counts.
    pub fn find<'j>(&self, json: &'j RawValue) -> Result<Option<&'j RawValue>, String> {
        let mut here = json;
        for step in &self.steps {
            let next = match here.get().as_bytes().first() {
                Some(b'{') => field(here, step)?,
                Some(b'[') => element(here, step),
                _ => None,
            };
            let Some(next) = next else { return Ok(None) };
            here = next;
        }
        Ok(Some(here))
    }
}

/// The pointer as it was written.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn step(text: &str) -> Option<String> {
    let mut tildes = text.split('~').skip(1);
    let is_escaped = tildes.all(|after| after.starts_with(['0', '1']));
    is_escaped.then(|| text.replace("~1", "/").replace("~0", "~"))
}

fn field<'j>(object: &'j RawValue, name: &str) -> Result<Option<&'j RawValue>, String> {
    let mut json = serde_json::Deserializer::from_str(object.get());
    // What was read as JSON once can only have this wrong.
    Field(name).deserialize(&mut json).map_err(|_| format!("its `{name}` stands twice"))
}

fn element<'j>(list: &'j RawValue, at: &str) -> Option<&'j RawValue> {
    let is_number = at == "0" || (!at.starts_with('0') && at.bytes().all(|it| it.is_ascii_digit()));
    let at: usize = at.parse().ok().filter(|_| is_number)?;
    serde_json::from_str::<Vec<&RawValue>>(list.get()).ok()?.into_iter().nth(at)
}

/// Finds one field of an object, and passes over the others.
struct Field<'n>(&'n str);

/// A key, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Key(key)) = map.next_key()? {
            if key != self.0 {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(pointer: &str, json: &str) -> Result<Option<String>, String> {
        let json = RawValue::from_string(json.to_owned()).unwrap();
        let found = Pointer::parse(pointer).unwrap().find(&json);
        found.map(|found| found.map(|it| it.get().to_owned()))
    }

    #[test]
    fn a_place_is_found_as_it_was_written() {
        let json = r#"{"a":[{"b":1.50},{"b":2}],"":{"x/y":"s","~":[ 1 ]},"n":null,"\u0061b":0}"#;
        for (pointer, found) in [
            ("", Some(json)),
            ("/a/0/b", Some("1.50")),
            ("/a/1", Some(r#"{"b":2}"#)),
            ("/a/2", None),
            ("/a/00", None),
            ("/a/-", None),
            ("/a/b", None),
            ("/n", Some("null")),
            ("/n/x", None),
            ("/ab", Some("0")),
            ("//x~1y", Some("\"s\"")),
            ("//~0", Some("[ 1 ]")),
            ("/missing", None),
        ] {
            assert_eq!(at(pointer, json).unwrap().as_deref(), found, "{pointer}");
        }
    }

    #[test]
    fn what_stands_twice_cannot_be_told_where_it_is_asked_for() {
        let json = r#"{"a":1,"b":{"c":1,"c":2},"a":3}"#;
        assert_eq!(at("/a", json).unwrap_err(), "its `a` stands twice");
        assert_eq!(at("/b/c", json).unwrap_err(), "its `c` stands twice");
        assert_eq!(at("/b", json).unwrap().as_deref(), Some(r#"{"c":1,"c":2}"#));
    }

    #[test]
    fn what_is_no_pointer_is_none() {
        for text in ["a", "data/0", "/~", "/~2", "#/a", ".a"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }
}
