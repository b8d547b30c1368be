//! What a pool of workers does by itself while jobs are received: it shows that it lives and what it
//! does, moves what is due, enqueues what the clock says, and takes back what dead pools had.

pub(super) mod beats;
pub(super) mod cron;
mod heartbeat;
pub(super) mod identity;
mod movers;
mod observer;
pub(super) mod periodic;
mod reaper;
mod sightings;
mod survey;
mod sweep;
pub(super) mod workers;

pub(super) use periodic::Periodic;

use super::error::ServiceError;
use super::shared::Shared;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The tasks of a pool.
pub(super) struct Pool {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Pool {
    /// Shows that the pool lives, moves what is due, and begins all that it does again and again.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        periodic: &Periodic,
    ) -> Result<Self, ServiceError> {
        shared.limit().await?;
        shared.beat().await?;
        let mut movers = movers::Movers::new(shared);
        movers.tick(shared).await?;
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(heartbeat::run(shared.clone(), stop.clone()));
        tasks.spawn(movers.run(shared.clone(), stop.clone()));
        tasks.spawn(observer::run(shared.clone(), stop.clone()));
        tasks.spawn(reaper::Reaper::default().run(shared.clone(), stop.clone()));
        if !periodic.entries.is_empty() {
            tasks.spawn(periodic.clone().run(shared.clone(), stop.clone()));
        }
        Ok(Self { stop, tasks })
    }

    /// Ends them all.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Shared {
    /// Tells every pool how many of a job may run at once, where the URL says so.
    async fn limit(&self) -> Result<(), ServiceError> {
        let Some(limit) = self.max_concurrency else { return Ok(()) };
        let mut pipeline = redis::pipe();
        for job in &self.jobs {
            pipeline.cmd("SET").arg(self.keys.max_concurrency(&job.name)).arg(limit).ignore();
        }
        self.redis.pipeline(&pipeline).await
    }
}
