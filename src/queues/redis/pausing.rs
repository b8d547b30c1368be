//! Pauses jobs, and what the clock enqueues.

use super::inspector::Inspector;
use crate::error::{Error, Kind, Result};
use crate::queues::{Paused, Pausing};
use async_trait::async_trait;

/// What is kept where a job is paused: the original looks whether there is anything.
const PAUSED: &str = "1";

#[async_trait]
impl Pausing for Inspector {
    async fn pause(&self) -> Result<Vec<Paused>> {
        self.each_of_them(true).await
    }

    async fn resume(&self) -> Result<Vec<Paused>> {
        self.each_of_them(false).await
    }
}

impl Inspector {
    async fn each_of_them(&self, paused: bool) -> Result<Vec<Paused>> {
        if self.jobs.is_empty() && self.periodic.is_empty() {
            return Err(Error::new(Kind::Usage, "nothing is named that could be paused")
                .because_of(format!("the URL names no jobs of {}", self.name))
                .hint("add `job=NAME`, or `periodic=NAME:TIMES` for what the clock enqueues"));
        }
        let mut answers = Vec::new();
        for job in &self.jobs {
            let changed = self.pause_job(job, paused).await?;
            answers.push(Paused { what: format!("job {job}"), changed });
        }
        for (job, times) in &self.periodic {
            let entry = format!("{job}:{times}");
            let changed = self.pause_entry(&entry, paused).await?;
            answers.push(Paused { what: format!("periodic {entry}"), changed });
        }
        Ok(answers)
    }

    async fn pause_job(&self, job: &str, paused: bool) -> Result<bool> {
        let key = self.keys.paused(job);
        match paused {
            true => self.query(redis::cmd("SETNX").arg(key).arg(PAUSED)).await,
            false => self.query(redis::cmd("DEL").arg(key)).await,
        }
    }

    /// What was enqueued for the next minutes already is for [`ScheduledMessages`] to drop.
    ///
    /// [`ScheduledMessages`]: crate::queues::ScheduledMessages
    async fn pause_entry(&self, entry: &str, paused: bool) -> Result<bool> {
        let command = if paused { "SADD" } else { "SREM" };
        self.query(redis::cmd(command).arg(self.keys.paused_periodic()).arg(entry)).await
    }
}
