//! Enqueues jobs.

use super::client::{ANSWER, Redis};
use super::codec::Codec;
use super::error::{ErrorClass, ServiceError};
use super::known_jobs::KnownJobs;
use super::name::Name;
use super::options::RedisOptions;
use super::parts::{Part, Placed, parts};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::queues::{Options, Published, Publisher};
use async_trait::async_trait;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use redis::{FromRedisValue as _, Pipeline, Value};
use std::time::Duration;
use tokio::time::Instant;

/// The backoff between two tries of what the server could not take.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(1))
    .with_jitter()
    .without_max_times();

/// Jobs of one namespace, opened for publishing.
pub(super) struct RedisPublisher {
    redis: Redis,
    name: Name,
    codec: Codec,
    known: KnownJobs,
    /// How many replicas must have what is published.
    replicas: Option<u32>,
    timeout: Duration,
    clock: Clock,
}

/// What became of the jobs of some messages, by the positions of these in the batch.
type Sent = Vec<(usize, Result<Published, ServiceError>)>;

/// What became of one command's jobs.
type Answer = Result<Vec<Published>, ServiceError>;

impl RedisPublisher {
    /// Nothing is sent yet.
    pub(super) fn new(redis: Redis, parsed: RedisOptions, options: &Options) -> Self {
        Self {
            redis,
            codec: Codec::new(&parsed, options.passes_on),
            known: KnownJobs::default(),
            name: parsed.name,
            replicas: parsed.replicas,
            timeout: options.publish_timeout,
            clock: options.clock.clone(),
        }
    }

