//! A database as the list of sources knows it.

use super::options::{OURS, SqlOptions};
use super::{open, setup};
use crate::clients::sql;
use crate::error::Result;
use crate::identity::Identity;
use crate::location::Location;
use crate::preflight::Finding;
use crate::sources::{Backend, Options, Source};
use async_trait::async_trait;

/// The kind of source that is a query to a database.
pub struct SqlBackend;

#[async_trait]
impl Backend for SqlBackend {
    fn parameters(&self) -> Vec<&'static str> {
        [OURS, sql::PARAMETERS].concat()
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        open(url, options)
    }

    /// The query, and the database that it is for.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        let parsed = SqlOptions::of(url.clone(), &options.environment)?;
        Ok(parsed.client.identity()?.of_kind(&format!("sql {} of", parsed.name)))
    }

    /// Has the database compile the query; no row of it is read.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        setup(url, options)?.asker.preflight().await
    }

    fn follows_the_clock(&self, _url: &Location) -> bool {
        true
    }
}
