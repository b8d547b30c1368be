//! What the URL of a topic, or of a subscription, says.

use super::admin::Delivering;
use super::name::Name;
use super::{TAG_ATTRIBUTE, codec};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::ID_ATTRIBUTE;
use crate::queues::Side;

/// More streams than this are a typing error.
const MOST_STREAMS: usize = 64;

/// The parameters of a topic's URL.
pub(super) const OF_TOPIC: &[&str] = &["id-attribute", "ordered", "exactly-once"];

/// The parameters of a subscription's URL.
pub(super) const OF_SUBSCRIPTION: &[&str] =
    &["id-attribute", "streams", "topic", "ordered", "exactly-once"];

/// What the URL of a topic says.
pub(super) struct TopicOptions {
    pub(super) name: Name,
    pub(super) id_attribute: String,
    /// How a subscription delivers that is made for it.
    pub(super) delivering: Delivering,
}

impl TopicOptions {
    /// Reads `pubsub://PROJECT/TOPIC?id-attribute=NAME&ordered&exactly-once`.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        let options = Self::take(&mut url)?;
        url.finish(OF_TOPIC)?;
        Ok(options)
    }

    /// Takes out what the URL of a topic says, and leaves what that of a subscription says besides.
    pub(super) fn take(url: &mut Location) -> Result<Self> {
        let name = Name::topic(url)?;
        let id_attribute = id_attribute(url)?;
        let delivering = delivering(url)?;
        Ok(Self { name, id_attribute, delivering })
    }
}

/// What the URL of a subscription says.
pub(super) struct SubscriptionOptions {
    pub(super) name: Name,
    pub(super) id_attribute: String,
    /// How many streams at once, where the URL says it.
    pub(super) streams: Option<usize>,
    /// How the subscription delivers, where it is made.
    pub(super) delivering: Delivering,
    topic: Option<String>,
    /// The URL as it was typed.
    typed: Location,
}

impl SubscriptionOptions {
    /// Reads `pubsub://PROJECT/SUBSCRIPTION?id-attribute=NAME&streams=N&topic=NAME&ordered&exactly-once`.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        let name = Name::subscription(&url)?;
        let typed = url.clone();
        let id_attribute = id_attribute(&mut url)?;
        let streams = url.number("streams", 1..=MOST_STREAMS)?;
        let topic = url.take("topic")?;
        let delivering = delivering(&mut url)?;
        url.finish(OF_SUBSCRIPTION)?;
        Ok(Self { name, id_attribute, streams, delivering, topic, typed })
    }

    /// The topic that the URL names.
    pub(super) fn topic(&self) -> Result<Option<Name>> {
        self.topic.as_ref().map(|topic| self.name.topic_beside(topic)).transpose()
    }

    /// The error for a subscription that is to be made for nobody knows which topic.
    pub(super) fn needs_topic(&self) -> Error {
        Error::new(Kind::Usage, format!("cannot create {}", self.name))
            .because_of("it is not said which topic it shall be for")
            .hint(match self.typed.clone().with("topic", Some("NAME"), "--topic") {
                Ok(whole) => {
                    format!("add it: `{whole}`, or `--topic NAME`{}", self.typed.cut_hint())
                }
                Err(error) => error.one_line(),
            })
    }
}

/// The topic that is published to, or the subscription that is received from.
pub(super) fn name(url: &Location, side: Side) -> Result<Name> {
    Ok(match side {
        Side::Into => TopicOptions::of(url.clone())?.name,
        Side::From => SubscriptionOptions::of(url.clone())?.name,
    })
}

/// The attribute that carries the id.
fn id_attribute(url: &mut Location) -> Result<String> {
    let name = url.take("id-attribute")?.unwrap_or_else(|| ID_ATTRIBUTE.to_owned());
    match codec::attribute_refusal(&name, "") {
        None if name != TAG_ATTRIBUTE => Ok(name),
        None => Err(Error::new(Kind::Usage, format!("`{name}` carries the tag, not the id"))),
        Some(why) => {
            Err(Error::new(Kind::Usage, format!("`{name}` cannot carry the id")).because_of(why))
        }
    }
}

fn delivering(url: &mut Location) -> Result<Delivering> {
    Ok(Delivering { ordered: url.flag("ordered")?, exactly_once: url.flag("exactly-once")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_is_checked() {
        for (text, expected) in [
            ("pubsub://p1/topic?id-attribute=googly", "begins with `goog`"),
            ("pubsub://p1/topic?id-attribute=kakehi-tag", "carries the tag"),
        ] {
            let error = id_attribute(&mut Location::parse(text).unwrap()).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().contains(expected), "{error}");
        }
        for text in ["0", "65", "-1", "many"] {
            let url = format!("pubsub://p1/subscription?streams={text}");
            let error = SubscriptionOptions::of(Location::parse(&url).unwrap()).err().unwrap();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }
}
