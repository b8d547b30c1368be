//! The spool is drained into its queue: the second loop, with that queue as its sink.

use super::Plan;
use crate::error::{Error, Kind, Result};
use crate::lock;
use crate::message::Message;
use crate::queues::{self, Published, Publisher};
use crate::report::Counters;
use crate::retry::Limits;
use crate::sinks::forward::Forward;
use crate::spool::{LEASE, Spool};
use crate::subscribe::{self, DeadLetters, Parts, subscribe};
use async_trait::async_trait;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// At most this many messages on their way.
const BATCH: usize = 500;

/// So often may a message take the whole program with it before it is given up.
const MAX_LOST: u32 = 10;

/// How often a lease of somebody who is gone is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What became of what waited.
pub(super) enum Drained {
    /// Nothing waits any more.
    Emptied,
    /// Something waits; why.
    Left(Error),
    /// Another process is at it.
    Elsewhere,
}

/// Sends what waits in the spool, the oldest first; one process does it, the others leave it to
/// that one.
pub(super) async fn drain(
    spool: &Spool,
    queue: &dyn Publisher,
    plan: &Plan,
    counters: &Counters,
    shutdown: impl Future<Output = ()>,
) -> Result<Drained> {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut stopped = false;
    loop {
        let Some(lock) = lock::take(&spool.lock_path(), false).await? else {
            return Ok(Drained::Elsewhere);
        };
        outwait_the_dead(spool).await?;
        let noticed = async {
            shutdown.as_mut().await;
            stopped = true;
        };
        let round = once(spool, queue, plan, counters, noticed).await;
        drop(lock);
        let Round { received, failure } = round?;
        if let Some(why) = failure {
            return Ok(Drained::Left(why));
        }
        // Asked behind the lock: whoever was turned away by it had put its messages there before.
        match spool.held().await?.waiting {
            0 => return Ok(Drained::Emptied),
            // The shutdown has been heard: it is not asked again.
            _ if stopped => {
                let why = "the run was stopped before all was sent";
                return Ok(Drained::Left(Error::new(Kind::Spooled, why)));
            }
            _ if received == 0 => {
                let why =
                    "somebody has taken them out, or put dead letters back that are not due yet";
                return Ok(Drained::Left(Error::new(Kind::Spooled, why)));
            }
            _ => {}
        }
    }
}

/// Waits for what a drain had taken that was killed: nothing shall overtake it. The lock tells that
/// it is gone; what is leased for longer was taken by somebody else, and is not waited for.
async fn outwait_the_dead(spool: &Spool) -> Result<()> {
    // A moment more than the lease: it may have been extended just before its holder died.
    let deadline = Instant::now() + LEASE + Duration::from_secs(1);
    while spool.held().await?.leased > 0 && Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// What one look at the spool came to.
struct Round {
    received: u64,
    failure: Option<Error>,
}

async fn once(
    spool: &Spool,
    queue: &dyn Publisher,
    plan: &Plan,
    counters: &Counters,
    shutdown: impl Future<Output = ()>,
) -> Result<Round> {
    let (url, options) = spool.to_receive().await?;
    let from = url.to_string();
    let outlet = queues::open_subscriber(url, &options).await?;
    let sink = Forward::to(Box::new(Borrowed(queue)));
    let dead = DeadLetters::new(None, from, options.clone());
    let plan = subscribe::Plan {
        lease: options.lease,
        grace: plan.grace,
        // One batch at a time: where the drain is killed, what it had taken comes back as a whole
        // and nothing overtakes it.
        in_flight: BATCH,
        batch: BATCH,
        concurrency: 1,
        // What the queue does not take for the moment never becomes a dead letter.
        retries: Limits { max_attempts: u32::MAX, max_lost: MAX_LOST, ..Limits::default() },
        ..subscribe::Plan::default()
    };
    let mine = Counters::default();
    let parts = Parts {
        queue: &*outlet,
        sink: &sink,
        dead: &dead,
        attempts: None,
        plan: &plan,
        counters: &mine,
    };
    let result = subscribe(parts, shutdown).await;
    let closed = dead.close().await.and(outlet.close().await);
    for (from, to) in [
        (&mine.stored, &counters.published),
        (&mine.duplicate, &counters.duplicate),
        (&mine.dead, &counters.dead),
    ] {
        to.fetch_add(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    let failure = match result {
        Err(error) if error.kind() != Kind::Rejected => Some(sink.into_failure().unwrap_or(error)),
        _ => None,
    };
    let received = mine.received.load(Ordering::Relaxed);
    closed.map(|()| Round { received, failure })
}

/// A queue that somebody else closes.
struct Borrowed<'q>(&'q dyn Publisher);

#[async_trait]
impl Publisher for Borrowed<'_> {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        self.0.publish(batch).await
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
