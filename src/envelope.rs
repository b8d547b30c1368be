//! A message as one line of JSON: what `stdout:?envelope` writes and `stdin:?envelope` reads.

use crate::json;
use crate::message::{Delivery, Message};
use crate::times;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A message as one line of JSON. Exactly one of `body` (JSON, kept as it was written) and
/// `body_base64` (any bytes).
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<'a> {
    /// The message's id; one is made where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The ordering group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The tag that a receive can select by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Strings beside the body.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Not delivered before this time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// When the queue took it, RFC 3339. Written, and ignored when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<DateTime<Utc>>,
    /// Which delivery it is, from 1. Written where the queue counts, and ignored when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The body, where it is JSON that every reader takes the same way.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub body: Option<Cow<'a, RawValue>>,
    /// The body in base64, where it is no such JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

impl<'a> Envelope<'a> {
    /// The envelope of a delivery.
    pub fn of(delivery: &'a Delivery) -> Self {
        Self { attempt: delivery.attempts, ..Self::of_message(&delivery.message) }
    }

    /// The envelope of a message that was not delivered yet.
    pub fn of_message(message: &'a Message) -> Self {
        let body = one_line_json(&message.body);
        let body_base64 = body.is_none().then(|| BASE64_STANDARD.encode(&message.body));
        Self {
            id: Some(message.id.clone()),
            group: message.group.clone(),
            tag: message.tag.clone(),
            attributes: message.attributes.clone(),
            not_before: message.not_before,
            published_at: message.published_at,
            attempt: None,
            body,
            body_base64,
        }
    }

    /// The message of an envelope; `make_id` is asked where it has no id.
    pub fn into_message(self, make_id: impl FnOnce() -> String) -> Result<Message, String> {
        let body = match (self.body, self.body_base64) {
            (Some(_), Some(_)) => return Err("has both `body` and `body_base64`".to_owned()),
            (None, None) => return Err("has neither `body` nor `body_base64`".to_owned()),
            (Some(json), None) => json.get().to_owned().into_bytes(),
            (None, Some(text)) => {
                BASE64_STANDARD.decode(text).map_err(|cause| format!("`body_base64`: {cause}"))?
            }
        };
        let id = self.id.filter(|id| !id.is_empty()).unwrap_or_else(make_id);
        let mut message = Message::new(id, body);
        message.group = self.group;
        message.tag = self.tag;
        message.attributes = self.attributes;
        message.not_before = self.not_before;
        match self.not_before.is_none_or(times::is_carried) {
            true => Ok(message),
            false => Err("has a `not_before` that is not in the years 0000 to 9999".to_owned()),
        }
    }
}

/// A field that is there, `null` included: `null` is a body like any other.
fn some<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Cow<'de, RawValue>>, D::Error> {
    <&RawValue>::deserialize(json).map(|raw| Some(Cow::Borrowed(raw)))
}

/// The body as JSON that stands on one line; `None` where it is no JSON that every reader takes the
/// same way.
pub(crate) fn one_line_json(body: &[u8]) -> Option<Cow<'_, RawValue>> {
    let raw = json::validate(body, json::SHOWN_DEPTH).ok()?;
    if !raw.get().contains(['\n', '\r']) {
        return Some(Cow::Borrowed(raw));
    }
    // A line break in JSON can only stand between tokens: a string has it escaped.
    let flat = raw.get().replace(['\n', '\r'], " ");
    RawValue::from_string(flat).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Receipt;

    fn round_trip(body: &'static [u8]) -> (String, Message) {
        let mut message = Message::new("a", body);
        message.group = Some("g".to_owned());
        message.attributes.insert("k".to_owned(), "v".to_owned());
        let delivery =
            Delivery { message, attempts: Some(2), lost: 0, receipt: Receipt("".into()) };
        let line = serde_json::to_string(&Envelope::of(&delivery)).unwrap();
        let envelope: Envelope = serde_json::from_str(&line).unwrap();
        let back = envelope.into_message(|| unreachable!("it has an id")).unwrap();
        assert_eq!(back.id, delivery.message.id);
        assert_eq!(back.group, delivery.message.group);
        assert_eq!(back.attributes, delivery.message.attributes);
        (line, back)
    }

    #[test]
    fn json_stays_as_it_was_written() {
        let (line, back) = round_trip(br#"{"b":1.0,"a":12345678901234567890123}"#);
        assert_eq!(&back.body[..], br#"{"b":1.0,"a":12345678901234567890123}"#);
        assert!(line.contains(r#""attempt":2"#));
    }

    #[test]
    fn any_bytes_survive() {
        for body in [&b"\xff\x00"[..], b"", b"not json", b"{\"a\":"] {
            assert_eq!(&round_trip_bytes(body)[..], body);
        }
        // The grammar lets these pass, and readers of JSON stop at them or change them.
        for body in [&br#"{"t":"\ud83d"}"#[..], br#"{"\ude00":1}"#, br#"{"b":[1e999]}"#, b"-1e400"]
        {
            let (line, back) = round_trip(body);
            assert!(line.contains("body_base64"), "{line}");
            assert_eq!(&back.body[..], body);
        }
    }

    fn round_trip_bytes(body: &'static [u8]) -> bytes::Bytes {
        round_trip(body).1.body
    }

    #[test]
    fn json_of_several_lines_becomes_one() {
        let (line, _) = round_trip(b"{\n \"a\": 1\r\n}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn null_is_a_body() {
        let (line, back) = round_trip(b"null");
        assert!(line.contains(r#""body":null"#));
        assert_eq!(&back.body[..], b"null");
    }
}
