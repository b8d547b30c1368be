//! Our message as SQS's, and back.
//!
//! The limits are at
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
//! What SQS cannot carry as it is travels in one attribute more, as JSON: nothing is refused but
//! what is too large.

use super::fifo::{ALONE, deduplication, group_id, is_group};
use super::limits::{LARGEST, LONGEST_DELAY, MOST_ATTRIBUTES, is_name, is_text};
use super::more::{More, body_from, body_of};
use super::{GROUP_ATTRIBUTE, MORE_ATTRIBUTE, TAG_ATTRIBUTE};
use crate::message::Message;
use crate::times;
use aws_sdk_sqs::types::{
    Message as Wire, MessageAttributeValue as Value, MessageSystemAttributeName as System,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// How messages travel through one queue.
#[derive(Debug, Clone)]
pub(super) struct Codec {
    pub(super) id_attribute: String,
    pub(super) fifo: bool,
    /// The queue's name, for the ids of messages that came without one.
    pub(super) queue: String,
}

/// A message as SQS is sent it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SqsMessage {
    pub(super) body: String,
    pub(super) attributes: HashMap<String, Value>,
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    pub(super) delay: Option<i32>,
    /// What counts against the limits, in bytes.
    pub(super) size: usize,
}

impl Codec {
    /// The message as SQS wants it; the error is why SQS would never take it. A `hop` makes it
    /// another message for a FIFO queue that has had this one a moment ago.
    pub(super) fn pack(
        &self,
        message: &Message,
        hop: &str,
        now: DateTime<Utc>,
    ) -> Result<SqsMessage, String> {
        if message.id.is_empty() {
            return Err("its id is empty".to_owned());
        }
        if let Some(why) = times::refusal(message) {
            return Err(why);
        }
        let mut more = More { not_before: message.not_before, ..More::default() };
        let body = body_of(&message.body, &mut more);
        let mut plain: Vec<(&str, &str)> = Vec::new();
        let group = message.group.as_deref().filter(|group| !self.fifo || !is_group(group));
        let ours = [
            (self.id_attribute.as_str(), Some(message.id.as_str()), &mut more.id),
            (TAG_ATTRIBUTE, message.tag.as_deref(), &mut more.tag),
            (GROUP_ATTRIBUTE, group, &mut more.group),
        ];
        for (name, value, slot) in ours {
            match value {
                Some(value) if is_text(value) && (name != GROUP_ATTRIBUTE || !self.fifo) => {
                    plain.push((name, value));
                }
                value => *slot = value.map(str::to_owned),
            }
        }
        self.attributes(message, &mut plain, &mut more);
        let json = more.json();
        plain.extend(json.as_deref().map(|json| (MORE_ATTRIBUTE, json)));
        let size =
            body.len() + plain.iter().map(|(name, value)| weight(name, value)).sum::<usize>();
        if size > LARGEST {
            return Err(format!(
                "it has {size} bytes as SQS counts them, and {LARGEST} is the limit"
            ));
        }
        let string = |text: &str| {
            let value = Value::builder().data_type("String").string_value(text).build();
            value.expect("it has a type")
        };
        Ok(SqsMessage {
            attributes: plain.into_iter().map(|(k, v)| (k.to_owned(), string(v))).collect(),
            group: self.fifo.then(|| group_id(message)),
            deduplication: self.fifo.then(|| deduplication(message, hop)),
            delay: message.not_before.filter(|_| !self.fifo).and_then(|due| delay(due, now)),
            body,
            size,
        })
    }

