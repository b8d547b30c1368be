//! Queues of jobs in Redis, as the list of queues knows them.

use super::client::Redis;
use super::inspector::Inspector;
use super::options::{PARAMETERS, RedisOptions};
use super::publisher::{RedisPublisher, refuse_others};
use super::shared::Shared;
use super::subscriber::RedisSubscriber;
use super::worked::Worked;
use super::{identity, preflight};
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::message::IdForm;
use crate::preflight::Finding;
use crate::queues::{
    Backend, Deletion, Inspect, Jobs, NamedQueue, Options, Publisher, Servable, Side, Subscriber,
};
use async_trait::async_trait;
use std::sync::Arc;

/// The kind of queue that is jobs of gocraft/work in Redis.
pub struct RedisBackend;

#[async_trait]
impl Backend for RedisBackend {
    fn parameters(&self, _side: Side) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    fn id_form(&self) -> IdForm {
        IdForm::Hex24
    }

    fn key(&self, url: &Location, _options: &Options) -> Result<Key> {
        Ok(identity::key(&RedisOptions::of(url.clone())?))
    }

    async fn identity(&self, url: &Location, _side: Side, options: &Options) -> Result<Identity> {
        identity::identity(&RedisOptions::of(url.clone())?, &options.environment).await
    }

    /// A message that is passed on keeps its tag where `into` names no job.
    async fn leads_back(
        &self,
        from: &Location,
        into: &Location,
        options: &Options,
    ) -> Result<bool> {
        let (from, into) = (RedisOptions::of(from.clone())?, RedisOptions::of(into.clone())?);
        let shares = match into.jobs.first() {
            None => true,
            Some(job) => from.jobs.is_empty() || from.jobs.contains(job),
        };
        Ok(shares && identity::shares_keys(&from, &into, &options.environment).await?)
    }

    fn describe(&self, url: &Location, _side: Side, _options: &Options) -> Option<String> {
        let parsed = RedisOptions::of(url.clone()).ok()?;
        let jobs = match &parsed.jobs[..] {
            [] => String::new(),
            jobs => format!(" jobs {}", jobs.join(",")),
        };
        let server = parsed.name.server.to_string();
        Some(format!(
            "{} namespace {}{jobs}",
            server.replacen("://", " ", 1),
            parsed.name.namespace
        ))
    }

    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        let parsed = RedisOptions::of(url)?;
        refuse_others(&parsed)?;
        let redis = Redis::connect(&parsed.name, &options.environment).await?;
        Ok(Box::new(RedisPublisher::new(redis, parsed, options)))
    }

    /// Nothing is received, and nobody is told that we live, before the first `receive`.
    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
        let parsed = RedisOptions::of(url)?;
        let worked = Worked::of(&parsed, options)?;
        let redis = Redis::connect(&parsed.name, &options.environment).await?;
        let periodic = worked.periodic.clone();
        let shared = Shared::new(redis, parsed.name, worked, options);
        Ok(Box::new(RedisSubscriber::new(shared, periodic, &options.checkins)))
    }

    async fn preflight(
        &self,
        url: Location,
        side: Side,
        options: &Options,
    ) -> Result<Vec<Finding>> {
        let parsed = RedisOptions::of(url)?;
        if side == Side::Into {
            refuse_others(&parsed)?;
        }
        preflight::look(&parsed, side, &options.environment).await
    }

    async fn inspector(&self, url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
        Ok(Box::new(Inspector::open(url, options).await?))
    }

    /// There is nothing to make: a namespace is there as soon as it has jobs.
    async fn create(&self, url: Location, options: &Options) -> Result<bool> {
        Inspector::open(url, options).await?.known().await.map(|_| false)
    }

    async fn delete(&self, url: Location, _options: &Options, _yes: bool) -> Result<Deletion> {
        let shown = url.to_string();
        let purge = hint::command(["queue", "purge", &shown]);
        let dead = hint::command(["queue", "dead", "drop", &shown, "--all"]);
        Err(Error::new(Kind::Configuration, format!("cannot delete `{url}`"))
            .because_of("a namespace is there as long as anybody has jobs or a pool in it")
            .hint(format!("{purge} removes its jobs, and {dead} the dead ones")))
    }

    async fn named(&self, url: &Location, _options: &Options) -> Result<Vec<NamedQueue>> {
        let name = RedisOptions::of(url.clone())?.name.namespace.clone();
        let name = if name.is_empty() { "jobs".to_owned() } else { name };
        Ok(vec![NamedQueue { name, url: url.clone(), has_jobs: true }])
    }

    async fn jobs(&self, url: Location, options: &Options) -> Result<Option<Arc<dyn Jobs>>> {
        Ok(Some(Arc::new(Inspector::open(url, options).await?)))
    }

    async fn served(&self, url: Location, options: &Options) -> Result<Servable> {
        let namespace = Inspector::open(url, options).await?;
        if !namespace.jobs.is_empty() {
            return Err(Error::new(Kind::Usage, "cannot serve single jobs")
                .because_of("what is served is a namespace with all its jobs")
                .hint("leave `job` out of the URL"));
        }
        Ok(Servable::Jobs(Arc::new(namespace)))
    }
}
