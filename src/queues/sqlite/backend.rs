//! The embedded queue, as the list of queues knows it.

use super::options::{PARAMETERS, SqliteOptions};
use super::{admin, create, inspector, named, preflight, publisher, subscriber, tasks};
use crate::error::Result;
use crate::identity::{FileIdentity, Identity, Key};
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::{
    Backend, Deletion, Inspect, NamedQueue, Options, Publisher, Servable, Side, Subscriber,
    TaskQueues,
};
use crate::text;
use async_trait::async_trait;
use std::sync::Arc;

/// The kind of queue that is in a file of ours.
pub struct SqliteBackend;

#[async_trait]
impl Backend for SqliteBackend {
    fn parameters(&self, _side: Side) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    fn has_path(&self) -> bool {
        true
    }

    fn key(&self, url: &Location, options: &Options) -> Result<Key> {
        SqliteOptions::of(url.clone(), options)?.key()
    }

    async fn identity(&self, url: &Location, _side: Side, options: &Options) -> Result<Identity> {
        SqliteOptions::of(url.clone(), options)?.identity()
    }

    fn file(&self, url: &Location, options: &Options) -> Result<Option<FileIdentity>> {
        SqliteOptions::of(url.clone(), options)?.file().map(Some)
    }

    fn describe(&self, url: &Location, _side: Side, options: &Options) -> Option<String> {
        let SqliteOptions { path, name, .. } = SqliteOptions::of(url.clone(), options).ok()?;
        Some(format!("sqlite {} queue {name}", text::of_name(&path)))
    }

    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        publisher::open_publisher(url, options).await
    }

    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
        subscriber::open_subscriber(url, options).await
    }

    async fn inspector(&self, url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
        inspector::open(url, options).await
    }

    async fn named(&self, url: &Location, options: &Options) -> Result<Vec<NamedQueue>> {
        named::all(url, options).await
    }

    async fn served(&self, url: Location, options: &Options) -> Result<Servable> {
        self.tasks(url, options).await.map(Servable::Tasks)
    }

    async fn tasks(&self, url: Location, options: &Options) -> Result<Arc<dyn TaskQueues>> {
        tasks::open(url, options).await
    }

    async fn create(&self, url: Location, options: &Options) -> Result<bool> {
        create::create(&SqliteOptions::of(url, options)?).await
    }

    /// Refused as unreachable while any program has the file open: nobody's message goes to where
    /// nobody looks.
    async fn delete(&self, url: Location, options: &Options, yes: bool) -> Result<Deletion> {
        admin::delete(url, options, yes).await
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
