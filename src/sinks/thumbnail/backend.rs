//! Thumbnails in an object store, as the list of sinks knows them.

use super::options::{PARAMETERS, ThumbnailOptions};
use super::{Thumbnails, Workshop};
use crate::clients::object_store::Store;
use crate::error::Result;
use crate::identity::{self, Identity};
use crate::location::Location;
use crate::sinks::{Backend, Defaults, Options, Sink};
use async_trait::async_trait;

/// The kind of sink that puts a small picture beside each picture of an object store.
pub struct ThumbnailBackend;

#[async_trait]
impl Backend for ThumbnailBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    fn has_path(&self) -> bool {
        true
    }

    /// The store is not asked for anything yet.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        let settings = ThumbnailOptions::read(url)?;
        let store = Store::open(&settings.store, &options.environment).await?;
        Ok(Box::new(Thumbnails {
            workshop: Workshop::new(settings.max_bytes),
            store: store.with_patience(options.write_timeout),
            settings,
            limit: options.write_timeout,
        }))
    }

    /// The store, and what stands before the keys.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        let ThumbnailOptions { store, prefix, .. } = ThumbnailOptions::read(url.clone())?;
        let store = identity::of_store(&store, &options.environment)?;
        Ok(store.of_kind(&format!("thumbnails {prefix} in")))
    }

    /// Each picture takes the sink some work.
    fn defaults(&self) -> Defaults {
        Defaults { batch: 10, ..Defaults::default() }
    }
}
