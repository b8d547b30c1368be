//! Takes jobs, many by one script.

use super::delivery;
use super::error::{ErrorClass, ServiceError};
use super::in_flight::Lease;
use super::job::{Job, Poison};
use super::keys::Keys;
use super::options::Unique;
use super::orders::{Fate, Order, failed};
use super::scripts;
use super::shared::Shared;
use super::unique::UniqueKey;
use crate::message::Receipt;
use bytes::Bytes;
use foldhash::HashMap;
use redis::Value;

/// At most so many are taken by one script: while it runs, the server answers nobody else.
const MOST: usize = 1000;

/// What a fetch found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Jobs, which wait to be handed out.
    Some,
    /// No job that may be taken now.
    None,
    /// Our heartbeat is not there: nothing is taken before it is.
    NoHeartbeat,
}

/// What the script took.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    /// Whether some jobs are counted because their pools died.
    reaped: bool,
    /// Each with the number of its list, the oldest of a list first.
    jobs: Vec<(usize, Bytes)>,
}

impl Shared {
    /// Takes up to so many jobs and bytes.
    pub(super) async fn fetch(&self, count: usize, bytes: usize) -> Result<Found, ServiceError> {
        let free = self.at_once.saturating_sub(self.in_flight().count());
        let mut script = scripts::FETCH.prepare_invoke();
        script.key(self.keys.worker_pools()).key(self.keys.reaped());
        script.arg(&self.pool.id).arg(count.min(MOST)).arg(free).arg(bytes);
        script.arg(fastrand::u32(..));
        for (list, job) in self.jobs.iter().enumerate() {
            let (keys, name) = (&self.keys, &job.name);
            script.key(keys.ready(name)).key(self.in_progress(list)).key(keys.paused(name));
            script.key(keys.lock(name)).key(keys.lock_info(name)).key(keys.max_concurrency(name));
            script.arg(job.priority);
        }
        match taken(self.redis.invoke(&script).await?) {
            None => Err(ServiceError::new(ErrorClass::Misconfigured, "it gave no list of jobs")),
            Some(None) => Ok(Found::NoHeartbeat),
            Some(Some(Taken { jobs, .. })) if jobs.is_empty() => Ok(Found::None),
            Some(Some(taken)) => self.keep(taken).await.map(|()| Found::Some),
        }
    }

    /// Keeps what was taken until it is handed out. What cannot be read, or is not for us, goes where
    /// it belongs.
    async fn keep(&self, Taken { reaped, jobs }: Taken) -> Result<(), ServiceError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let counts = if reaped { self.reaped(&jobs).await } else { Vec::new() };
        let mut odd = Vec::new();
        for (at, (list, bytes)) in jobs.into_iter().enumerate() {
            let reaped = counts.get(at).is_some_and(|count| *count > 0);
            odd.extend(self.take_in(list, bytes, reaped));
        }
        if odd.is_empty() {
            return Ok(());
        }
        self.in_flight().unreadable += odd.len();
        self.carry_out(odd).await.map(drop)
    }

    /// Keeps one job; gives what shall become of it where it is none of ours.
    fn take_in(&self, list: usize, bytes: Bytes, reaped: bool) -> Option<Order> {
        let from = &self.jobs[list].name;
        let job = match Job::parse(&bytes) {
            Ok(job) => job,
            Err(Poison(why)) => {
                tracing::warn!("what is no job is moved aside from the list of `{from}`: {why}");
                return Some(Order { list, bytes, fate: Fate::Poison });
            }
        };
        if self.jobs.iter().all(|worked| worked.name != job.name) {
            tracing::warn!(id = job.id, "a job of another name in the list of `{from}` is dead");
            return Some(self.stray(list, &bytes));
        }
        let mut lease = Lease::new(list, bytes.clone());
        lease.reaped = reaped;
        lease.unique_key = unique_key(&self.keys, &job);
        let mut taken = delivery::of(&job, &bytes, Receipt("".into()));
        taken.lost = u32::from(reaped);
        self.in_flight().arrive(lease, taken);
        None
    }

    /// A job whose name nobody here works on is dead, as it is for the original.
    fn stray(&self, list: usize, bytes: &Bytes) -> Order {
        let now = self.now();
        let dead = failed(bytes, "stray job: no handler", now);
        let fate = dead.map_or(Fate::Poison, |dead| Fate::Dead(now, dead));
        Order { list, bytes: bytes.clone(), fate }
    }

    /// How often each was taken from a pool that died in mid-work; none where that is not known.
    async fn reaped(&self, jobs: &[(usize, Bytes)]) -> Vec<u32> {
        let digests: Vec<_> = jobs.iter().map(|(_, bytes)| delivery::digest(bytes)).collect();
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.reaped()).arg(digests);
        let counts: Result<Vec<Option<u32>>, _> = self.redis.query(&command).await;
        counts.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Whether a list of ours holds anything: one command for all of them.
    pub(super) async fn any_ready(&self) -> Result<bool, ServiceError> {
        let lists: Vec<_> = self.jobs.iter().map(|job| self.keys.ready(&job.name)).collect();
        let count: u64 = self.redis.query(redis::cmd("EXISTS").arg(lists)).await?;
        Ok(count > 0)
    }

    /// After a fetch of which nobody knows what it did: takes in what is in progress here and is not
    /// known.
    pub(super) async fn adopt(&self) -> Result<(), ServiceError> {
        let mut ours = HashMap::<(usize, Bytes), usize>::default();
        for (list, bytes) in self.in_flight().bytes() {
            *ours.entry((list, bytes.clone())).or_default() += 1;
        }
        let mut pipeline = redis::pipe();
        for list in 0..self.jobs.len() {
            pipeline.cmd("LRANGE").arg(self.in_progress(list)).arg(0).arg(-1);
        }
        let lists: Vec<Vec<Vec<u8>>> = self.redis.pipeline(&pipeline).await?;
        let mut jobs = Vec::new();
        for (list, all) in lists.into_iter().enumerate() {
            for bytes in all.into_iter().rev().map(Bytes::from) {
                match ours.get_mut(&(list, bytes.clone())) {
                    Some(count @ 1..) => *count -= 1,
                    _ => jobs.push((list, bytes)),
                }
            }
        }
        self.keep(Taken { reaped: true, jobs }).await
    }
}

