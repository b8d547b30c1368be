//! Amazon SQS, as the list of queues knows it.

use super::{identity, inspector, open_publisher, open_subscriber, preflight, upkeep};
use crate::error::Result;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::{Backend, Deletion, Inspect, Options, Publisher, Side, Subscriber};
use async_trait::async_trait;

/// The kind of queue that is one of Amazon SQS.
pub struct SqsBackend;

#[async_trait]
impl Backend for SqsBackend {
    fn key(&self, url: &Location, options: &Options) -> Result<Key> {
        identity::key(url, options)
    }

    async fn identity(&self, url: &Location, _side: Side, options: &Options) -> Result<Identity> {
        identity::identity(url, options).await
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
