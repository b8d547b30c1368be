//! A device as the API gives it: everything but its id may be missing, null or of a wrong type.

use crate::error::{Error, Kind, Result};
use crate::{json, text};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The longest id of a device, and the longest name of an event, in bytes: both become part of a
/// message's id, and queues bound that.
pub(super) const MAX_NAME: usize = 200;

/// How much of a device's name becomes an attribute, in characters: queues bound those, in bytes.
const SHOWN_NAME: usize = 200;

/// What leaves the API's answer; people, addresses and serial numbers do not. The values are JSON
/// as it was written: a number keeps its digits.
#[derive(Debug)]
pub(super) struct Device<'a> {
    pub(super) id: String,
    /// A string or null, as all up to the offsets.
    pub(super) name: &'a RawValue,
    pub(super) updated_at: &'a RawValue,
    pub(super) firmware_version: &'a RawValue,
    /// A number or null.
    pub(super) temperature_offset: &'a RawValue,
    pub(super) humidity_offset: &'a RawValue,
    /// A boolean; `None` is "not reported", which is not "offline".
    pub(super) online: Option<&'a RawValue>,
    /// Every event under its kind, known or not.
    pub(super) newest_events: BTreeMap<String, &'a RawValue>,
}

impl Device<'_> {
    /// The name for people, short and without what would act on a terminal or end a variable; `None`
    /// where there is none.
    pub(super) fn shown_name(&self) -> Option<String> {
        let name: Option<String> = serde_json::from_str(self.name.get()).ok()?;
        name.map(|name| text::one_line(&name, SHOWN_NAME)).filter(|name| !name.is_empty())
    }
}

/// The devices, or other things of this name, in an answer; `null` is none.
///
/// # Errors
/// `Failed` for anything but a list.
pub(super) fn list<'a>(answer: &'a str, what: &str) -> Result<Vec<&'a RawValue>> {
    let devices: Result<Option<Vec<&RawValue>>, _> = serde_json::from_str(answer);
    devices.map(Option::unwrap_or_default).map_err(|_| {
        Error::new(Kind::Failed, format!("cannot read the {what} of `nature-remo:`"))
            .because_of(format!("the answer is not a list{}", message(answer)))
            .hint("check that it is Nature's API which answers at the endpoint")
    })
}

/// What an error object says: `{"code":401001,"message":"Unauthorized"}`.
fn message(answer: &str) -> String {
    #[derive(Deserialize)]
    struct Refused {
        message: String,
    }
    match serde_json::from_str::<Refused>(answer) {
        Ok(Refused { message }) => format!(": {}", text::one_line(&message, 200)),
        Err(_) => String::new(),
    }
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    updated_at: Option<&'a RawValue>,
    #[serde(borrow)]
    firmware_version: Option<&'a RawValue>,
    #[serde(borrow)]
    temperature_offset: Option<&'a RawValue>,
    #[serde(borrow)]
    humidity_offset: Option<&'a RawValue>,
    #[serde(borrow)]
    online: Option<&'a RawValue>,
    #[serde(borrow)]
    newest_events: Option<&'a RawValue>,
}

/// Reads a device; or tells why it is none, without its content.
pub(super) fn parse(json: &RawValue) -> Result<Device<'_>, String> {
    let raw: Raw = serde_json::from_str(json.get()).map_err(|error| {
        // Of a struct of raw values only two things can be wrong, and the second names the field.
        if json.get().starts_with('{') { error.to_string() } else { "it is not an object".into() }
    })?;
    let id = raw.id.ok_or("it has no `id`")?.get();
    let id: String = serde_json::from_str(id).map_err(|_| "its `id` is not a string")?;
    validate_name(&id).map_err(|why| format!("its `id` {why}"))?;
    let known = |name, value, fits: fn(u8) -> bool| known(&id, name, value, fits);
    Ok(Device {
        name: known("name", raw.name, is_string).unwrap_or(RawValue::NULL),
        updated_at: known("updated_at", raw.updated_at, is_string).unwrap_or(RawValue::NULL),
        firmware_version: known("firmware_version", raw.firmware_version, is_string)
            .unwrap_or(RawValue::NULL),
        temperature_offset: known("temperature_offset", raw.temperature_offset, is_number)
            .unwrap_or(RawValue::NULL),
        humidity_offset: known("humidity_offset", raw.humidity_offset, is_number)
            .unwrap_or(RawValue::NULL),
        online: known("online", raw.online, is_boolean),
        newest_events: known("newest_events", raw.newest_events, is_object)
            .and_then(|events| serde_json::from_str(events.get()).ok())
            .map(|events| readable(&id, events))
            .unwrap_or_default(),
        id,
    })
}