/// The key that is freed when work on a job begins: what the job says, if that is a unique key, else
/// what its arguments say. One that has failed had begun before: its key is not its own any more.
pub(super) fn unique_key(keys: &Keys, job: &Job<'_>) -> Option<String> {
    if !job.unique || job.fails > 0 {
        return None;
    }
    if job.unique_key.starts_with(&keys.unique_prefix()) {
        return Some(job.unique_key.clone());
    }
    let key = UniqueKey::of(&Unique::Args, keys.prefix(), &job.name, job.args);
    key.ok().map(|unique| unique.key)
}

/// What the script gave; `None` within where the pool has no heartbeat, and else where it is no
/// answer.
fn taken(answer: Value) -> Option<Option<Taken>> {
    let lists = match answer {
        Value::Int(0) => return Some(None),
        Value::Array(lists) => lists,
        _ => return None,
    };
    let mut lists = lists.into_iter();
    let reaped = lists.next()? != Value::Int(0);
    let mut jobs = Vec::new();
    for list in lists {
        let Value::Array(list) = list else { return None };
        let mut list = list.into_iter();
        let Value::Int(number @ 1..) = list.next()? else { return None };
        let number = usize::try_from(number - 1).ok()?;
        for job in list {
            let Value::BulkString(bytes) = job else { return None };
            jobs.push((number, bytes.into()));
        }
    }
    Some(Some(Taken { reaped, jobs }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(job: &str) -> Option<String> {
        unique_key(&Keys::of("gv"), &Job::parse(job.as_bytes()).unwrap())
    }

    #[test]
    fn a_unique_key_is_what_the_job_says_or_what_its_arguments_say() {
        let of_args = "gv:unique:a:{\"a\":\"x\\u003c\",\"n\":12345678901234567890}\n";
        let args = r#"{"name":"a","args":{"n":12345678901234567890,"a":"x<"},"unique":true"#;
        assert_eq!(key(&format!("{args}}}")).as_deref(), Some(of_args));
        let told = format!(r#"{args},"unique_key":"gv:unique:a:7"}}"#);
        assert_eq!(key(&told).as_deref(), Some("gv:unique:a:7"));
        let odd = format!(r#"{args},"unique_key":"gv:jobs:a"}}"#);
        assert_eq!(key(&odd).as_deref(), Some(of_args), "no other key is ever freed");
        assert_eq!(key(&format!(r#"{args},"fails":1}}"#)), None);
        assert_eq!(key(r#"{"name":"a","args":{}}"#), None);
        let null = r#"{"name":"a","args":null,"unique":true}"#;
        assert_eq!(key(null).as_deref(), Some("gv:unique:a:"));
    }

    #[test]
    fn the_scripts_answer_is_read() {
        let text = |text: &str| Value::BulkString(text.into());
        let list = |number, jobs: &[&str]| {
            let jobs = jobs.iter().map(|job| text(job));
            Value::Array(std::iter::once(Value::Int(number)).chain(jobs).collect())
        };
        let answer = vec![Value::Int(1), list(2, &["a", "b"]), list(1, &["c"])];
        let taken_jobs = vec![(1, "a".into()), (1, "b".into()), (0, "c".into())];
        let expected = Taken { reaped: true, jobs: taken_jobs };
        assert_eq!(taken(Value::Array(answer)), Some(Some(expected)));
        assert_eq!(taken(Value::Int(0)), Some(None));
        assert_eq!(taken(Value::Nil), None);
        assert_eq!(taken(Value::Array(vec![Value::Int(0), list(0, &[])])), None);
    }
}
