//! The jobs of a namespace as gocraft/work's own tools see them.

use super::inspector::Inspector;
use super::job::Job;
use super::looked::Looked;
use super::member::Member;
use super::pools;
use super::sets::{Comeback, Left, PAGE, Part};
use crate::error::Result;
use crate::queues::{BusyWorker, Jobs, PeriodicJob, ReadyJobs, TimedJob, TimedJobs, WorkerPool};
use async_trait::async_trait;
use std::collections::BTreeMap;

#[async_trait]
impl Jobs for Inspector {
    async fn ready(&self) -> Result<Vec<ReadyJobs>> {
        let now = self.now();
        let mut all = Vec::new();
        for job_name in self.names().await? {
            let list = self.keys.ready(&job_name);
            let mut pipeline = redis::pipe();
            pipeline.cmd("LLEN").arg(&list).cmd("LINDEX").arg(&list).arg(-1);
            let (count, next): (u64, Option<Vec<u8>>) = self.pipeline(&pipeline).await?;
            let since = next.and_then(|bytes| Some(Job::parse(&bytes).ok()?.t));
            all.push(ReadyJobs { job_name, count, latency: since.map_or(0, |t| now - t) });
        }
        Ok(all)
    }

    async fn pools(&self) -> Result<Vec<WorkerPool>> {
        pools::all(self).await
    }

    async fn busy(&self) -> Result<Vec<BusyWorker>> {
        pools::busy(self).await
    }

    async fn timed(&self, jobs: TimedJobs, skip: u64, max: usize) -> Result<(Vec<TimedJob>, u64)> {
        let set = match jobs {
            TimedJobs::Retry => self.keys.retry(),
            TimedJobs::Scheduled => self.keys.scheduled(),
            TimedJobs::Dead => self.keys.dead(),
        };
        let mut pipeline = redis::pipe();
        let page = pipeline.cmd("ZRANGEBYSCORE").arg(&set).arg("-inf").arg("+inf");
        page.arg("WITHSCORES").arg("LIMIT").arg(skip).arg(max);
        pipeline.cmd("ZCARD").arg(&set);
        let (members, count): (Vec<(Vec<u8>, f64)>, u64) = self.pipeline(&pipeline).await?;
        Ok((members.into_iter().map(|it| timed(&Member::from(it))).collect(), count))
    }

    async fn periodic(&self) -> Result<Vec<PeriodicJob>> {
        let mut pipeline = redis::pipe();
        let keys = &self.keys;
        pipeline.cmd("ZRANGE").arg(keys.scheduled()).arg(0).arg(LOOKED_AT - 1).arg("WITHSCORES");
        pipeline.cmd("SMEMBERS").arg(keys.paused_periodic());
        let (runs, paused): (Vec<(Vec<u8>, f64)>, Vec<String>) = self.pipeline(&pipeline).await?;
        Ok(clocked(runs.into_iter().map(Member::from), paused))
    }

    async fn redrive_dead(&self, died_at: i64, id: &str) -> Result<u64> {
        let members = self.died(died_at, id).await?;
        let left = self.put_back(&self.keys.dead(), &members, Comeback::Fresh).await?;
        Ok(done(&left))
    }

    async fn redrive_all_dead(&self) -> Result<()> {
        let set = self.keys.dead();
        let Some(upto) = self.last_of(&set).await? else { return Ok(()) };
        let mut part = Part { after: None, upto: Some(upto) };
        loop {
            let page = self.members(&set, part.clone(), PAGE, |_| true).await?;
            let members: Vec<_> = page.into_iter().map(|(member, _)| member).collect();
            let Some(last) = members.last() else { return Ok(()) };
            self.put_back(&set, &members, Comeback::Fresh).await?;
            part.after = Some(last.clone());
        }
    }

    async fn drop_dead(&self, died_at: i64, id: &str) -> Result<u64> {
        let members = self.died(died_at, id).await?;
        Ok(done(&self.forget(&self.keys.dead(), &members).await?))
    }

