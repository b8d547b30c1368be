//! The jobs of a namespace as gocraft/work's own tools see them.

use super::inspector::Inspector;
use super::job::Job;
use super::looked::Looked;
use super::member::Member;
use super::pools;
use super::sets::{Comeback, Left, PAGE, Part};
use crate::error::Result;
use crate::queues::{BusyWorker, Jobs, ReadyJobs, TimedJob, TimedJobs, WorkerPool};
use async_trait::async_trait;

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
