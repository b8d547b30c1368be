//! A piece of JSON becomes a message: its id and group from fields, or all of it from an envelope.

use crate::clock::Clock;
use crate::envelope::Envelope;
use crate::message::{IdForm, Message};
use crate::sources::ids::Ids;
use crate::{times, units};
use bytes::Bytes;
use chrono::TimeDelta;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What a line is.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// The body, with the names of the fields that hold what a message has beside it.
    Body(Names),
    /// A whole message.
    Envelope,
}

/// The names of the fields that hold what a message has beside its body; `None`: it is not asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) id: Option<String>,
    pub(super) group: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) delay: Option<String>,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.all() == [None; FIELDS]
    }

    fn all(&self) -> [Option<&str>; FIELDS] {
        [&self.id, &self.group, &self.tag, &self.delay].map(Option::as_deref)
    }
}

/// How many fields may be asked for.
const FIELDS: usize = 4;

/// Makes messages of lines.
pub(super) struct Parser {
    form: Form,
    ids: Ids,
}

impl Parser {
    pub(super) fn new(form: Form, ids: IdForm, clock: Clock) -> Self {
        Self { form, ids: Ids::new(ids, clock) }
    }

    /// An id as it is made for a message that has none.
    pub(super) fn fresh_id(&self) -> String {
        self.ids.next()
    }

    /// The message of a line; or why it is none, without a word of the line itself.
    pub(super) fn parse(&self, line: &[u8]) -> Result<Message, String> {
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("it is not UTF-8: byte {}", error.valid_up_to() + 1))?;
        let Form::Body(names) = &self.form else {
            let envelope: Envelope = serde_json::from_str(text).map_err(|error| reason(&error))?;
            return envelope.into_message(|| self.ids.next()).map_err(|why| format!("it {why}"));
        };
        let Picked { id, group, tag, delay } = match names.all() {
            [None, None, None, None] => {
                serde_json::from_str::<&RawValue>(text).map_err(|error| reason(&error))?;
                Picked::default()
            }
            all => pick(text, all)?,
        };
        let id = id.unwrap_or_else(|| self.ids.next());
        let mut message = Message::new(id, Bytes::copy_from_slice(line));
        (message.group, message.tag) = (group, tag);
        if let Some(delay) = delay {
            let until = self.ids.now().checked_add_signed(delay);
            let until = until.filter(|time| times::is_carried(*time));
            message.not_before = Some(until.ok_or("its delay leads beyond the year 9999")?);
        }
        Ok(message)
    }
}

/// What was found in the fields of a line.
#[derive(Default)]
struct Picked {
    id: Option<String>,
    group: Option<String>,
    tag: Option<String>,
    delay: Option<TimeDelta>,
}

/// The id, which must be there where it is asked for, and the others, which need not.
fn pick(text: &str, names: [Option<&str>; FIELDS]) -> Result<Picked, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let [id, group, tag, delay] = Fields(names)
        .deserialize(&mut json)
        .and_then(|found| json.end().map(|()| found))
        .map_err(|error| match error.classify() {
            Category::Data if !is_object(text) => "it is not an object".to_owned(),
            _ => reason(&error),
        })?;
    let found = |at: usize, value| match names[at] {
        None => Ok(None),
        Some(name) => scalar(value, name),
    };
    let id = match (names[0], found(0, id)?) {
        (Some(name), None) => return Err(format!("it has no `{name}`, which holds the id")),
        (Some(name), Some(value)) if value.is_empty() => {
            return Err(format!("its `{name}` is empty"));
        }
        (_, value) => value,
    };
    let some = |value: &String| !value.is_empty();
    let delay = found(3, delay)?.filter(some).map(|text| delay_of(&text)).transpose();
    let delay = delay.map(|delay| delay.filter(|delay| !delay.is_zero()));
    Ok(Picked {
        id,
        group: found(1, group)?.filter(some),
        tag: found(2, tag)?.filter(some),
        delay: delay.map_err(|why| format!("its `{}` {why}", names[3].unwrap_or_default()))?,
    })
}

/// A delay: a number of seconds, or a time with its unit.
fn delay_of(text: &str) -> Result<TimeDelta, &'static str> {
    let time = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => units::duration(text).ok(),
    };
    let time = time.and_then(|time| TimeDelta::from_std(time).ok());
    time.ok_or("is no delay: give seconds, or a time such as `10m`")
}

fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// A field's value as text: a string's content, a number or a boolean as it was written.
pub(super) fn scalar(value: Option<&RawValue>, name: &str) -> Result<Option<String>, String> {
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

/// Finds fields in an object by their names, and passes over all others without keeping them.
struct Fields<'f>([Option<&'f str>; FIELDS]);

/// A key, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = [Option<&'de RawValue>; FIELDS];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = [Option<&'de RawValue>; FIELDS];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; FIELDS];
        while let Some(Key(key)) = map.next_key()? {
            let is_it = self.0.map(|name| name == Some(&*key));
            if is_it == [false; FIELDS] {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            for (found, _) in found.iter_mut().zip(is_it).filter(|(_, is_it)| *is_it) {
                // Readers disagree on which of the two counts, and here it is the identity.
                if found.replace(value).is_some() {
                    return Err(A::Error::custom(format!("its `{key}` stands twice")));
                }
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
