//! `pubsub://PROJECT/TOPIC` to publish, `pubsub://PROJECT/SUBSCRIPTION` to receive: Google Cloud
//! Pub/Sub, through Google's own client.
//!
//! | parameter | publish | subscribe | means |
//! |---|---|---|---|
//! | `id-attribute=NAME` | yes | yes | the attribute that carries the message id, else `kakehi-id` |
//! | `streams=N` | | yes | how many streams to pull from at once, 1 to 64, else 8 |
//! | `topic=NAME` | | yes | with `--create`: the topic that the subscription is made for |
//! | `ordered` | yes | yes | with `--create`: the subscription keeps the order within a group |
//! | `exactly-once` | yes | yes | with `--create`: the subscription delivers exactly once |
//!
//! Attributes whose names begin with `goog` cannot be published. What Google's clients and Pub/Sub
//! add for themselves (`googclient_...`) is left out; any such name on what was received elsewhere,
//! too; and what somebody else wants to publish under one is refused.
//!
//! A group travels as ordering key, a tag as the attribute `kakehi-tag`. Pub/Sub cannot hold a
//! message back until a time, select by tag, or keep a dead letter.

mod admin;
mod burial;
mod client;
mod codec;
mod error;
mod facts;
mod inspector;
mod name;
mod preflight;
mod publisher;
mod streams;
mod subscriber;
mod survey;
mod upkeep;

pub use inspector::open as open_inspector;
pub use preflight::{publisher as check_publisher, subscriber as check_subscriber};
pub use upkeep::{create, delete};

use super::{Options, Publisher, Side, Subscriber};
use crate::error::{Error, Kind, Result};
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::message::ID_ATTRIBUTE;
use admin::{Admin, Delivering};
use client::Connection;
use name::Name;

/// The attribute under which a tag travels.
const TAG_ATTRIBUTE: &str = "kakehi-tag";

/// Streams where the URL does not say. Emulator and service limit each stream; on the emulator one
/// receives 2,000 messages a second, four 7,700, eight 15,000 (`benches/pubsub.rs`, two cores).
const STREAMS: usize = 8;

/// More streams than this are a typing error.
const MOST_STREAMS: usize = 64;

/// The parameters of a topic's URL.
const OF_TOPIC: &[&str] = &["id-attribute", "ordered", "exactly-once"];

/// The parameters of a subscription's URL.
const OF_SUBSCRIPTION: &[&str] = &["id-attribute", "streams", "topic", "ordered", "exactly-once"];

/// Opens a topic for publishing. Nothing is sent yet, unless it has to be created.
pub async fn open_publisher(mut url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
    let topic = Name::topic(&url)?;
    let id_attribute = id_attribute(&mut url)?;
    let delivering = delivering(&mut url)?;
    url.finish(OF_TOPIC)?;
    let connection = Connection::open(&options.environment)?;
    if options.create {
        create_topic(&Admin::open(&connection).await?, &topic, delivering).await?;
    }
    let publisher =
        publisher::PubsubPublisher::open(topic, id_attribute, connection, options).await?;
    Ok(Box::new(publisher))
}

/// Opens a subscription for receiving. Nothing is received before the first `receive`.
pub async fn open_subscriber(mut url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
    let subscription = Name::subscription(&url)?;
    let typed = url.clone();
    let id_attribute = id_attribute(&mut url)?;
    let streams = streams(&mut url)?.unwrap_or(STREAMS);
    let topic = url.take("topic")?;
    let delivering = delivering(&mut url)?;
    url.finish(OF_SUBSCRIPTION)?;
    let plan = streams::Plan::new(streams, options)?;
    let topic = match (topic, options.create) {
        (Some(topic), _) => Some(subscription.topic_beside(&topic)?),
        (None, false) => None,
        (None, true) => {
            return Err(needs_topic(&subscription, &typed));
        }
    };
    let connection = Connection::open(&options.environment)?;
    if options.create
        && let Some(topic) = topic
    {
        let admin = Admin::open(&connection).await?;
        create_subscription(&admin, &subscription, &topic, delivering).await?;
    }
    let subscriber =
        subscriber::PubsubSubscriber::open(subscription, id_attribute, connection, plan).await?;
    Ok(Box::new(subscriber))
}

/// Under which name something is kept for a topic: its project, where that is, and the attribute that
/// carries the ids. A subscription's is that of the topic of its name.
pub fn key(url: &Location, options: &Options) -> Result<Key> {
    let (name, id_attribute) = (Name::topic(url)?.canonical(), id_attribute(&mut url.clone())?);
    let address = Connection::address(&options.environment)?;
    // Older versions knew the host as it was spelled, and made no difference between attributes.
    let older = Connection::older_addresses(&options.environment)?;
    let older = older.into_iter().map(|address| format!("{name} at {address}"));
    Ok(Key::new(format!("{name}?id-attribute={id_attribute} at {address}")).before(older))
}

