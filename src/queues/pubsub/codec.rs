//! Our message as Pub/Sub's, and back.
//!
//! The limits are at <https://docs.cloud.google.com/pubsub/quotas#resource_limits>. They are checked
//! here because the service refuses a whole request for one message that breaks them.

use super::TAG_ATTRIBUTE;
use crate::message::Message;
use crate::times;
use chrono::DateTime;
use google_cloud_pubsub::model::Message as Wire;
use std::collections::BTreeMap;

/// The largest request, and so the largest message, in bytes.
pub(super) const LARGEST_MESSAGE: usize = 10_000_000;

/// The beginning of the names that nobody may publish: Google's clients and Pub/Sub itself add such
/// attributes.
const GOOGLE: &str = "goog";

/// The beginning of the names that Google's clients add by themselves, for tracing, and Pub/Sub for
/// schemas.
const OF_CLIENTS: &str = "googclient_";

const MOST_ATTRIBUTES: usize = 100;
const LONGEST_KEY: usize = 256;
const LONGEST_VALUE: usize = 1024;
const LONGEST_ORDERING_KEY: usize = 1024;

/// How messages travel to one topic.
#[derive(Debug, Clone)]
pub(super) struct Codec {
    /// The attribute that carries the id.
    pub(super) id_attribute: String,
    /// Whether the messages were received before: what a service or a client added to them is then left
    /// out, and none is refused for it.
    pub(super) passes_on: bool,
}

impl Codec {
    /// Why Pub/Sub would never take this message, if so.
    pub(super) fn refusal(&self, message: &Message) -> Option<String> {
        if let Some(name) = self.own().find(|name| message.attributes.contains_key(*name))
            && !self.passes_on
        {
            return Some(format!("its attribute `{name}` has the name of one of ours"));
        }
        if message.id.is_empty() {
            return Some("its id is empty".to_owned());
        }
        if let Some(why) = times::refusal(message) {
            return Some(why);
        }
        let group = message.group.as_deref();
        if group.is_some_and(|group| group.is_empty() || group.len() > LONGEST_ORDERING_KEY) {
            return Some(format!("its group is empty or longer than {LONGEST_ORDERING_KEY} bytes"));
        }
        let attributes = self.attributes(message);
        if attributes.clone().count() > MOST_ATTRIBUTES {
            return Some(format!("it has more than {MOST_ATTRIBUTES} attributes, ours included"));
        }
        let size: usize = attributes.clone().map(|(name, value)| name.len() + value.len()).sum();
        let size = size + message.body.len() + group.map_or(0, str::len);
        if size > LARGEST_MESSAGE {
            return Some(format!("it has {size} bytes, and {LARGEST_MESSAGE} is the limit"));
        }
        attributes.into_iter().find_map(|(name, value)| attribute_refusal(name, value))
    }

    /// The message as the client wants it.
    pub(super) fn to_wire(&self, message: &Message) -> Wire {
        Wire::new()
            .set_data(message.body.clone())
            .set_attributes(self.attributes(message))
            .set_ordering_key(message.group.as_deref().unwrap_or_default())
    }

    /// What travels beside the body: the message's own attributes, its id and its tag.
    fn attributes<'a>(
        &'a self,
        message: &'a Message,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        let own = message.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = own.filter(|(name, _)| !self.leaves_out(name));
        let tag = message.tag.as_deref().map(|tag| (TAG_ATTRIBUTE, tag));
        own.chain([(self.id_attribute.as_str(), message.id.as_str())]).chain(tag)
    }

    /// Whether an attribute does not travel. What Google's clients added is never a publisher's own; nor
    /// is any name like theirs, or like ours, on a message that was received.
    fn leaves_out(&self, name: &str) -> bool {
        let added = name.starts_with(GOOGLE) || self.own().any(|own| own == name);
        name.starts_with(OF_CLIENTS) || self.passes_on && added
    }

    /// The names of the attributes that we add.
    fn own(&self) -> impl Iterator<Item = &str> {
        [self.id_attribute.as_str(), TAG_ATTRIBUTE].into_iter()
    }
}

/// Why Pub/Sub would never take this attribute, if so.
pub(super) fn attribute_refusal(name: &str, value: &str) -> Option<String> {
    if name.is_empty() || name.len() > LONGEST_KEY {
        return Some(format!("an attribute's name is empty or longer than {LONGEST_KEY} bytes"));
    }
    if name.starts_with(GOOGLE) {
        return Some(format!("the name of the attribute `{name}` begins with `{GOOGLE}`"));
    }
    (value.len() > LONGEST_VALUE)
        .then(|| format!("the attribute `{name}` is longer than {LONGEST_VALUE} bytes"))
}