/// Whether a text may stand in a message's id; or what is wrong with it.
pub(super) fn validate_name(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("is empty"),
        _ if text.len() > MAX_NAME => Err("is longer than 200 bytes"),
        _ if text.chars().any(char::is_control) => Err("holds control characters"),
        _ => Ok(()),
    }
}

/// The value where it is of the type that a reader of the message may count on.
fn known<'a>(
    device_id: &str,
    field: &str,
    value: Option<&'a RawValue>,
    fits: fn(u8) -> bool,
) -> Option<&'a RawValue> {
    let value = value?;
    let first = value.get().as_bytes()[0];
    // Of the events each is looked at by itself.
    if fits(first) && (is_object(first) || is_read(value)) {
        return Some(value);
    }
    tracing::warn!(device_id, field, "a field of an unexpected type was left out");
    None
}

/// The events that every reader of JSON takes: half a character in one must not cost the others.
fn readable<'a>(
    device_id: &str,
    mut events: BTreeMap<String, &'a RawValue>,
) -> BTreeMap<String, &'a RawValue> {
    events.retain(|kind, event| {
        let read = is_read(event);
        if !read {
            let event = text::one_line(kind, 40);
            tracing::warn!(device_id, event, "an event that is no JSON to others was left out");
        }
        read
    });
    events
}

fn is_read(value: &RawValue) -> bool {
    json::validate(value.get().as_bytes(), json::SHOWN_DEPTH).is_ok()
}

fn is_string(first: u8) -> bool {
    first == b'"'
}

fn is_number(first: u8) -> bool {
    first == b'-' || first.is_ascii_digit()
}

fn is_boolean(first: u8) -> bool {
    matches!(first, b't' | b'f')
}

fn is_object(first: u8) -> bool {
    first == b'{'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn a_device_of_any_types_is_a_device_as_long_as_it_has_an_id() {
        for odd in ["null", "1", "\"x\"", "[]", "{}", "true", "[[{\"a\":1}]]", "-0.0e-9"] {
            let json = raw(&format!(
                r#"{{"id":"d","name":{odd},"updated_at":{odd},"firmware_version":{odd},
                "temperature_offset":{odd},"humidity_offset":{odd},"online":{odd},
                "newest_events":{odd},"users":{odd}}}"#
            ));
            assert_eq!(parse(&json).unwrap().id, "d", "{odd}");
        }
    }

    #[test]
    fn what_is_no_device_says_why_and_not_what_it_held() {
        for (json, reason) in [
            ("null", "it is not an object"),
            ("\"hunter2\"", "it is not an object"),
            ("[]", "it is not an object"),
            ("{}", "it has no `id`"),
            (r#"{"id":null,"name":"hunter2"}"#, "it has no `id`"),
            (r#"{"id":7}"#, "its `id` is not a string"),
            (r#"{"id":""}"#, "its `id` is empty"),
            (r#"{"id":"a\nb"}"#, "its `id` holds control characters"),
        ] {
            assert_eq!(parse(&raw(json)).unwrap_err(), reason, "{json}");
        }
        let twice = parse(&raw(r#"{"id":"a","id":"hunter2"}"#)).unwrap_err();
        assert!(twice.contains("duplicate field `id`") && !twice.contains("hunter2"), "{twice}");
    }

    #[test]
    fn only_a_list_is_a_list() {
        assert!(list("null", "devices").unwrap().is_empty());
        assert!(list("[]", "devices").unwrap().is_empty());
        assert_eq!(list("[1,null,{}]", "devices").unwrap().len(), 3);
        let error = list(r#"{"code":401001,"message":"Unauth\norized"}"#, "devices").unwrap_err();
        assert!(error.to_string().contains("the answer is not a list: Unauth orized"), "{error}");
        for rubbish in ["1", "\"x\"", "{}", "true"] {
            assert_eq!(list(rubbish, "devices").unwrap_err().kind(), Kind::Failed);
        }
    }
}