/// What a topic, or a subscription, is.
pub fn identity(url: &Location, side: Side, options: &Options) -> Result<Identity> {
    let name = match side {
        Side::Into => Name::topic(url)?,
        Side::From => Name::subscription(url)?,
    };
    let address = Connection::address(&options.environment)?;
    Ok(Identity::named(format!("pubsub {} at {address}", name.path())))
}

/// Whether a subscription is one of this topic: what is received from it and published there comes
/// again, for ever. Where the service does not say, their names tell.
pub async fn leads_back(from: &Location, into: &Location, options: &Options) -> Result<bool> {
    let (subscription, topic) = (Name::subscription(from)?, Name::topic(into)?);
    let connection = Connection::open(&options.environment)?;
    Ok(match Admin::open(&connection).await?.look(&subscription).await {
        Ok(found) => found.topic == topic.path(),
        Err(_) => topic.subscription_alike() == subscription,
    })
}

/// The error for a subscription that is to be made for nobody knows which topic.
fn needs_topic(subscription: &Name, url: &Location) -> Error {
    Error::new(Kind::Usage, format!("cannot create {subscription}"))
        .because_of("it is not said which topic it shall be for")
        .hint(match url.clone().with("topic", Some("NAME"), "--topic") {
            Ok(whole) => format!("add it: `{whole}`, or `--topic NAME`{}", url.cut_hint()),
            Err(error) => error.one_line(),
        })
}

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

fn streams(url: &mut Location) -> Result<Option<usize>> {
    let Some(text) = url.take("streams")? else { return Ok(None) };
    match text.parse() {
        Ok(streams @ 1..=MOST_STREAMS) => Ok(Some(streams)),
        _ => Err(Error::new(Kind::Usage, format!("`streams={text}` is not a number of streams"))
            .hint(format!("write a whole number from 1 to {MOST_STREAMS}"))),
    }
}

/// Makes a topic, and where nobody would get what it is given a subscription of its name, with all
/// that one needs. Where there are others, their owners have seen to it.
async fn create_topic(admin: &Admin, topic: &Name, delivering: Delivering) -> Result<()> {
    let made = admin.create_topic(topic).await?;
    let subscription = topic.subscription_alike();
    let readers = admin.readers(topic).await?;
    if !readers.is_empty() && !readers.contains(&subscription) {
        if made {
            tracing::info!("made {topic}");
        }
        return Ok(());
    }
    if !create_subscription(admin, &subscription, topic, delivering).await? {
        return Ok(());
    }
    let made = if made { "made" } else { "found" };
    tracing::warn!(
        "{made} {topic} and made {subscription}, since a topic without one drops what it is given"
    );
    Ok(())
}

/// Makes a subscription with all that it needs: its topic, and a place for its dead letters.
/// `false`: it was there already.
async fn create_subscription(
    admin: &Admin,
    subscription: &Name,
    topic: &Name,
    delivering: Delivering,
) -> Result<bool> {
    let dead = subscription.dead_letters()?;
    let plain = Delivering::default();
    let mut last_made = false;
    for (subscription, topic, delivering) in
        [(&dead.subscription_alike(), &dead, plain), (subscription, topic, delivering)]
    {
        if admin.create_topic(topic).await? {
            tracing::info!("made {topic}");
        }
        last_made = admin.create_subscription(subscription, topic, delivering).await?;
        if last_made {
            tracing::info!("made {subscription} of {topic}");
        }
    }
    Ok(last_made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_and_each_emulator_are_places_of_their_own() {
        let place = |text: &str, emulator: &[(&str, &str)]| {
            let environment = emulator.iter().copied().collect();
            let options = Options::new(environment, std::path::PathBuf::new());
            key(&Location::parse(text).unwrap(), &options).unwrap()
        };
        let cloud = "pubsub://p1/t%25-x?id-attribute=x at Google";
        let emulator = "pubsub://p1/topic?id-attribute=kakehi-id at 127.0.0.1:8085";
        assert_eq!(place("pubsub://p1/t%2525-x?id-attribute=x", &[]).name(), cloud);
        for host in [
            "127.0.0.1:8085",
            "http://127.0.0.1:8085/",
            "LocalHost:8085",
            "[::1]:8085",
            "http://me:hunter2@0.0.0.0:8085",
        ] {
            let key = place("pubsub://p1/topic", &[("PUBSUB_EMULATOR_HOST", host)]);
            assert_eq!(key.name(), emulator);
            let spelled = host.trim_start_matches("http://").trim_end_matches('/');
            for older in [spelled, "localhost:8085", "127.0.0.1:8085"] {
                let older = format!("pubsub://p1/topic at {older}");
                assert!(key.older().contains(&older), "{older}: {key:?}");
            }
        }
    }

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
            let error = streams(&mut Location::parse(&url).unwrap()).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }
}
