//! Amazon SQS, as the list of queues knows it.

use super::inspector::Inspector;
use super::limits::validate_lease;
use super::options::{PARAMETERS, SqsOptions};
use super::publisher::SqsPublisher;
use super::subscriber::{Reception, SqsSubscriber};
use super::{identity, preflight};
use crate::error::Result;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::{Backend, Deletion, Inspect, Options, Publisher, Side, Subscriber};
use async_trait::async_trait;
use std::sync::Arc;

/// The kind of queue that is one of Amazon SQS.
pub struct SqsBackend;

#[async_trait]
impl Backend for SqsBackend {
    fn parameters(&self, _side: Side) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    fn key(&self, url: &Location, options: &Options) -> Result<Key> {
        identity::key(&SqsOptions::of(url.clone())?, &options.environment)
    }

    async fn identity(&self, url: &Location, _side: Side, options: &Options) -> Result<Identity> {
        identity::identity(SqsOptions::of(url.clone())?.name, &options.environment).await
    }

    /// Nothing is sent yet, unless the queue has to be made.
    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        let parsed = SqsOptions::of(url)?;
        let queue = parsed.open(options).await?;
        Ok(Box::new(SqsPublisher::new(Arc::new(queue), parsed.codec(), options)))
    }

    /// The service is asked how the queue is set up. Nothing is received before the first `receive`.
    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
        let parsed = SqsOptions::of(url)?;
        validate_lease(options.lease)?;
        let queue = parsed.open(options).await?;
        let setup = queue.look_if_allowed().await;
        let setup = setup.map_err(|error| error.to_error("cannot open", &queue.name))?;
        let reception = Reception {
            receivers: parsed.receivers,
            dead: Some(queue.dead_letters(setup.as_ref())?),
            max_deliveries: setup.and_then(|setup| setup.redrive()).map(|policy| policy.limit),
            telling: false,
        };
        let subscriber = SqsSubscriber::new(Arc::new(queue), parsed.codec(), reception, options);
        Ok(Box::new(subscriber))
    }

    async fn inspector(&self, url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
        Ok(Box::new(Inspector::open(url, options).await?))
    }

    async fn create(&self, url: Location, options: &Options) -> Result<bool> {
        SqsOptions::of(url)?.queue(options).await?.create().await
    }

    async fn delete(&self, url: Location, options: &Options, yes: bool) -> Result<Deletion> {
        SqsOptions::of(url)?.queue(options).await?.delete(yes).await
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
