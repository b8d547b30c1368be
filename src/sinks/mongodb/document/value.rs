//! Reads the fields and values of one body into BSON.

use super::{Reading, Role};
use crate::json::Token;
use crate::sinks::mongodb::date::Moment;
use crate::sinks::mongodb::number;
use mongodb::bson::raw::{CStr, RawArrayBuf, RawBson, RawDocumentBuf, cstr};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// How deep documents and arrays may lie in each other ("MongoDB Limits and Thresholds": nested
/// depth).
pub(super) const MAX_DEPTH: usize = 100;

/// A key, borrowed from the body where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash, Clone)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads an object.
pub(super) struct Fields<'r, 'a> {
    pub(super) reading: &'r Reading<'a>,
    /// The message's id, which becomes `_id`: at the top only.
    pub(super) id: Option<&'r str>,
    /// How deep the object lies; 1 at the top.
    pub(super) depth: usize,
}

impl<'de> DeserializeSeed<'de> for Fields<'_, '_> {
    type Value = RawDocumentBuf;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<RawDocumentBuf, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, '_> {
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
            let role = self.reading.rules.role(&key.0);
            let value = Value { reading: self.reading, role, depth: self.depth };
            let value = map.next_value_seed(value)?;
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
pub(super) fn name(key: &str) -> Result<&CStr, String> {
    key.try_into().map_err(|_| format!("the key {} holds a zero character", shown(key)))
}

/// A body may repeat its message's id, and may not have another one.
fn same_id(id: &str, value: &RawBson) -> Result<(), &'static str> {
    match value {
        RawBson::String(own) if own == id => Ok(()),
        _ => Err("its `_id` is not the message's id"),
    }
}

/// A key for the reason of a dead letter: in backticks, escaped as ever, for people match on reasons,
/// and not longer than a line.
pub(super) fn shown(key: &str) -> String {
    let mut start: String = key.chars().take(40).flat_map(char::escape_debug).collect();
    if key.chars().nth(40).is_some() {
        start.push('…');
    }
    format!("`{start}`")
}

/// Reads any value.
#[derive(Clone, Copy)]
struct Value<'r, 'a> {
    reading: &'r Reading<'a>,
    role: Role,
    /// How deep the document or array lies in which the value stands.
    depth: usize,
}

impl Value<'_, '_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH.. => Err(E::custom(format!("it is nested deeper than {MAX_DEPTH} levels"))),
            _ => Ok(Self { depth: self.depth + 1, ..self }),
        }
    }

    /// The number that the parser has just read, as it was written.
    fn number<E: de::Error>(self) -> Result<RawBson, E> {
        let Some(Token::Number(text)) = self.reading.leaf() else {
            return Err(E::custom("its numbers cannot be told apart"));
        };
        number::exactly(text, self.role == Role::Double).ok_or_else(|| {
            let none = match self.role {
                Role::Double => "no double",
                Role::Plain | Role::Date => "neither an integer of 64 bits nor a double",
            };
            E::custom(format!("it holds a number that {none} can hold"))
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = RawBson;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<RawBson, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
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

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<RawBson, E> {
        self.number()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<RawBson, E> {
        self.number()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<RawBson, E> {
        self.number()
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawBson, E> {
        self.reading.leaf();
        let date = Some(value).filter(|_| self.role == Role::Date).and_then(Moment::read);
        let Some(Moment { millis, exact }) = date else {
            return Ok(RawBson::String(value.to_owned()));
        };
        if let Some(exact) = exact {
            let place = self.reading.leaves.borrow().path();
            self.reading.exact.borrow_mut().push((place, exact));
        }
        Ok(RawBson::DateTime(mongodb::bson::DateTime::from_millis(millis)))
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
        Fields { reading: self.reading, id: None, depth }.visit_map(map).map(RawBson::Document)
    }
}
