//! Counts the jobs of a namespace by their names.

use super::inspector::Inspector;
use super::looked::Looked;
use super::pools;
use super::sets::Part;
use crate::error::Result;
use crate::queues::{Fact, JobStats, POISON, Stats, WorkerPool};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// How many members of a set are read at once to be counted.
const PAGE: usize = 1000;

/// What is counted, by the names of the jobs.
#[derive(Default)]
struct Counts {
    jobs: BTreeMap<String, Counted>,
    /// What cannot be read, and is of no job.
    poison: u64,
}

/// What is counted of one job.
#[derive(Default)]
struct Counted {
    stats: JobStats,
    oldest: Option<DateTime<Utc>>,
}

/// The sets, and the count of a job that their members belong to.
#[derive(Clone, Copy)]
enum Counting {
    Scheduled,
    Retry,
    Dead,
}

impl Inspector {
    /// Counts everything. Lists are as long as the server says; the members of sets are read a page at a
    /// time, since a set has those of all jobs.
    pub(super) async fn survey(&self) -> Result<Stats> {
        let mut counts = Counts::default();
        let pools = pools::all(self).await?;
        for name in self.names().await? {
            let counted = self.counted(&name, &pools).await?;
            counts.jobs.insert(name, counted);
        }
        let keys = &self.keys;
        self.count_set(&keys.scheduled(), Counting::Scheduled, &mut counts).await?;
        self.count_set(&keys.retry(), Counting::Retry, &mut counts).await?;
        self.count_set(&keys.dead(), Counting::Dead, &mut counts).await?;
        if self.jobs.is_empty() {
            for list in [keys.poison_of_scheduled(), keys.poison_of_retry()] {
                counts.poison += self.query::<u64>(redis::cmd("LLEN").arg(list)).await?;
            }
        }
        Ok(counts.stats(self.clock.now(), pools::living(&pools, self.now())))
    }

    async fn counted(&self, name: &str, pools: &[WorkerPool]) -> Result<Counted> {
        let keys = &self.keys;
        let mut pipeline = redis::pipe();
        pipeline.cmd("LLEN").arg(keys.ready(name));
        pipeline.cmd("LINDEX").arg(keys.ready(name)).arg(-1);
        pipeline.cmd("EXISTS").arg(keys.paused(name));
        pipeline.cmd("GET").arg(keys.max_concurrency(name));
        pipeline.cmd("GET").arg(keys.lock(name));
        pipeline.cmd("LLEN").arg(keys.poison_of_job(name));
        type Answers = (u64, Option<Vec<u8>>, bool, Option<String>, Option<String>, u64);
        let (ready, next, paused, limit, lock, poison): Answers = self.pipeline(&pipeline).await?;
        let (leased, began) = self.in_progress(name).await?;
        let mut counted = Counted::default();
        for bytes in next.into_iter().chain(began) {
            counted.has(Looked::at(&bytes.into()).message.published_at);
        }
        counted.stats = JobStats {
            job: name.to_owned(),
            ready,
            leased,
            paused,
            limit: limit.and_then(|text| text.parse().ok()).filter(|limit| *limit > 0),
            lock: lock.and_then(|text| text.parse().ok()).unwrap_or_default(),
            pools: pools::of_name(pools, name, self.now()),
            poison,
            ..JobStats::default()
        };
        Ok(counted)
    }

    /// How many of a job are in progress, and the oldest of each pool.
    async fn in_progress(&self, name: &str) -> Result<(u64, Vec<Vec<u8>>)> {
        let (mut leased, mut oldest) = (0, Vec::new());
        for pool in pools::of_job(self, name).await? {
            let list = self.keys.in_progress(name, &pool);
            let mut pipeline = redis::pipe();
            pipeline.cmd("LLEN").arg(&list).cmd("LINDEX").arg(&list).arg(-1);
            let (count, first): (u64, Option<Vec<u8>>) = self.pipeline(&pipeline).await?;
            leased += count;
            oldest.extend(first);
        }
        Ok((leased, oldest))
    }

    async fn count_set(&self, set: &str, as_what: Counting, counts: &mut Counts) -> Result<()> {
        let mut part = Part::default();
        loop {
            let page = self.page(set, part.after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { return Ok(()) };
            for member in page {
                let looked = Looked::at(&member.bytes);
                if looked.is_of(&self.jobs) {
                    counts.add(looked, as_what);
                }
            }
            part.after = Some(last);
        }
    }
}

impl Counted {
    /// One that was published at this time is among them.
    fn has(&mut self, published_at: Option<DateTime<Utc>>) {
        self.oldest = self.oldest.into_iter().chain(published_at).min();
    }
}

impl Counts {
    /// Adds a member of a set. What cannot be read is of no job; among the dead it is a dead letter.
    fn add(&mut self, looked: Looked, as_what: Counting) {
        let Looked { message, unreadable, .. } = looked;
        let is_dead = matches!(as_what, Counting::Dead);
        if unreadable.is_some() && !is_dead {
            self.poison += 1;
            return;
        }
        let name = message.tag.unwrap_or_default();
        let counted = self.jobs.entry(name.clone()).or_default();
        counted.stats.job = name;
        match as_what {
            Counting::Scheduled => counted.stats.scheduled += 1,
            Counting::Retry => counted.stats.retry += 1,
            Counting::Dead => counted.stats.dead += 1,
        }
        if !is_dead {
            counted.has(message.published_at);
        }
    }

    /// The sums, and the counts of each job. What waits for its next attempt is scheduled in the sums.
    fn stats(self, now: DateTime<Utc>, pools: u64) -> Stats {
        let oldest = self.jobs.values().filter_map(|counted| counted.oldest).min();
        let jobs: Vec<_> = self.jobs.into_values().map(|counted| counted.stats(now)).collect();
        let sum = |count: fn(&JobStats) -> u64| jobs.iter().map(count).sum::<u64>();
        let facts = vec![
            Fact::count("retry", Some(sum(|job| job.retry))),
            Fact::count(POISON, Some(self.poison + sum(|job| job.poison))),
            Fact::count("pools", Some(pools)),
        ];
        Stats {
            ready: Some(sum(|job| job.ready)),
            scheduled: Some(sum(|job| job.scheduled + job.retry)),
            leased: Some(sum(|job| job.leased)),
            dead: Some(sum(|job| job.dead)),
            waiting: Some(0),
            oldest_seconds: oldest.map(|oldest| seconds(now, oldest)),
            facts,
            jobs,
            ..Stats::default()
        }
    }
}

impl Counted {
    fn stats(self, now: DateTime<Utc>) -> JobStats {
        let oldest_seconds = self.oldest.map(|oldest| seconds(now, oldest));
        JobStats { oldest_seconds, ..self.stats }
    }
}

/// For how many seconds something has waited; none where it says that it came later.
fn seconds(now: DateTime<Utc>, since: DateTime<Utc>) -> u64 {
    u64::try_from((now - since).num_seconds()).unwrap_or_default()
}