    /// The message's own attributes: as they are where SQS takes them and has room, else among
    /// `more`. What tells of a death makes room for the publisher's own.
    fn attributes<'m>(
        &self,
        message: &'m Message,
        plain: &mut Vec<(&'m str, &'m str)>,
        more: &mut More,
    ) {
        let reserved = [&self.id_attribute, TAG_ATTRIBUTE, GROUP_ATTRIBUTE, MORE_ATTRIBUTE];
        let travels =
            |name: &str, value: &str| is_name(name) && is_text(value) && !reserved.contains(&name);
        let mut own: Vec<_> = message.attributes.iter().collect();
        own.sort_by_key(|(name, _)| name.starts_with("kakehi-"));
        let (fit, odd): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|(name, value)| travels(name, value));
        let keep = |more: &mut More, (name, value): (&String, &String)| {
            more.attributes.insert(name.clone(), value.clone());
        };
        odd.into_iter().for_each(|attribute| keep(more, attribute));
        let alone = more.is_empty() && plain.len() + fit.len() <= MOST_ATTRIBUTES;
        let room = if alone { MOST_ATTRIBUTES } else { MOST_ATTRIBUTES - 1 } - plain.len();
        for (at, (name, value)) in fit.into_iter().enumerate() {
            match at < room {
                true => plain.push((name, value)),
                false => keep(more, (name, value)),
            }
        }
    }

    /// The message as the service gave it. That of an external producer, without an id, takes
    /// `<queue>/<id of the service>`, which stays the same however often it is redelivered. Binary
    /// attributes come as base64.
    pub(super) fn unpack(&self, wire: &mut Wire) -> Message {
        let attributes = wire.message_attributes.take().unwrap_or_default();
        let mut attributes: BTreeMap<_, _> = attributes
            .into_iter()
            .filter_map(|(name, value)| Some((name, text_of(value)?)))
            .collect();
        let more = attributes.get(MORE_ATTRIBUTE);
        let more = more.and_then(|json| serde_json::from_str::<More>(json).ok());
        if more.is_some() {
            attributes.remove(MORE_ATTRIBUTE);
        }
        let more = more.unwrap_or_default();
        let id = more.id.or_else(|| attributes.remove(&self.id_attribute));
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            format!("{}/{}", self.queue, wire.message_id.as_deref().unwrap_or_default())
        });
        let tag = more.tag.or_else(|| attributes.remove(TAG_ATTRIBUTE));
        let group = more.group.or_else(|| match self.fifo {
            true => system(wire, &System::MessageGroupId).filter(|it| !it.starts_with(ALONE)),
            false => attributes.remove(GROUP_ATTRIBUTE),
        });
        attributes.extend(more.attributes);
        Message {
            id,
            body: body_from(wire.body.take().unwrap_or_default(), more.body),
            attributes,
            group,
            tag,
            not_before: more.not_before,
            published_at: time(wire, &System::SentTimestamp),
        }
    }
}

/// What the service says of a message beside it.
pub(super) fn system(wire: &Wire, name: &System) -> Option<String> {
    wire.attributes.as_ref()?.get(name).cloned()
}

/// A time that the service says of a message beside it.
pub(super) fn time(wire: &Wire, name: &System) -> Option<DateTime<Utc>> {
    times::from_millis(system(wire, name)?.parse().ok()?)
}

fn text_of(value: Value) -> Option<String> {
    let binary = |value: Value| value.binary_value.map(|it| BASE64_STANDARD.encode(it));
    value.string_value.clone().or_else(|| binary(value))
}

/// What an attribute counts: its name, its type and its value.
fn weight(name: &str, value: &str) -> usize {
    name.len() + "String".len() + value.len()
}

