//! What the clock enqueues is put into `scheduled`, the runs of the next minutes before they are due.
//!
//! Several pools do this side by side. One run is one member, since all of them write the same bytes.

use super::periodic::Periodic;
use crate::queues::redis::error::ServiceError;
use crate::queues::redis::shared::Shared;
use foldhash::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// After so many seconds somebody looks again.
const RECENT: i64 = 2;
/// How often a pool looks, and up to how many seconds later, by chance.
const SWEEP: Duration = Duration::from_secs(120);
const LATER: u64 = 30;
/// How soon a look that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

impl Periodic {
    /// Puts the runs of the next minutes in, unless somebody has done so this moment.
    pub(super) async fn sweep(&self, shared: &Shared) -> Result<(), ServiceError> {
        let (keys, now) = (&shared.keys, shared.now());
        let last: Option<Vec<u8>> =
            shared.redis.query(redis::cmd("GET").arg(keys.last_periodic_enqueue())).await?;
        let last = last.and_then(|last| String::from_utf8(last).ok()?.parse::<i64>().ok());
        if last.is_some_and(|last| last >= now - RECENT) {
            return Ok(());
        }
        let paused: HashSet<String> =
            shared.redis.query(redis::cmd("SMEMBERS").arg(keys.paused_periodic())).await?;
        let mut pipeline = redis::pipe();
        for entry in self.entries.iter().filter(|entry| !paused.contains(&entry.name())) {
            let runs = entry.runs(self.zone, now);
            if !runs.is_empty() {
                pipeline.cmd("ZADD").arg(keys.scheduled()).arg(runs).ignore();
            }
        }
        pipeline.cmd("SET").arg(keys.last_periodic_enqueue()).arg(now).ignore();
        shared.redis.pipeline(&pipeline).await
    }

    /// Looks again and again until it is told to stop.
    pub(super) async fn run(self, shared: Arc<Shared>, stop: CancellationToken) {
        loop {
            let pause = match self.sweep(&shared).await {
                Ok(()) => SWEEP + Duration::from_secs(fastrand::u64(..LATER)),
                Err(error) => {
                    let why = error.reason;
                    tracing::warn!("no periodic jobs are enqueued in {}: {why}", shared.name);
                    AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }
}
