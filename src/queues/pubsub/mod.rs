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
mod backend;
mod burial;
mod client;
mod codec;
mod error;
mod facts;
mod identity;
mod inspector;
mod name;
mod options;
mod preflight;
mod publisher;
mod streams;
mod subscriber;
mod survey;
mod upkeep;

pub use backend::PubsubBackend;

use super::{Options, Publisher, Subscriber};
use crate::error::Result;
use crate::location::Location;
use admin::{Admin, Delivering};
use client::Connection;
use name::Name;
use options::{SubscriptionOptions, TopicOptions};

/// The attribute under which a tag travels.
const TAG_ATTRIBUTE: &str = "kakehi-tag";

/// Streams where the URL does not say. Emulator and service limit each stream; on the emulator one
/// receives 2,000 messages a second, four 7,700, eight 15,000 (`benches/pubsub.rs`, two cores).
const STREAMS: usize = 8;

/// Opens a topic for publishing. Nothing is sent yet, unless it has to be created.
async fn open_publisher(url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
    let TopicOptions { name, id_attribute, delivering } = TopicOptions::of(url)?;
    let connection = Connection::open(&options.environment)?;
    if options.create {
        create_topic(&Admin::open(&connection).await?, &name, delivering).await?;
    }
    let publisher =
        publisher::PubsubPublisher::open(name, id_attribute, connection, options).await?;
    Ok(Box::new(publisher))
}

/// Opens a subscription for receiving. Nothing is received before the first `receive`.
async fn open_subscriber(url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
    let parsed = SubscriptionOptions::of(url)?;
    let plan = streams::Plan::new(parsed.streams.unwrap_or(STREAMS), options)?;
    let topic = parsed.topic()?;
    if options.create && topic.is_none() {
        return Err(parsed.needs_topic());
    }
    let connection = Connection::open(&options.environment)?;
    if options.create
        && let Some(topic) = topic
    {
        let admin = Admin::open(&connection).await?;
        create_subscription(&admin, &parsed.name, &topic, parsed.delivering).await?;
    }
    let SubscriptionOptions { name, id_attribute, .. } = parsed;
    let subscriber =
        subscriber::PubsubSubscriber::open(name, id_attribute, connection, plan).await?;
    Ok(Box::new(subscriber))
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