/// How long SQS delays a message that is due then, in whole seconds; what is due later than SQS can
/// delay it is put off by the subscriber.
fn delay(due: DateTime<Utc>, now: DateTime<Utc>) -> Option<i32> {
    let millis = (due - now).num_milliseconds();
    let seconds = millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0);
    (seconds > 0).then(|| i32::try_from(seconds.min(LONGEST_DELAY)).expect("900 at most"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ID_ATTRIBUTE;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn codec(fifo: bool) -> Codec {
        Codec { id_attribute: ID_ATTRIBUTE.to_owned(), fifo, queue: "q".to_owned() }
    }

    fn wire(packed: SqsMessage) -> Wire {
        let wire =
            Wire::builder().body(packed.body).set_message_attributes(Some(packed.attributes));
        let group = packed.group.map(|group| (System::MessageGroupId, group));
        wire.set_attributes(Some(group.into_iter().collect())).build()
    }

    fn insert(message: &mut Message, name: &str, value: &str) {
        message.attributes.insert(name.to_owned(), value.to_owned());
    }

    fn sent(message: &Message, fifo: bool) -> SqsMessage {
        codec(fifo).pack(message, "", DateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn what_sqs_takes_travels_so_that_other_consumers_can_read_it() {
        let mut message = Message::new("a", "body");
        message.tag = Some("t".to_owned());
        message.group = Some("g".to_owned());
        insert(&mut message, "k", "v");
        let names = |packed: &SqsMessage| {
            let mut names: Vec<_> = packed.attributes.keys().cloned().collect();
            names.sort();
            names
        };
        let standard = sent(&message, false);
        assert_eq!((standard.body.as_str(), &standard.group), ("body", &None));
        assert_eq!(names(&standard), ["k", "kakehi-group", "kakehi-id", "kakehi-tag"]);
        let fifo = sent(&message, true);
        assert_eq!(fifo.group.as_deref(), Some("g"));
        assert_eq!(names(&fifo), ["k", "kakehi-id", "kakehi-tag"]);
    }

    #[test]
    fn ten_attributes_are_the_most_and_the_publishers_own_come_first() {
        let mut message = Message::new("a", "body");
        (0..9).for_each(|n| insert(&mut message, &n.to_string(), "x"));
        let packed = sent(&message, false);
        assert_eq!(packed.attributes.len(), 10);
        assert!(!packed.attributes.contains_key(MORE_ATTRIBUTE));
        insert(&mut message, "kakehi-dead-reason", "x");
        let packed = sent(&message, false);
        assert_eq!(packed.attributes.len(), 10);
        assert!(packed.attributes.contains_key(MORE_ATTRIBUTE));
        assert!(!packed.attributes.contains_key("kakehi-dead-reason"));
    }

    #[test]
    fn a_message_without_an_id_takes_that_of_the_service() {
        let number = Value::builder().data_type("Number").string_value("7").build().unwrap();
        let binary = Value::builder().data_type("Binary.gif");
        let binary =
            binary.binary_value(aws_sdk_sqs::primitives::Blob::new(b"GIF")).build().unwrap();
        let mut wire = Wire::builder()
            .message_id("17")
            .body("x")
            .message_attributes("n", number)
            .message_attributes("b", binary)
            .attributes(System::SentTimestamp, "1000")
            .build();
        let message = codec(false).unpack(&mut wire);
        assert_eq!((message.id.as_str(), &message.body[..]), ("q/17", &b"x"[..]));
        assert_eq!(message.attributes["n"], "7");
        assert_eq!(message.attributes["b"], "R0lG");
        assert_eq!(message.published_at, DateTime::from_timestamp(1, 0));
    }

    #[test]
    fn what_is_due_later_is_held_back_as_long_as_sqs_can() {
        let now = DateTime::UNIX_EPOCH;
        let due = |millis| delay(now + TimeDelta::milliseconds(millis), now);
        assert_eq!([due(-5000), due(0), due(1), due(1000)], [None, None, Some(1), Some(1)]);
        assert_eq!([due(1001), due(900_000), due(9_000_000)], [Some(2), Some(900), Some(900)]);
    }

    #[test]
    fn what_is_too_large_is_refused_with_the_limit() {
        let full = LARGEST - weight(ID_ATTRIBUTE, "a");
        let sized =
            |bytes| codec(false).pack(&Message::new("a", "x".repeat(bytes)), "", Utc::now());
        assert_eq!(sized(full).unwrap().size, LARGEST);
        assert!(sized(full + 1).unwrap_err().contains("1048576 is the limit"));
        assert!(codec(false).pack(&Message::new("", "x"), "", Utc::now()).is_err());
    }

    /// Text as anybody may write it, the two noncharacters included.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{0,5}",
            any::<String>(),
            Just("\u{fffe}\u{ffff}\0\u{1f}".to_owned()),
            Just("x".repeat(200)),
        ]
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[A-Za-z._-]{0,4}",
            text(),
            Just("AWS.x".to_owned()),
            Just(MORE_ATTRIBUTE.to_owned()),
            Just(ID_ATTRIBUTE.to_owned()),
            Just(TAG_ATTRIBUTE.to_owned()),
        ]
    }

    prop_compose! {
        fn any_message()(
            id in text().prop_filter("an id", |id| !id.is_empty()),
            body in prop_oneof![any::<Vec<u8>>(), text().prop_map(String::into_bytes)],
            attributes in prop::collection::btree_map(name(), text(), 0..14),
            group in prop::option::of(text()),
            tag in prop::option::of(text()),
            not_before in prop::option::of(0i64..4_000_000_000),
        ) -> Message {
            let not_before = not_before.and_then(|at| DateTime::from_timestamp(at, 5));
            Message { attributes, group, tag, not_before, ..Message::new(id, body) }
        }
    }

    proptest! {
        #[test]
        fn any_message_survives_the_journey_within_the_limits(
            message in any_message(),
            fifo in any::<bool>(),
        ) {
            let packed = sent(&message, fifo);
            prop_assert!(is_text(&packed.body) && packed.attributes.len() <= MOST_ATTRIBUTES);
            for (name, value) in &packed.attributes {
                prop_assert!(is_name(name) && is_text(value.string_value().unwrap()), "{name}");
            }
            let groups = packed.group.iter().all(|it| it.len() <= 128 && it.chars().all(|c| c.is_ascii_graphic()));
            prop_assert!(groups);
            prop_assert_eq!(codec(fifo).unpack(&mut wire(packed)), message);
        }
    }
}