    /// Sends all until each is accepted, refused, or out of time.
    async fn send(&self, jobs: &[Placed]) -> Sent {
        let deadline = Instant::now() + self.timeout;
        let (mut open, mut sent) = (parts(jobs, &self.codec.keys), Vec::new());
        let mut backoff = BACKOFF.build();
        loop {
            let answers = self.send_once(jobs, &open, deadline).await;
            let delay = backoff.next().expect("this backoff has no end");
            let again = Instant::now() + delay < deadline;
            let mut left = Vec::new();
            for (part, answer) in open.into_iter().zip(answers) {
                match answer {
                    Err(error) if again && error.may_pass() => left.push(part),
                    answer => sent.extend(of_each(part, answer)),
                }
            }
            if left.is_empty() {
                return sent;
            }
            open = left;
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends commands once. An error may leave open whether a command was carried out: sent again,
    /// its jobs have the same bytes.
    async fn send_once(&self, jobs: &[Placed], open: &[Part], deadline: Instant) -> Vec<Answer> {
        let all = async {
            self.known.tell(&self.redis, &self.codec.keys, jobs).await?;
            self.post(open, deadline).await
        };
        let answers = tokio::time::timeout_at(deadline, all).await;
        match answers.unwrap_or_else(|_| Err(ServiceError::silence())) {
            Ok(answers) => answers,
            Err(error) => open.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn post(&self, open: &[Part], deadline: Instant) -> Result<Vec<Answer>, ServiceError> {
        let mut pipeline = redis::pipe();
        open.iter().for_each(|part| {
            pipeline.add_command(part.cmd.clone());
        });
        if self.replicas.is_some() {
            add_wait(&mut pipeline, self.replicas, deadline);
        }
        let mut values = self.redis.each(&pipeline).await?;
        fail::fail_point!("redis-published");
        let copies = self.replicas.map(|wanted| (wanted, values.pop()));
        let answers = open.iter().zip(values).map(|(part, value)| part.read(value?)).collect();
        Ok(match copies {
            Some((wanted, copies)) => with_copies(answers, wanted, copies),
            None => answers,
        })
    }
}

/// Asks to wait until so many replicas have what went before, and for less time than is left.
fn add_wait(pipeline: &mut Pipeline, replicas: Option<u32>, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now()).min(ANSWER);
    // No time at all would be for ever.
    let millis = (left * 3 / 4).as_millis().max(1);
    let millis = u64::try_from(millis).unwrap_or(1);
    pipeline.cmd("WAIT").arg(replicas.unwrap_or_default()).arg(millis);
}

/// What too few replicas have does not count as published; it is not sent again at once, as that
/// would bring it twice.
fn with_copies(
    answers: Vec<Answer>,
    wanted: u32,
    copies: Option<Result<Value, ServiceError>>,
) -> Vec<Answer> {
    let short = match copies.map(|value| value.map(u32::from_redis_value)) {
        Some(Ok(Ok(copies))) if copies >= wanted => return answers,
        Some(Ok(Ok(copies))) => {
            let words = format!("only {copies} of {wanted} replicas have it");
            ServiceError::new(ErrorClass::Busy, &words)
        }
        Some(Err(error)) => error,
        _ => ServiceError::new(ErrorClass::Misconfigured, "`WAIT` gave no number"),
    };
    let fallen_short = |published: Vec<Published>| {
        published.iter().map(|_| Published::Retry(short.reason.clone())).collect()
    };
    answers.into_iter().map(|answer| answer.map(fallen_short)).collect()
}

/// The answer for each message of a command.
fn of_each(part: Part, answer: Answer) -> Sent {
    match answer {
        Ok(published) => part.positions.into_iter().zip(published.into_iter().map(Ok)).collect(),
        Err(error) => part.positions.into_iter().map(|at| (at, Err(error.clone()))).collect(),
    }
}

/// Refuses what a URL says for receiving only, and what names no single job.
///
/// # Errors
/// `Usage`.
pub(super) fn refuse_others(parsed: &RedisOptions) -> Result<()> {
    let wrong = |what: String, hint: &str| Err(Error::new(Kind::Usage, what).hint(hint));
    let receives = [
        ("priority", !parsed.priorities.is_empty()),
        ("max-concurrency", parsed.max_concurrency.is_some()),
        ("periodic", !parsed.periodic.is_empty()),
    ];
    if let Some((name, _)) = receives.into_iter().find(|(_, given)| *given) {
        return wrong(format!("`{name}` is for `subscribe`"), "leave it out of the URL");
    }
    if parsed.jobs.len() > 1 {
        let what = format!("`job={}` names several jobs to publish", parsed.jobs.join(","));
        return wrong(what, "name one; or none, and each message's tag names its own");
    }
    Ok(())
}

/// The error that is the whole queue's: where nothing came through, the first one.
fn whole_queue(sent: &Sent) -> Option<&ServiceError> {
    let nothing = sent.iter().all(|(_, sent)| sent.is_err());
    let error = sent.iter().find_map(|(_, sent)| sent.as_ref().err());
    error.filter(|error| nothing && error.class != ErrorClass::Busy)
}

#[async_trait]
impl Publisher for RedisPublisher {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let now = self.clock.now();
        let mut answers: Vec<Option<Published>> = vec![None; batch.len()];
        let mut jobs = Vec::with_capacity(batch.len());
        for (at, message) in batch.iter().enumerate() {
            match self.codec.pack(message, now) {
                Ok(job) => jobs.push((at, job)),
                Err(why) => answers[at] = Some(Published::Refused(why)),
            }
        }
        let sent = if jobs.is_empty() { Vec::new() } else { self.send(&jobs).await };
        if let Some(error) = whole_queue(&sent) {
            return Err(error.to_error("cannot publish to", &self.name));
        }
        for (at, sent) in sent {
            answers[at] = Some(sent.unwrap_or_else(|error| Published::Retry(error.reason)));
        }
        Ok(answers.into_iter().map(|it| it.expect("each was refused or sent")).collect())
    }

    async fn ping(&self) -> Result<()> {
        let answer = self.redis.query(&redis::cmd("PING")).await;
        answer.map_err(|error| error.to_error("cannot reach", &self.name))
    }

    /// There is nothing to send: `publish` has waited for every answer.
    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    fn failed(class: ErrorClass) -> Result<Published, ServiceError> {
        Err(ServiceError::new(class, "so it is"))
    }

    #[test]
    fn what_is_for_receiving_is_refused() {
        let refused = |query: &str| {
            let url = Location::parse(&format!("redis://h?{query}")).unwrap();
            refuse_others(&RedisOptions::of(url).unwrap()).is_err_and(|it| it.kind() == Kind::Usage)
        };
        for query in ["job=a,b", "priority=a:1", "max-concurrency=0", "periodic=a:@daily"] {
            assert!(refused(query), "{query}");
        }
        assert!(!refused("job=a&unique&delay=1s&wait=1") && !refused("namespace=n"));
    }

    #[test]
    fn an_error_is_the_queues_only_where_nothing_came_through() {
        let is_whole = |sent: Vec<Result<Published, ServiceError>>| {
            whole_queue(&sent.into_iter().enumerate().collect()).is_some()
        };
        assert!(is_whole(vec![failed(ErrorClass::Unreachable), failed(ErrorClass::Busy)]));
        assert!(is_whole(vec![failed(ErrorClass::Misconfigured)]));
        assert!(!is_whole(vec![failed(ErrorClass::Misconfigured), Ok(Published::Accepted)]));
        assert!(!is_whole(vec![failed(ErrorClass::Busy)]), "each message has its own answer");
        assert!(!is_whole(Vec::new()));
    }

    #[test]
    fn what_too_few_replicas_have_is_not_published() {
        let answers = || vec![Ok(vec![Published::Accepted, Published::Duplicate])];
        let copies = |copies| with_copies(answers(), 2, Some(Ok(Value::Int(copies)))).remove(0);
        assert_eq!(copies(2).unwrap(), [Published::Accepted, Published::Duplicate]);
        let short = Published::Retry("only 1 of 2 replicas have it".to_owned());
        assert_eq!(copies(1).unwrap(), [short.clone(), short]);
    }
}
