//! Enqueues jobs.

use super::client::Redis;
use super::error::ServiceError;
use super::job::NewJob;
use super::keys::Keys;
use super::name::Name;
use super::options::RedisOptions;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::message::Message;
use crate::queues::{Options, Published, Publisher};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::time::Duration;

/// Jobs of one namespace, opened for publishing.
pub(super) struct RedisPublisher {
    redis: Redis,
    name: Name,
    keys: Keys,
    /// The name of a job whose message has no tag.
    job: Option<String>,
    delay: Duration,
    clock: Clock,
}

impl RedisPublisher {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// `Configuration` where the URL asks for what cannot be done.
    pub(super) fn new(redis: Redis, parsed: RedisOptions, options: &Options) -> Result<Self> {
        let unable = |what: &str| {
            Err(Error::new(Kind::Configuration, format!("cannot publish with `{what}`"))
                .because_of("this version does not know how"))
        };
        if parsed.unique.is_some() {
            return unable("unique");
        }
        if parsed.replicas.is_some() {
            return unable("wait");
        }
        let keys = parsed.keys();
        let RedisOptions { name, jobs, delay, .. } = parsed;
        let job = jobs.into_iter().next();
        let (delay, clock) = (delay.unwrap_or_default(), options.clock.clone());
        Ok(Self { redis, name, keys, job, delay, clock })
    }

    /// When the job of a message is due, in unix seconds; `None`: at once.
    fn due(&self, message: &Message, now: DateTime<Utc>) -> Option<i64> {
        let due = message.not_before.unwrap_or(now + self.delay);
        (due > now).then(|| (due + Duration::from_nanos(999_999_999)).timestamp())
    }

    /// Sends what is of one place; the answer is of all of it.
    async fn send(&self, jobs: &Jobs) -> Result<(), ServiceError> {
        let mut pipeline = redis::pipe();
        let mut known = redis::cmd("SADD");
        known
            .arg(self.keys.known_jobs())
            .arg(jobs.ready.keys().chain(jobs.scheduled.keys()).collect::<Vec<_>>());
        pipeline.add_command(known).ignore();
        for (name, bodies) in &jobs.ready {
            pipeline.cmd("LPUSH").arg(self.keys.ready(name)).arg(bodies).ignore();
        }
        let scheduled: Vec<_> = jobs.scheduled.values().flatten().collect();
        if !scheduled.is_empty() {
            let zadd = pipeline.cmd("ZADD").arg(self.keys.scheduled());
            for (due, body) in scheduled {
                zadd.arg(due).arg(body);
            }
            zadd.ignore();
        }
        self.redis.pipeline(&pipeline).await
    }
}

/// What one call enqueues, by the names of the jobs.
#[derive(Default)]
struct Jobs {
    ready: BTreeMap<String, Vec<Vec<u8>>>,
    scheduled: BTreeMap<String, Vec<(i64, Vec<u8>)>>,
}

#[async_trait]
impl Publisher for RedisPublisher {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let now = self.clock.now();
        let mut jobs = Jobs::default();
        let mut answers = Vec::with_capacity(batch.len());
        for message in batch {
            let due = self.due(message, now);
            answers.push(match body(message, self.job.as_deref(), now) {
                Err(why) => Published::Refused(why),
                Ok((name, body)) => {
                    match due {
                        None => jobs.ready.entry(name).or_default().push(body),
                        Some(due) => jobs.scheduled.entry(name).or_default().push((due, body)),
                    }
                    Published::Accepted
                }
            });
        }
        if answers.contains(&Published::Accepted) {
            self.send(&jobs)
                .await
                .map_err(|error| error.to_error("cannot publish to", &self.name))?;
        }
        Ok(answers)
    }

    async fn ping(&self) -> Result<()> {
        let answer = self.redis.query(&redis::cmd("PING")).await;
        answer.map_err(|error| error.to_error("cannot reach", &self.name))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The name and the bytes of a message's job, or why it cannot be one.
fn body(
    message: &Message,
    job: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(String, Vec<u8>), String> {
    let name = message.tag.as_deref().or(job).ok_or("it has no tag, and the URL names no job")?;
    let args =
        json::validate(&message.body, json::SHOWN_DEPTH).map_err(|fault| fault.to_string())?;
    if !args.get().starts_with('{') && args.get() != "null" {
        return Err("the arguments of a job are a JSON object or null".to_owned());
    }
    let (t, args) = (now.timestamp(), args.get());
    let job = NewJob { name, id: &message.id, t, args, unique_key: None };
    Ok((name.to_owned(), job.bytes()))
}
