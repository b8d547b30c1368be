//! The spool is drained into its queue: the second loop, with that queue as its sink.

use super::plan::Plan;
use crate::error::{Error, Kind, Result};
use crate::lock;
use crate::message::Message;
use crate::queues::{self, Published, Publisher};
use crate::report::{Counters, count};
use crate::retry::Limits;
use crate::sinks::forward::Forward;
use crate::spool::{LEASE, Spool};
use crate::subscribe::{self, DeadLetters, Parts, subscribe};
use async_trait::async_trait;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many messages are on their way at most.
const BATCH: usize = 500;

/// How often a message may take the whole program with it before it is given up.
const MAX_LOST: u32 = 10;

/// How often a lease of somebody who is gone is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What became of what waited.
pub(super) enum Drained {
    /// Nothing waits any more.
    Emptied,
    /// Something waits; why.
    Left(Error),
    /// Another process drains the spool.
    Elsewhere,
}

/// Sends what waits in the spool, the oldest first; one process does it, the others leave it to
/// that one.
pub(super) async fn drain(
    spool: &Spool,
    queue: &dyn Publisher,
    plan: &Plan,
    counters: &Counters,
    stop: &CancellationToken,
) -> Result<Drained> {
    loop {
        let Some(lock) = lock::take(&spool.lock_path(), false).await? else {
            return Ok(Drained::Elsewhere);
        };
        outwait_the_dead(spool, stop).await?;
        let round = once(spool, queue, plan, counters, stop).await;
        drop(lock);
        let Round { received, failure } = round?;
        if let Some(why) = failure {
            return Ok(Drained::Left(why));
        }
        // Asked behind the lock: whoever was turned away by it had put its messages there before.
        match spool.backlog(1).await?.messages {
            0 => return Ok(Drained::Emptied),
            _ if stop.is_cancelled() => {
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
async fn outwait_the_dead(spool: &Spool, stop: &CancellationToken) -> Result<()> {
    // A moment more than the lease: it may have been extended just before its holder died.
    let deadline = Instant::now() + LEASE + Duration::from_secs(1);
    while spool.backlog(0).await?.leased && Instant::now() < deadline {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = stop.cancelled() => break,
        }
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
    stop: &CancellationToken,
) -> Result<Round> {
    let (url, options) = spool.to_receive().await?;
    let from = url.to_string();
    let subscriber = queues::open_subscriber(url, &options).await?;
    let sink = Forward::to(Box::new(Sent { queue, counters }));
    let dead = DeadLetters::new(None, from, options.clone());
    let plan = draining(options.lease, plan.grace);
    // What became dead letters is told also where the drain is broken off.
    let mine = Buried { counters: Counters::default(), of_run: counters };
    let parts = Parts {
        queue: &*subscriber,
        sink: &sink,
        dead: &dead,
        attempts: None,
        plan: &plan,
        counters: &mine.counters,
    };
    let result = subscribe(parts, stop.cancelled()).await;
    let closed = dead.close().await.and(subscriber.close().await);
    let failure = match result {
        Err(error) if error.kind() != Kind::Rejected => Some(sink.into_failure().unwrap_or(error)),
        _ => None,
    };
    let received = mine.counters.received.load(Ordering::Relaxed);
    closed.map(|()| Round { received, failure })
}

/// How the second loop drains the spool.
fn draining(lease: Duration, grace: Duration) -> subscribe::Plan {
    subscribe::Plan {
        lease,
        grace,
        // One batch at a time: where the drain is killed, what it had taken comes back as a whole
        // and nothing overtakes it.
        in_flight: BATCH,
        batch: BATCH,
        concurrency: 1,
        // What the queue does not take for the moment never becomes a dead letter.
        retries: Limits { max_attempts: u32::MAX, max_lost: MAX_LOST, ..Limits::default() },
        ..subscribe::Plan::default()
    }
}

/// The counters of one look, of which the run's counters hear in the end what it buried.
struct Buried<'c> {
    counters: Counters,
    of_run: &'c Counters,
}

impl Drop for Buried<'_> {
    fn drop(&mut self) {
        let dead = self.counters.dead.load(Ordering::Relaxed);
        self.of_run.dead.fetch_add(dead, Ordering::Relaxed);
    }
}

/// A queue that somebody else closes; what it takes counts at once.
struct Sent<'q> {
    queue: &'q dyn Publisher,
    counters: &'q Counters,
}

#[async_trait]
impl Publisher for Sent<'_> {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let answers = self.queue.publish(batch).await?;
        for answer in &answers {
            let kind = match answer {
                Published::Accepted => &self.counters.published,
                Published::Duplicate => &self.counters.duplicate,
                Published::Retry(_) | Published::Refused(_) => continue,
            };
            count(kind, 1);
            count(&self.counters.drained, 1);
        }
        Ok(answers)
    }

    async fn ping(&self) -> Result<()> {
        self.queue.ping().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
