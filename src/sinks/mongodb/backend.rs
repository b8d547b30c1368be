//! MongoDB, as the list of sinks knows it.

use super::options::PARAMETERS;
use super::{MongoDb, MongoDbOptions, preflight};
use crate::error::Result;
use crate::identity::{self, Identity};
use crate::location::Location;
use crate::preflight::Finding;
use crate::sinks::{Backend, Options, Sink, freshness::Freshness, prune::Prune};
use async_trait::async_trait;

/// The port of a MongoDB that names none.
const MONGODB_PORT: &str = ":27017";

/// The kind of sink that is a collection of a MongoDB.
pub struct MongoDbBackend;

#[async_trait]
impl Backend for MongoDbBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    /// Opens the sink. The server is not asked for anything yet; for `mongodb+srv:` the name server
    /// is.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        let settings = MongoDbOptions::read(url, options).await?;
        Ok(Box::new(MongoDb::new(settings, options.write_timeout)?))
    }

    fn identity(&self, url: &Location, _options: &Options) -> Result<Identity> {
        Ok(collection(url))
    }

    fn describe(&self, url: &Location, _options: &Options) -> Option<String> {
        let (_, database) = url.rest().strip_prefix("//")?.split_once('/')?;
        let collection = url.get("collection").unwrap_or("messages");
        (!database.contains('@')).then(|| format!("mongodb {database}.{collection}"))
    }

    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        preflight::preflight(url, options).await
    }

    fn prune(&self) -> Option<&dyn Prune> {
        Some(self)
    }

    fn freshness(&self) -> Option<&dyn Freshness> {
        Some(self)
    }
}

/// Names a collection: its hosts, in one order and with their ports, its database and its name.
fn collection(url: &Location) -> Identity {
    let rest = url.rest().trim_start_matches('/');
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts = hosts.to_ascii_lowercase();
    let mut hosts: Vec<_> = hosts.split(',').map(|host| whole(host, url.scheme())).collect();
    hosts.sort();
    let collection = url.get("collection").unwrap_or("messages");
    Identity::named(format!("{} {}/{database}.{collection}", url.scheme(), hosts.join(",")))
}

fn whole(host: &str, scheme: &str) -> String {
    let named = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    let port = if named || scheme != "mongodb" { "" } else { MONGODB_PORT };
    identity::endpoint(&format!("{host}{port}"))
}
