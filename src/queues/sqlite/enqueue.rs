//! Messages as they enter the embedded queue.

use crate::message::{Message, NAME_ATTRIBUTE, NAMING_SOURCE};
use crate::times;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The largest body, in bytes: 256 MiB. SQLite's own limit is 10^9, and each message passes
/// through memory as a whole.
pub const LARGEST_BODY: usize = 256 << 20;

/// A message in the form in which the file keeps it.
pub struct Row {
    pub(super) id: String,
    pub(super) group: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) attributes: Option<String>,
    pub(super) body: Bytes,
    pub(super) digest: [u8; 32],
    /// When the message is due: as it goes out again, and in milliseconds.
    pub(super) not_before: Option<(String, i64)>,
}

impl Row {
    /// The row of a message; the reason if no queue of ours can hold it.
    pub fn of(message: &Message) -> Result<Self, String> {
        if message.body.len() > LARGEST_BODY {
            let size = message.body.len();
            return Err(format!("its body of {size} bytes is larger than {LARGEST_BODY}"));
        }
        let attributes = match message.attributes.is_empty() {
            true => None,
            false => Some(json(&message.attributes)),
        };
        let head = message.size() - message.body.len();
        let head = head.max(attributes.as_ref().map_or(0, String::len));
        if head > LARGEST_BODY {
            let what = "its id, group, tag and attributes";
            return Err(format!("{what} of {head} bytes are larger than {LARGEST_BODY}"));
        }
        if let Some(why) = times::refusal(message) {
            return Err(why);
        }
        // Rounded up: not a moment before.
        let not_before = message.not_before.map(|time| {
            let millis = time.timestamp_micros().div_euclid(1000);
            let millis = millis + i64::from(time.timestamp_subsec_nanos() % 1_000_000 != 0);
            (time.to_rfc3339(), millis)
        });
        Ok(Self {
            id: message.id.clone(),
            group: message.group.clone(),
            tag: message.tag.clone(),
            digest: digest(
                attributes.as_deref(),
                message.group.as_deref(),
                message.tag.as_deref(),
                &message.body,
            ),
            attributes,
            body: message.body.clone(),
            not_before,
        })
    }
}

impl Row {
    /// When it is due, in milliseconds.
    pub fn due(&self) -> Option<i64> {
        self.not_before.as_ref().map(|(_, millis)| *millis)
    }
}

/// Stands for everything about a message that makes it the same message. The name that a person gave
/// to what it is about is none of it: that may be another one when the same fact is published again.
pub fn digest(
    attributes: Option<&str>,
    group: Option<&str>,
    tag: Option<&str>,
    body: &[u8],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    let attributes = attributes.map(without_name);
    for part in [attributes.as_deref(), group, tag] {
        // The length keeps "a" and "b" apart from "ab" and ""; none is not empty.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.update(body);
    hash.finalize().into()
}

/// Attributes as the text of a JSON object.
fn json(attributes: &BTreeMap<String, String>) -> String {
    serde_json::to_string(attributes).expect("texts under texts are JSON")
}

fn without_name(attributes: &str) -> Cow<'_, str> {
    if !attributes.contains(NAMING_SOURCE) {
        return Cow::Borrowed(attributes);
    }
    let Ok(mut parsed) = serde_json::from_str::<BTreeMap<String, String>>(attributes) else {
        return Cow::Borrowed(attributes);
    };
    let names = parsed.get("source").is_some_and(|source| source == NAMING_SOURCE);
    match names && parsed.remove(NAME_ATTRIBUTE).is_some() {
        true => Cow::Owned(json(&parsed)),
        false => Cow::Borrowed(attributes),
    }
}

/// Where and when messages enter.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The queue's number.
    pub queue: i64,
    /// The time of publishing, in milliseconds.
    pub now: i64,
    /// From when a message that waits for nothing can be had, in milliseconds.
    pub available_at: i64,
    /// How long an id counts after its message was acknowledged.
    pub remember: Duration,
    /// Whether a message is held back until its `not_before`, or only carries it.
    pub hold: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn every_part_of_the_content_counts() {
        let digest = |change: &dyn Fn(&mut Message)| {
            let mut message = Message::new("a", "body");
            change(&mut message);
            Row::of(&message).unwrap().digest
        };
        let all = [
            digest(&|_| {}),
            digest(&|m| m.body = "bodz".into()),
            digest(&|m| m.group = Some("x".into())),
            digest(&|m| m.group = Some(String::new())),
            digest(&|m| m.tag = Some("x".into())),
            digest(&|m| drop(m.attributes.insert("x".into(), String::new()))),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
        assert_eq!(all[0], digest(&|m| m.id = "b".into()), "the id is not content");
        let named = |source: &str, name: &str| {
            let attributes = serde_json::json!({ "name": name, "source": source }).to_string();
            super::digest(Some(&attributes), None, None, b"")
        };
        assert_eq!(named(NAMING_SOURCE, "Room"), named(NAMING_SOURCE, "Living room"));
        assert_ne!(named("mine", "Room"), named("mine", "Living room"));
    }

    #[test]
    fn not_a_moment_before() {
        for (time, millis) in [
            ("1970-01-01T00:00:00.001Z", 1),
            ("1970-01-01T00:00:00.0010001Z", 2),
            ("1970-01-01T00:00:00.0019Z", 2),
            ("1969-12-31T23:59:59.9985Z", -1),
        ] {
            let mut message = Message::new("a", "");
            message.not_before = Some(DateTime::parse_from_rfc3339(time).unwrap().into());
            assert_eq!(Row::of(&message).unwrap().not_before.unwrap().1, millis, "{time}");
        }
    }

    #[test]
    fn a_time_that_would_not_come_back_is_refused() {
        let mut message = Message::new("a", "");
        for time in ["-0001-01-01T00:00:00Z", "+12000-01-01T00:00:00Z"] {
            message.not_before = Some(time.parse().unwrap());
            assert!(Row::of(&message).err().unwrap().contains("not_before"), "{time}");
        }
    }

    #[test]
    fn a_head_beyond_the_limit_is_refused() {
        let mut message = Message::new("a", "");
        message.group = Some("x".repeat(LARGEST_BODY));
        assert!(Row::of(&message).err().unwrap().contains("group, tag and attributes"));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused() {
        let message = Message::new("a", vec![0; LARGEST_BODY + 1]);
        assert!(Row::of(&message).err().unwrap().contains("268435456"));
    }
}