    async fn drop_all_dead(&self) -> Result<()> {
        self.query(redis::cmd("UNLINK").arg(self.keys.dead())).await
    }

    async fn ping(&self) -> Result<()> {
        self.query(&redis::cmd("PING")).await
    }
}

impl Inspector {
    /// The dead jobs of this second and id.
    async fn died(&self, died_at: i64, id: &str) -> Result<Vec<Member>> {
        let (set, mut skip) = (self.keys.dead(), 0);
        let mut found = Vec::new();
        loop {
            let page = redis::cmd("ZRANGEBYSCORE").arg(&set).arg(died_at).arg(died_at).take();
            let page = page.clone().arg("WITHSCORES").arg("LIMIT").arg(skip).arg(PAGE).take();
            let members: Vec<(Vec<u8>, f64)> = self.query(&page).await?;
            if members.is_empty() {
                return Ok(found);
            }
            skip += members.len();
            let members = members.into_iter().map(Member::from);
            found.extend(members.filter(|it| Looked::at(&it.bytes).message.id == id));
        }
    }
}

/// How many scheduled jobs are looked at for runs of what the clock enqueues.
const LOOKED_AT: usize = 5000;

/// What the clock enqueues, by the ids of its runs and by the names of what is paused.
fn clocked(runs: impl Iterator<Item = Member>, paused: Vec<String>) -> Vec<PeriodicJob> {
    let mut found = BTreeMap::new();
    for name in paused {
        found.insert(name, (None, true));
    }
    for member in runs {
        let id = Looked::at(&member.bytes).message.id;
        let run = id.strip_prefix("periodic:").and_then(|rest| rest.rsplit_once(':'));
        if let Some((name, _)) = run {
            let (next, _) = found.entry(name.to_owned()).or_insert((None, false));
            *next = next.or(member.second());
        }
    }
    let entries = found.into_iter().filter_map(|(name, (next, paused))| {
        // The times hold no colon: a name of a job may.
        let (job, times) = name.rsplit_once(':')?;
        Some(PeriodicJob { job: job.to_owned(), times: times.to_owned(), next, paused })
    });
    entries.collect()
}

fn done(left: &[Left]) -> u64 {
    let done = left.iter().filter(|it| **it == Left::Done).count();
    done.try_into().unwrap_or(u64::MAX)
}

/// A member as a job; what is none says why.
fn timed(member: &Member) -> TimedJob {
    let at = member.second().unwrap_or_default();
    match Job::parse(&member.bytes) {
        Ok(job) => TimedJob {
            at,
            // It was read as an object before.
            args: serde_json::from_str(job.args).unwrap_or_default(),
            unique_key: job.unique.then_some(job.unique_key),
            name: job.name,
            id: job.id,
            t: job.t,
            fails: job.fails,
            err: job.err,
            failed_at: job.failed_at,
        },
        Err(poison) => TimedJob {
            at,
            name: String::new(),
            id: Looked::at(&member.bytes).message.id,
            t: 0,
            args: serde_json::Value::Null,
            unique_key: None,
            fails: 0,
            err: poison.0,
            failed_at: 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_clock_enqueues_is_known_by_its_runs_and_its_pauses() {
        let run = |id: &str, at: f64| {
            let job = format!(r#"{{"name":"a","id":"{id}","t":1,"args":null}}"#);
            Member::from((job.into_bytes(), at))
        };
        let runs = [
            run("periodic:mail:0 * * * * *:60", 60.0),
            run("periodic:mail:0 * * * * *:120", 120.0),
            run("5f", 130.0),
        ];
        let found = clocked(runs.into_iter(), vec!["a:b:@hourly".to_owned()]);
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.job.as_str(), it.times.as_str(), it.next, it.paused))
            .collect();
        let expected = [("a:b", "@hourly", None, true), ("mail", "0 * * * * *", Some(60), false)];
        assert_eq!(told, expected);
    }
}
