//! Empties the lists and sets of a namespace, or of some jobs in it.

use super::inspector::Inspector;
use super::scripts;
use super::sets::{Left, PAGE, Part};
use crate::error::Result;
use crate::queues::{Purge, Stats};
use async_trait::async_trait;

#[async_trait]
impl Purge for Inspector {
    /// What is in progress stays: its worker, which may be gocraft's, would release its lock all the
    /// same, and what it fails at comes back.
    async fn purge(&self) -> Result<Option<u64>> {
        let mut removed = 0;
        for job in self.names().await? {
            removed += self.purge_ready(&job).await?;
            removed += self.purge_poison(self.keys.poison_of_job(&job)).await?;
        }
        for set in [self.keys.scheduled(), self.keys.retry()] {
            removed += self.purge_set(&set).await?;
        }
        if self.jobs.is_empty() {
            removed += self.purge_poison(self.keys.poison_of_scheduled()).await?;
            removed += self.purge_poison(self.keys.poison_of_retry()).await?;
        }
        Ok(Some(removed))
    }

    fn removes(&self, stats: &Stats) -> Option<u64> {
        Some(stats.messages()?.saturating_sub(stats.leased?) + stats.poison())
    }
}

impl Inspector {
    async fn purge_ready(&self, job: &str) -> Result<u64> {
        let list = self.keys.ready(job);
        let mut left: usize = self.query(redis::cmd("LLEN").arg(&list)).await?;
        let mut removed = 0;
        while left > 0 {
            let step = left.min(PAGE);
            let from = -isize::try_from(step).expect("a page is small");
            let range = redis::cmd("LRANGE").arg(&list).arg(from).arg(-1).take();
            let jobs: Vec<Vec<u8>> = self.query(&range).await?;
            if jobs.is_empty() {
                break;
            }
            let (some, over) = self.purge_oldest(&list, &jobs).await?;
            removed += some;
            left = left.saturating_sub(over);
        }
        Ok(removed)
    }

    /// Removes jobs that stood at the right end of a list. Gives how many it removed, and how many of
    /// them are there no more.
    async fn purge_oldest(&self, list: &str, jobs: &[Vec<u8>]) -> Result<(u64, usize)> {
        let mut script = scripts::PURGE.key(list);
        for bytes in jobs.iter().rev() {
            script.key(self.unique_key(bytes).as_deref().unwrap_or(list)).arg(&bytes[..]);
        }
        self.invoke(&script).await
    }

    async fn purge_set(&self, set: &str) -> Result<u64> {
        let Some(upto) = self.last_of(set).await? else { return Ok(0) };
        let (mut removed, mut after) = (0, None);
        loop {
            let part = Part { after: after.take(), upto: Some(upto.clone()) };
            let page = self.members(set, part, PAGE, |it| it.is_of(&self.jobs)).await?;
            let members: Vec<_> = page.into_iter().map(|(member, _)| member).collect();
            let Some(last) = members.last() else { return Ok(removed) };
            after = Some(last.clone());
            let left = self.forget(set, &members).await?;
            removed += count(left.iter().filter(|it| **it == Left::Done));
        }
    }

    async fn purge_poison(&self, list: String) -> Result<u64> {
        let mut pipeline = redis::pipe();
        pipeline.atomic().cmd("LLEN").arg(&list).cmd("UNLINK").arg(&list).ignore();
        let (removed,) = self.pipeline(&pipeline).await?;
        Ok(removed)
    }
}

fn count(all: impl Iterator) -> u64 {
    all.count().try_into().unwrap_or(u64::MAX)
}
