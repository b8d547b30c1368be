//! What each worker does is written as gocraft/work writes it, for whoever looks.

use super::workers::Observation;
use crate::queues::redis::error::ServiceError;
use crate::queues::redis::shared::Shared;
use redis::Pipeline;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A worker is written at most this often.
const TICK: Duration = Duration::from_secs(1);
/// How many seconds it is kept without us.
const KEPT: u32 = 86_400;

impl Shared {
    /// Writes what has changed.
    async fn observe(&self) -> Result<(), ServiceError> {
        let changes = self.workers.take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        for (number, work) in changes {
            let key = self.keys.worker(&self.pool.workers[number]);
            pipeline.cmd("DEL").arg(&key).ignore();
            if let Some(work) = work {
                write(&mut pipeline, &key, work);
            }
        }
        self.redis.pipeline(&pipeline).await
    }
}

fn write(pipeline: &mut Pipeline, key: &str, work: Observation) {
    let Observation { job_name, job_id, started_at, args, checkin, .. } = work;
    pipeline.cmd("HSET").arg(key).arg("job_name").arg(job_name).arg("job_id").arg(job_id);
    pipeline.arg("started_at").arg(started_at).arg("args").arg(args);
    if let Some((text, at)) = checkin {
        pipeline.arg("checkin").arg(text).arg("checkin_at").arg(at);
    }
    pipeline.ignore();
    pipeline.cmd("EXPIRE").arg(key).arg(KEPT).ignore();
}

/// Writes what changes, at once and then at most each second, until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.workers.changed.notified() => {}
        }
        if let Err(error) = shared.observe().await {
            tracing::debug!("it is not written what is worked on: {}", error.reason);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(TICK) => {}
        }
    }
}
