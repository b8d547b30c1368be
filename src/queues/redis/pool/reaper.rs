//! Takes back what dead pools had, under a lock: at one time one pool does.

use super::identity::random_id;
use super::sightings::{Seen, Sightings};
use super::survey::{Survey, Surveyor};
use crate::queues::redis::delivery;
use crate::queues::redis::error::ServiceError;
use crate::queues::redis::orders::failed;
use crate::queues::redis::scripts;
use crate::queues::redis::shared::Shared;
use foldhash::HashSet;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often is looked: a dead pool is found by the third look at the latest.
const LOOK: Duration = Duration::from_secs(7);
/// How long the lock lasts without us. Two pools that reap at once do no harm: what one has taken the
/// other does not find.
const LOCK: Duration = Duration::from_secs(10);
/// At most this many jobs are taken by one script.
const PAGE: isize = 100;
/// A job that was taken more often than that from pools that died while they worked on it is dead.
const MOST_REAPS: u32 = 10;
/// How long a job is counted, after the last time.
const COUNTED: Duration = Duration::from_secs(7 * 86_400);

/// What becomes of a job of a dead pool.
struct Reaped {
    /// What the script calls it.
    fate: &'static str,
    /// What belongs to that.
    more: Vec<u8>,
}

/// A pool that is dead.
struct DeadPool<'s> {
    pool: &'s str,
    seen: &'s Seen,
    names: BTreeSet<&'s str>,
    /// The digests of the jobs that it had begun, and those that took another's place; `None`: all
    /// that it had.
    begun: Option<HashSet<Vec<u8>>>,
}

/// Finds dead pools, and takes back what they had.
#[derive(Default)]
pub(super) struct Reaper {
    surveyor: Surveyor,
    sightings: Sightings,
}

