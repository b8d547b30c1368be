//! Queues of jobs in Redis, as the list of queues knows them.

use super::client::Redis;
use super::options::RedisOptions;
use super::publisher::RedisPublisher;
use crate::error::{Error, Kind, Result};
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::queues::{Backend, Options, Publisher, Side, Subscriber};
use async_trait::async_trait;

/// The kind of queue that is jobs of gocraft/work in Redis.
pub struct RedisBackend;

#[async_trait]
impl Backend for RedisBackend {
    fn key(&self, url: &Location, _options: &Options) -> Result<Key> {
        Ok(Key::new(whole(&RedisOptions::of(url.clone())?)))
    }

    async fn identity(&self, url: &Location, _side: Side, _options: &Options) -> Result<Identity> {
        Ok(Identity::named(whole(&RedisOptions::of(url.clone())?)))
    }

    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        let parsed = RedisOptions::of(url)?;
        let redis = Redis::connect(&parsed.name, &options.environment).await?;
        Ok(Box::new(RedisPublisher::new(redis, parsed, options)?))
    }

    async fn subscriber(&self, url: Location, _options: &Options) -> Result<Box<dyn Subscriber>> {
        Err(Error::new(Kind::Configuration, format!("cannot receive from `{url}`"))
            .because_of("this version publishes to Redis only"))
    }
}

/// Server, namespace and jobs.
fn whole(options: &RedisOptions) -> String {
    let mut jobs = options.jobs.clone();
    jobs.sort();
    format!("{} {} {}", options.name.server, options.keys().prefix(), jobs.join(","))
}
