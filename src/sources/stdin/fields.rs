//! A line becomes a message: its id and group from fields, or all of it from an envelope.

use crate::clock::Clock;
use crate::envelope::Envelope;
use crate::message::Message;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use uuid::{ContextV7, Timestamp, Uuid};

/// What a line is.
#[derive(Debug)]
pub(super) enum Form {
    /// The body, with the names of the fields that hold the id and the group.
    Body { id: Option<String>, group: Option<String> },
    /// A whole message.
    Envelope,
}

/// Makes messages of lines.
pub(super) struct Parser {
    form: Form,
    ids: Ids,
}

impl Parser {
    pub(super) fn new(form: Form, clock: Clock) -> Self {
        Self { form, ids: Ids { clock, context: ContextV7::new() } }
    }

    /// The message of a line; or why it is none, without a word of the line itself.
    pub(super) fn parse(&self, line: &[u8]) -> Result<Message, String> {
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("it is not UTF-8: byte {}", error.valid_up_to() + 1))?;
        let Form::Body { id, group } = &self.form else {
            let envelope: Envelope = serde_json::from_str(text).map_err(|error| reason(&error))?;
            return envelope.into_message(|| self.ids.next()).map_err(|why| format!("it {why}"));
        };
        let (id, group) = match (id, group) {
            (None, None) => {
                serde_json::from_str::<&RawValue>(text).map_err(|error| reason(&error))?;
                (None, None)
            }
            (id, group) => pick(text, id.as_deref(), group.as_deref())?,
        };
        let id = id.unwrap_or_else(|| self.ids.next());
        let mut message = Message::new(id, Bytes::copy_from_slice(line));
        message.group = group;
        Ok(message)
    }
}

/// Ids that are all different and grow, so that a store can append them.
struct Ids {
    clock: Clock,
    context: ContextV7,
}

impl Ids {
    fn next(&self) -> String {
        let now = self.clock.now();
        let seconds = now.timestamp().try_into().unwrap_or(0);
        let time = Timestamp::from_unix(&self.context, seconds, now.timestamp_subsec_nanos());
        Uuid::new_v7(time).to_string()
    }
}

type Picked = (Option<String>, Option<String>);

/// The id, which must be there where it is asked for, and the group, which need not.
fn pick(text: &str, id: Option<&str>, group: Option<&str>) -> Result<Picked, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Fields { id, group }
        .deserialize(&mut json)
        .and_then(|found| json.end().map(|()| found))
        .map_err(|error| match error.classify() {
            Category::Data if !is_object(text) => "it is not an object".to_owned(),
            _ => reason(&error),
        })?;
    let id = match id {
        None => None,
        Some(name) => match scalar(found.id, name)? {
            None => return Err(format!("it has no `{name}`, which holds the id")),
            Some(value) if value.is_empty() => return Err(format!("its `{name}` is empty")),
            value => value,
        },
    };
    let group = match group {
        None => None,
        Some(name) => scalar(found.group, name)?.filter(|value| !value.is_empty()),
    };
    Ok((id, group))
}

fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// A field's value as text: a string's content, a number or a boolean as it was written.
fn scalar(value: Option<&RawValue>, name: &str) -> Result<Option<String>, String> {
    let Some(value) = value.map(RawValue::get) else { return Ok(None) };
    match value.as_bytes()[0] {
        b'n' => Ok(None),
        b'"' => serde_json::from_str(value)
            .map(Some)
            .map_err(|_| format!("its `{name}` is not a string of valid Unicode")),
        b'{' => Err(format!("its `{name}` is an object")),
        b'[' => Err(format!("its `{name}` is a list")),
        _ => Ok(Some(value.to_owned())),
    }
}

/// Finds two fields in an object, and passes over all others without keeping them.
struct Fields<'f> {
    id: Option<&'f str>,
    group: Option<&'f str>,
}

#[derive(Default)]
struct Found<'de> {
    id: Option<&'de RawValue>,
    group: Option<&'de RawValue>,
}

/// A key, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Found<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found::default();
        while let Some(Key(key)) = map.next_key()? {
            let (is_id, is_group) = (self.id == Some(&*key), self.group == Some(&*key));
            if !is_id && !is_group {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = Some(map.next_value()?);
            // Readers disagree on which of the two counts, and here it is the identity.
            if (is_id && found.id.is_some()) || (is_group && found.group.is_some()) {
                return Err(A::Error::custom(format!("its `{key}` stands twice")));
            }
            if is_id {
                found.id = value;
            }
            if is_group {
                found.group = value;
            }
        }
        Ok(found)
    }
}

/// Why a line is not JSON, or not an envelope: the parser's words without the line's.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    let column = error.column();
    match error.classify() {
        // The values of the line are only in the part before.
        Category::Data => match words.rsplit_once("expected ") {
            Some((_, expected)) => format!("expected {expected} before column {column}"),
            None if words.contains('"') => format!("a wrong value before column {column}"),
            None => format!("{words} before column {column}"),
        },
        _ => format!("it is not JSON: {words} at column {column}"),
    }
}