/// The message as the client gave it. That of an external producer, without an id, takes
/// `<subscription>/<id of the service>`, which stays the same however often it is redelivered.
pub(super) fn from_wire(wire: Wire, id_attribute: &str, subscription: &str) -> Message {
    let mut attributes: BTreeMap<_, _> = wire.attributes.into_iter().collect();
    let id = attributes.remove(id_attribute).filter(|id| !id.is_empty());
    let published_at = wire.publish_time.and_then(|time| {
        DateTime::from_timestamp(time.seconds(), time.nanos().try_into().unwrap_or_default())
    });
    let published_at = published_at.filter(|time| times::is_carried(*time));
    Message {
        id: id.unwrap_or_else(|| format!("{subscription}/{}", wire.message_id)),
        body: wire.data,
        tag: attributes.remove(TAG_ATTRIBUTE),
        attributes,
        group: Some(wire.ordering_key).filter(|key| !key.is_empty()),
        not_before: None,
        published_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ID_ATTRIBUTE;

    fn codec(passes_on: bool) -> Codec {
        Codec { id_attribute: ID_ATTRIBUTE.to_owned(), passes_on }
    }

    fn full() -> Message {
        let mut message = Message::new("a", &b"\xff\x00"[..]);
        message.attributes.insert("k".to_owned(), "v".to_owned());
        message.group = Some("g".to_owned());
        message.tag = Some("t".to_owned());
        message
    }

    #[test]
    fn a_message_survives_the_journey() {
        let back = from_wire(codec(false).to_wire(&full()), ID_ATTRIBUTE, "s");
        assert_eq!(back, full());
    }

    #[test]
    fn a_message_without_an_id_takes_that_of_the_service() {
        let wire = Wire::new().set_message_id("17").set_attributes([(ID_ATTRIBUTE, "")]);
        let message = from_wire(wire, ID_ATTRIBUTE, "readings");
        assert_eq!(message.id, "readings/17");
        assert!(message.attributes.is_empty());
    }

    /// A message that is spoiled in one way, and what is said about it.
    type Case = (fn(&mut Message), &'static str);

    #[test]
    fn what_breaks_a_limit_is_refused_with_the_limit() {
        let cases: &[Case] = &[
            (|m| m.body = vec![0; LARGEST_MESSAGE].into(), "10000000 is the limit"),
            (|m| m.id = "x".repeat(1025), "longer than 1024 bytes"),
            (|m| m.id = String::new(), "id is empty"),
            (|m| m.not_before = "-0001-01-01T00:00:00Z".parse().ok(), "the years 0000 to 9999"),
            (|m| m.group = Some("x".repeat(1025)), "group is empty or longer"),
            (|m| m.group = Some(String::new()), "group is empty or longer"),
            (|m| m.tag = Some("x".repeat(1025)), "`kakehi-tag` is longer"),
            (|m| insert(m, "googly", "x"), "begins with `goog`"),
            (|m| insert(m, &"x".repeat(257), ""), "longer than 256 bytes"),
            (|m| insert(m, "", ""), "name is empty"),
            (|m| insert(m, ID_ATTRIBUTE, "x"), "the name of one of ours"),
            (|m| insert(m, TAG_ATTRIBUTE, "x"), "the name of one of ours"),
            (|m| (0..98).for_each(|n| insert(m, &n.to_string(), "")), "more than 100 attributes"),
        ];
        for (spoil, expected) in cases {
            let mut message = full();
            assert_eq!(codec(false).refusal(&message), None);
            spoil(&mut message);
            let said = codec(false).refusal(&message).unwrap_or_default();
            assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        }
    }

    /// The names of the attributes that travel.
    fn names(codec: &Codec, message: &Message) -> Vec<String> {
        let mut names: Vec<_> = codec.to_wire(message).attributes.into_keys().collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_client_or_a_service_added_is_left_out_and_nobodys_fault() {
        let mut message = full();
        insert(&mut message, "googclient_traceparent", &"0".repeat(2000));
        insert(&mut message, "googclient_schemaencoding", "JSON");
        for codec in [codec(false), codec(true)] {
            assert_eq!(codec.refusal(&message), None);
            assert_eq!(names(&codec, &message), ["k", ID_ATTRIBUTE, TAG_ATTRIBUTE]);
        }
        (0..97).for_each(|n| insert(&mut message, &n.to_string(), ""));
        assert_eq!(codec(true).refusal(&message), None, "what is left out does not count");
    }

    #[test]
    fn what_was_received_is_not_refused_for_a_name_that_nobody_may_publish() {
        for name in ["goog", "googly", ID_ATTRIBUTE, TAG_ATTRIBUTE] {
            let mut message = full();
            insert(&mut message, name, "another");
            assert!(codec(false).refusal(&message).unwrap().contains(name), "{name}");
            assert_eq!(codec(true).refusal(&message), None, "{name}");
            let back = from_wire(codec(true).to_wire(&message), ID_ATTRIBUTE, "s");
            assert_eq!(back, full(), "{name}");
        }
        let mut message = full();
        insert(&mut message, "long", &"x".repeat(LONGEST_VALUE + 1));
        assert!(codec(true).refusal(&message).unwrap().contains("`long` is longer"));
    }

    fn insert(message: &mut Message, name: &str, value: &str) {
        message.attributes.insert(name.to_owned(), value.to_owned());
    }
}
