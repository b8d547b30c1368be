//! Jobs of a server that could not be reached when ours was started.

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::queues::{
    self, BusyWorker, Jobs, Options, PeriodicJob, ReadyJobs, TimedJob, TimedJobs, WorkerPool,
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Jobs that are opened by the first call that finds their server up.
pub struct LateJobs {
    url: Location,
    options: Options,
    opened: OnceCell<Arc<dyn Jobs>>,
}

impl LateJobs {
    /// The jobs of a URL, which is not opened yet.
    pub fn new(url: Location, options: Options) -> Self {
        Self { url, options, opened: OnceCell::new() }
    }

    async fn jobs(&self) -> Result<&Arc<dyn Jobs>> {
        let open = async || {
            let opened = queues::open_jobs(self.url.clone(), &self.options).await?;
            opened.ok_or_else(|| {
                Error::new(Kind::Configuration, format!("`{}` has no jobs", self.url))
            })
        };
        self.opened.get_or_try_init(open).await
    }
}

#[async_trait]
impl Jobs for LateJobs {
    async fn ready(&self) -> Result<Vec<ReadyJobs>> {
        self.jobs().await?.ready().await
    }

    async fn pools(&self) -> Result<Vec<WorkerPool>> {
        self.jobs().await?.pools().await
    }

    async fn busy(&self) -> Result<Vec<BusyWorker>> {
        self.jobs().await?.busy().await
    }

    async fn timed(&self, jobs: TimedJobs, skip: u64, max: usize) -> Result<(Vec<TimedJob>, u64)> {
        self.jobs().await?.timed(jobs, skip, max).await
    }

    async fn periodic(&self) -> Result<Vec<PeriodicJob>> {
        self.jobs().await?.periodic().await
    }

    async fn redrive_dead(&self, died_at: i64, id: &str) -> Result<u64> {
        self.jobs().await?.redrive_dead(died_at, id).await
    }

    async fn redrive_all_dead(&self) -> Result<()> {
        self.jobs().await?.redrive_all_dead().await
    }

    async fn drop_dead(&self, died_at: i64, id: &str) -> Result<u64> {
        self.jobs().await?.drop_dead(died_at, id).await
    }

    async fn drop_all_dead(&self) -> Result<()> {
        self.jobs().await?.drop_all_dead().await
    }

    async fn ping(&self) -> Result<()> {
        self.jobs().await?.ping().await
    }
}
