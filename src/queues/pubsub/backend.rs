//! Google Cloud Pub/Sub, as the list of queues knows it.

use super::admin::Admin;
use super::client::Connection;
use super::inspector::Inspector;
use super::options::{self, OF_SUBSCRIPTION, OF_TOPIC, SubscriptionOptions, TopicOptions};
use super::publisher::PubsubPublisher;
use super::streams::Plan;
use super::subscriber::PubsubSubscriber;
use super::{identity, preflight};
use crate::error::Result;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::{Backend, Deletion, Inspect, Options, Publisher, Side, Subscriber};
use async_trait::async_trait;

/// Streams where the URL does not say. Emulator and service limit each stream; on the emulator one
/// receives 2,000 messages a second, four 7,700, eight 15,000 (`benches/pubsub.rs`, two cores).
const STREAMS: usize = 8;

/// The kind of queue that is a topic, or a subscription, of Pub/Sub.
pub struct PubsubBackend;

#[async_trait]
impl Backend for PubsubBackend {
    fn parameters(&self, side: Side) -> Vec<&'static str> {
        match side {
            Side::Into => OF_TOPIC.to_vec(),
            Side::From => OF_SUBSCRIPTION.to_vec(),
        }
    }

    fn key(&self, url: &Location, options: &Options) -> Result<Key> {
        // Nobody says here which of the two it is.
        identity::key(&TopicOptions::take(&mut url.clone())?, &options.environment)
    }

    async fn identity(&self, url: &Location, side: Side, options: &Options) -> Result<Identity> {
        identity::identity(&options::name(url, side)?, &options.environment)
    }

    async fn leads_back(
        &self,
        from: &Location,
        into: &Location,
        options: &Options,
    ) -> Result<bool> {
        let subscription = options::name(from, Side::From)?;
        let topic = options::name(into, Side::Into)?;
        let admin = Admin::open(&Connection::open(&options.environment)?).await?;
        Ok(admin.leads_back(&subscription, &topic).await)
    }

    fn describe(&self, url: &Location, side: Side, _options: &Options) -> Option<String> {
        options::name(url, side).ok().map(|name| name.words())
    }

    /// Nothing is sent yet, unless the topic has to be made.
    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        let TopicOptions { name, id_attribute, delivering } = TopicOptions::of(url)?;
        let connection = Connection::open(&options.environment)?;
        if options.create {
            Admin::open(&connection).await?.create_with_reader(&name, delivering).await?;
        }
        Ok(Box::new(PubsubPublisher::open(name, id_attribute, connection, options).await?))
    }

    /// Nothing is received before the first `receive`.
    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
        let parsed = SubscriptionOptions::of(url)?;
        let plan = Plan::new(parsed.streams.unwrap_or(STREAMS), options)?;
        let topic = parsed.topic()?;
        if options.create && topic.is_none() {
            return Err(parsed.needs_topic());
        }
        let SubscriptionOptions { name, id_attribute, delivering, .. } = parsed;
        let connection = Connection::open(&options.environment)?;
        if options.create
            && let Some(topic) = topic
        {
            let admin = Admin::open(&connection).await?;
            admin.create_whole_subscription(&name, &topic, delivering).await?;
        }
        Ok(Box::new(PubsubSubscriber::open(name, id_attribute, connection, plan).await?))
    }

    async fn inspector(&self, url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
        Ok(Box::new(Inspector::open(url, options).await?))
    }

    async fn create(&self, url: Location, options: &Options) -> Result<bool> {
        let parsed = SubscriptionOptions::of(url)?;
        let topic = parsed.topic()?.ok_or_else(|| parsed.needs_topic())?;
        let admin = Admin::open(&Connection::open(&options.environment)?).await?;
        admin.create_whole_subscription(&parsed.name, &topic, parsed.delivering).await
    }

    async fn delete(&self, url: Location, options: &Options, yes: bool) -> Result<Deletion> {
        let SubscriptionOptions { name, .. } = SubscriptionOptions::of(url)?;
        let admin = Admin::open(&Connection::open(&options.environment)?).await?;
        admin.delete(&name, yes).await
    }

    async fn preflight(
        &self,
        url: Location,
        side: Side,
        options: &Options,
    ) -> Result<Vec<Finding>> {
        match side {
            Side::Into => preflight::publisher(url, options).await,
            Side::From => preflight::subscriber(url, options).await,
        }
    }
}
