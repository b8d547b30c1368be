//! Looks into the jobs of a namespace, and mends them.

use super::client::Redis;
use super::error::ServiceError;
use super::keys::Keys;
use super::name::Name;
use super::options::RedisOptions;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::queues::{
    DeadLetterStore, Inspect, Options, Pausing, Peek, Purge, ScheduledMessages, Stats,
};
use async_trait::async_trait;
use redis::{Cmd, FromRedisValue, Pipeline};

/// The inside of a namespace, or of some jobs in it.
pub(super) struct Inspector {
    pub(super) redis: Redis,
    pub(super) name: Name,
    pub(super) keys: Keys,
    /// The names of the jobs that are meant; none: all.
    pub(super) jobs: Vec<String>,
    /// The entries of the clock that are meant: the names of their jobs, and their times.
    pub(super) periodic: Vec<(String, String)>,
    pub(super) clock: Clock,
}

impl Inspector {
    /// Connects, and asks for nothing yet.
    pub(super) async fn open(url: Location, options: &Options) -> Result<Self> {
        let parsed = RedisOptions::of(url)?;
        let redis = Redis::connect(&parsed.name, &options.environment).await?;
        let (keys, clock) = (parsed.keys(), options.clock.clone());
        let RedisOptions { name, mut jobs, periodic, .. } = parsed;
        jobs.sort();
        jobs.dedup();
        Ok(Self { redis, name, keys, jobs, periodic, clock })
    }

    /// The names of the jobs that are meant, sorted: all that were ever known, where none is named.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        if !self.jobs.is_empty() {
            return Ok(self.jobs.clone());
        }
        let mut names = self.known().await?;
        names.sort();
        Ok(names)
    }

    /// The names of all jobs that were ever enqueued or worked on.
    pub(super) async fn known(&self) -> Result<Vec<String>> {
        self.query(redis::cmd("SMEMBERS").arg(self.keys.known_jobs())).await
    }

    /// Sends a command.
    pub(super) async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T> {
        self.redis.query(cmd).await.map_err(|error| self.failed(&error))
    }

    /// Sends commands in one go.
    pub(super) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T> {
        self.redis.pipeline(pipeline).await.map_err(|error| self.failed(&error))
    }

    /// The error of a look, or of what was to be changed.
    pub(super) fn failed(&self, error: &ServiceError) -> Error {
        error.to_error("cannot work on", &self.name)
    }

    /// The present unix second.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }
}

#[async_trait]
impl Inspect for Inspector {
    async fn stats(&self) -> Result<Stats> {
        self.survey().await
    }

    fn peek(&self) -> Option<&dyn Peek> {
        Some(self)
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }

    fn scheduled(&self) -> Option<&dyn ScheduledMessages> {
        Some(self)
    }

    fn purge(&self) -> Option<&dyn Purge> {
        Some(self)
    }

    fn pausing(&self) -> Option<&dyn Pausing> {
        Some(self)
    }
}