impl Reaper {
    /// Looks again and again until it is told to stop.
    pub(super) async fn run(mut self, shared: Arc<Shared>, stop: CancellationToken) {
        loop {
            if let Err(error) = self.look(&shared).await {
                tracing::debug!("no look for dead pools in {}: {}", shared.name, error.reason);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Looks once.
    async fn look(&mut self, shared: &Shared) -> Result<(), ServiceError> {
        let survey = self.surveyor.look(shared).await?;
        let dead = self.sightings.note(&survey.pools, shared.now(), Instant::now());
        if dead.is_empty() {
            return Ok(());
        }
        let lock = random_id();
        if !shared.lock_reaping(&lock).await? {
            return Ok(());
        }
        let mut reaped = Ok(());
        for pool in &dead {
            reaped = reaped.and(shared.reap(pool, &survey).await);
        }
        reaped.and(shared.unlock_reaping(&lock).await)
    }
}

impl<'s> DeadPool<'s> {
    fn of(pool: &'s str, survey: &'s Survey, begun: Option<HashSet<Vec<u8>>>) -> Self {
        let seen = &survey.pools[pool];
        let named = seen.job_names.split(',').filter(|name| !name.is_empty());
        let names = survey.names.iter().map(String::as_str).chain(named).collect();
        Self { pool, seen, names, begun }
    }

    /// Whether it had begun to work on a job.
    fn had_begun(&self, bytes: &[u8], digest: &str) -> bool {
        let began = |begun: &HashSet<_>| begun.contains(digest.as_bytes()) || begun.contains(bytes);
        self.begun.as_ref().is_none_or(began)
    }

    /// What becomes of a job that was taken so often before.
    fn reaped(&self, bytes: &[u8], digest: &str, before: u32, now: i64) -> Reaped {
        let why = format!("it was worked on when its worker ended, {} times", before + 1);
        match failed(bytes, &why, now) {
            None => Reaped { fate: "poison", more: Vec::new() },
            Some(_) if !self.had_begun(bytes, digest) => Reaped { fate: "ready", more: Vec::new() },
            Some(dead) if before >= MOST_REAPS => Reaped { fate: "dead", more: dead },
            Some(_) => Reaped { fate: "ready", more: digest.into() },
        }
    }
}

impl Shared {
    async fn lock_reaping(&self, value: &str) -> Result<bool, ServiceError> {
        let mut set = redis::cmd("SET");
        set.arg(self.keys.reaper_lock()).arg(value).arg("NX").arg("PX").arg(LOCK.as_millis());
        let answer: Option<String> = self.redis.query(&set).await?;
        Ok(answer.is_some())
    }

    async fn unlock_reaping(&self, value: &str) -> Result<(), ServiceError> {
        let mut script = scripts::UNLOCK.prepare_invoke();
        script.key(self.keys.reaper_lock()).arg(value);
        self.redis.invoke::<i64>(&script).await.map(drop)
    }

    /// Takes back all that a dead pool had, and forgets it.
    async fn reap(&self, pool: &str, survey: &Survey) -> Result<(), ServiceError> {
        let dead = DeadPool::of(pool, survey, self.begun_by(pool).await?);
        let mut count = 0;
        for name in &dead.names {
            match self.reap_name(&dead, name).await? {
                Some(taken) => count += taken,
                None => return Ok(()), // It lives.
            }
        }
        if self.forget(&dead).await? && count > 0 {
            tracing::warn!("{count} jobs were taken back from a pool that died");
        }
        Ok(())
    }

    /// What a pool noted of its work; `None` where it is no pool of ours, and keeps no notes.
    async fn begun_by(&self, pool: &str) -> Result<Option<HashSet<Vec<u8>>>, ServiceError> {
        let notes: Vec<Vec<u8>> =
            self.redis.query(redis::cmd("HVALS").arg(self.keys.begun(pool))).await?;
        let digests = notes.iter().flat_map(|note| note.split(|byte| *byte == b' '));
        let digests = digests.chain(notes.iter().map(Vec::as_slice)).map(<[u8]>::to_vec);
        Ok((!notes.is_empty()).then(|| digests.collect()))
    }

    /// Takes back what a dead pool had of one name; `None` where it lives.
    async fn reap_name(
        &self,
        dead: &DeadPool<'_>,
        name: &str,
    ) -> Result<Option<usize>, ServiceError> {
        let list = self.keys.in_progress(name, dead.pool);
        let mut count = 0;
        loop {
            let mut oldest = redis::cmd("LRANGE");
            oldest.arg(&list).arg(-PAGE).arg(-1);
            let mut page: Vec<Vec<u8>> = self.redis.query(&oldest).await?;
            page.reverse();
            if page.is_empty() {
                return Ok(Some(count));
            }
            fail::fail_point!("redis-reaping");
            match usize::try_from(self.reap_page(dead, name, &page).await?) {
                Ok(taken) => count += taken,
                Err(_) => return Ok(None),
            }
        }
    }

    /// Takes back some jobs; gives how many of them were still there, and -1 where their pool lives.
    async fn reap_page(
        &self,
        dead: &DeadPool<'_>,
        name: &str,
        page: &[Vec<u8>],
    ) -> Result<i64, ServiceError> {
        let digests: Vec<_> = page.iter().map(|bytes| delivery::digest(bytes)).collect();
        let mut counts = redis::cmd("HMGET");
        counts.arg(self.keys.reaped()).arg(&digests);
        let counts: Vec<Option<u32>> = self.redis.query(&counts).await?;
        let (keys, now) = (&self.keys, self.now());
        let mut script = scripts::REAP.prepare_invoke();
        script.key(keys.worker_pool(dead.pool)).key(keys.dead()).key(keys.reaped());
        script.key(keys.ready(name)).key(keys.in_progress(name, dead.pool)).key(keys.lock(name));
        script.key(keys.lock_info(name)).key(keys.poison_of_job(name));
        script.arg(dead.pool).arg(&dead.seen.heartbeat_at).arg(now).arg(COUNTED.as_secs());
        for ((bytes, digest), count) in page.iter().zip(&digests).zip(counts) {
            let Reaped { fate, more } = dead.reaped(bytes, digest, count.unwrap_or_default(), now);
            script.arg(fate).arg(bytes).arg(more);
        }
        self.redis.invoke(&script).await
    }

    /// Forgets a pool of which nothing is in progress any more; `false` where something is, or it
    /// lives.
    async fn forget(&self, dead: &DeadPool<'_>) -> Result<bool, ServiceError> {
        let keys = &self.keys;
        let mut script = scripts::FORGET_POOL.prepare_invoke();
        script.key(keys.worker_pools()).key(keys.worker_pool(dead.pool)).key(keys.begun(dead.pool));
        for name in &dead.names {
            script.key(keys.in_progress(name, dead.pool)).key(keys.lock(name));
            script.key(keys.lock_info(name));
        }
        for worker in dead.seen.worker_ids.split(',').filter(|id| !id.is_empty()) {
            script.key(keys.worker(worker));
        }
        script.arg(dead.pool).arg(&dead.seen.heartbeat_at).arg(dead.names.len());
        self.redis.invoke(&script).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &[u8] = br#"{"name":"a","id":"1","t":5,"args":null}"#;

    fn fate(begun: Option<&[&str]>, bytes: &[u8], before: u32) -> (&'static str, bool) {
        let begun = begun.map(|begun| begun.iter().map(|it| it.as_bytes().to_vec()).collect());
        let seen = Seen::default();
        let dead = DeadPool { pool: "p", seen: &seen, names: BTreeSet::new(), begun };
        let Reaped { fate, more } = dead.reaped(bytes, "d1", before, 100);
        (fate, more == b"d1")
    }

    #[test]
    fn what_was_only_fetched_ahead_does_not_count() {
        assert_eq!(fate(None, JOB, 0), ("ready", true));
        assert_eq!(fate(Some(&["d0", "d1"]), JOB, 9), ("ready", true));
        assert_eq!(fate(Some(&["d0"]), JOB, 50), ("ready", false));
    }

    #[test]
    fn what_ends_its_worker_again_and_again_is_dead() {
        assert_eq!(fate(None, JOB, MOST_REAPS), ("dead", false));
        assert_eq!(fate(None, b"{", 0), ("poison", false));
    }
}
