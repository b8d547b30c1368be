//! Google Cloud Pub/Sub, as the list of queues knows it.

use super::{identity, inspector, open_publisher, open_subscriber, preflight, upkeep};
use crate::error::Result;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::{Backend, Deletion, Inspect, Options, Publisher, Side, Subscriber};
use async_trait::async_trait;

/// The kind of queue that is a topic, or a subscription, of Pub/Sub.
pub struct PubsubBackend;

#[async_trait]
impl Backend for PubsubBackend {
    fn key(&self, url: &Location, options: &Options) -> Result<Key> {
        identity::key(url, options)
    }

    async fn identity(&self, url: &Location, side: Side, options: &Options) -> Result<Identity> {
        identity::identity(url, side, options)
    }

    async fn leads_back(
        &self,
        from: &Location,
        into: &Location,
        options: &Options,
    ) -> Result<bool> {
        identity::leads_back(from, into, options).await
    }

    fn describe(&self, url: &Location, side: Side, _options: &Options) -> Option<String> {
        let path = url.path().ok()?;
        let (project, name) = path.strip_prefix("//")?.split_once('/')?;
        let thing = match side {
            Side::Into => "topic",
            Side::From => "subscription",
        };
        Some(format!("pubsub {thing} {name} of {project}"))
    }

    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        open_publisher(url, options).await
    }

    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
        open_subscriber(url, options).await
    }

    async fn inspector(&self, url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
        inspector::open(url, options).await
    }

    async fn create(&self, url: Location, options: &Options) -> Result<bool> {
        upkeep::create(url, options).await
    }

    async fn delete(&self, url: Location, options: &Options, yes: bool) -> Result<Deletion> {
        upkeep::delete(url, options, yes).await
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
