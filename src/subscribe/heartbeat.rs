//! Extends the leases of what is in flight, by a task of its own: no write starves it, however long
//! it takes and even if it blocks.

use super::in_flight::Leased;
use crate::error::{Error, Kind, Result};
use crate::queues::Leases;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A lease is extended when this part of it has passed, so that there is time to try again.
const EXTENDED_AFTER: u32 = 3;
/// How often it is looked, per lease; one extension may take no longer than that.
const LOOKS: u32 = 6;

/// The task, which ends at the latest when this is dropped.
pub struct LeaseRenewer {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl LeaseRenewer {
    /// Renews the leases of what is in flight from now on; `None` where the queue's client does so by itself.
    pub fn start(leases: Option<Arc<dyn Leases>>, leased: Leased, lease: Duration) -> Option<Self> {
        let leases = leases?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stopped => {}
                () = keep(&*leases, &leased, lease) => {}
            }
        });
        Some(Self { stop, task: AbortOnDropHandle::new(task) })
    }

    /// Ends the task, and waits until it has let go of the queue.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await.map_err(|cause| {
            Error::new(Kind::Bug, "the task that extends the leases has failed").because(cause)
        })
    }
}

async fn keep(leases: &dyn Leases, leased: &Leased, lease: Duration) {
    let pace = lease / LOOKS;
    let mut looks = interval(pace);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // Counted from before the request: the new lease may begin no earlier.
        let now = Instant::now();
        let receipts = leased.leased_for(lease / EXTENDED_AFTER, now);
        if receipts.is_empty() {
            continue;
        }
        match timeout(pace, leases.extend(&receipts)).await {
            Ok(Ok(())) => leased.extended(&receipts, now),
            Ok(Err(error)) => tracing::warn!("cannot extend the leases: {}", error.one_line()),
            Err(_) => tracing::warn!("cannot extend the leases: no answer in {pace:?}"),
        }
    }
}
