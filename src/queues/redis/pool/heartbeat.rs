//! A pool's heartbeat: while it stands, what the pool has taken is nobody else's.

use crate::queues::redis::error::ServiceError;
use crate::queues::redis::shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the heart beats: gocraft/work's reapers go by that.
const BEAT: Duration = Duration::from_secs(5);
/// How soon a beat that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long notes outlive their pool, at most.
const NOTES: Duration = Duration::from_secs(86_400);

impl Shared {
    /// Shows that the pool lives: its id among the pools, its names among those that are known, and
    /// what it is.
    pub(in crate::queues::redis) async fn beat(&self) -> Result<(), ServiceError> {
        // Others count from the time in the heartbeat, which is no later than this.
        let began = Instant::now();
        let names: Vec<_> = self.jobs.iter().map(|job| job.name.as_str()).collect();
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("SADD").arg(self.keys.known_jobs()).arg(&names).ignore();
        pipeline.cmd("SADD").arg(self.keys.worker_pools()).arg(&self.pool.id).ignore();
        // Whoever finds us dead knows by these notes what we had begun.
        let begun = self.keys.begun(&self.pool.id);
        pipeline.cmd("HSET").arg(&begun).arg("pool").arg(1).ignore();
        pipeline.cmd("EXPIRE").arg(&begun).arg(NOTES.as_secs()).ignore();
        let fields = self.heartbeat(names);
        pipeline.cmd("HSET").arg(self.keys.worker_pool(&self.pool.id)).arg(&fields).ignore();
        self.redis.pipeline::<()>(&pipeline).await?;
        self.beats.note(began);
        Ok(())
    }

    fn heartbeat(&self, mut names: Vec<&str>) -> Vec<(&'static str, String)> {
        names.sort_unstable();
        vec![
            ("heartbeat_at", self.now().to_string()),
            ("started_at", self.pool.started_at.to_string()),
            ("job_names", names.join(",")),
            ("concurrency", self.pool.workers.len().to_string()),
            ("worker_ids", self.pool.workers.join(",")),
            ("host", self.pool.host.clone()),
            ("pid", self.pool.pid.to_string()),
        ]
    }
}

/// Beats until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let (mut pause, mut failed) = (BEAT, false);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
        pause = match shared.beat().await {
            Ok(()) => {
                failed = false;
                BEAT
            }
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    let (name, why) = (&shared.name, error.reason);
                    tracing::warn!("no heartbeat of this pool in {name}: {why}");
                }
                AGAIN
            }
        };
    }
}
