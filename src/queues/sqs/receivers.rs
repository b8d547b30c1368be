//! The requests that bring messages: tasks of their own, so that a dropped call of `receive` loses
//! nothing.

use super::client::{Queue, within};
use super::codec::{self, Codec};
use super::error::ServiceError;
use super::limits::LONGEST_LEASE;
use super::prefetch::{Fetched, Lease, PrefetchBuffer};
use super::settle::Order;
use crate::clock::Clock;
use crate::message::{Message, Receipt};
use aws_sdk_sqs::types::{Message as Wire, MessageSystemAttributeName as System};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How much longer an answer may take than the service waits.
const BEYOND: Duration = Duration::from_secs(10);

/// How long a request that is on its way may take to end by itself when receiving stops. One that
/// is cut may take messages that nobody sees: they are redelivered when their lease ends. Those of a
/// drain, which wait for a few seconds only, are not cut.
const PARTING: Duration = Duration::from_secs(2);
const PARTING_OF_SHORT: Duration = Duration::from_secs(5);

/// The backoff after a request that failed.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_secs(20))
    .with_jitter()
    .without_max_times();

/// What is asked of a message beside its body and attributes.
const SYSTEM: [System; 5] = [
    System::ApproximateFirstReceiveTimestamp,
    System::ApproximateReceiveCount,
    System::DeadLetterQueueSourceArn,
    System::MessageGroupId,
    System::SentTimestamp,
];

/// What receivers, settling and extending share.
pub(super) struct Shared {
    pub(super) queue: Arc<Queue>,
    pub(super) codec: Codec,
    pub(super) lease: Duration,
    pub(super) clock: Clock,
    /// Whether dead letters note from which queue the service moved them, and since when they were
    /// received there.
    pub(super) telling: bool,
    buffer: Mutex<PrefetchBuffer>,
    /// Wakes who waits for messages: something came, or will not.
    pub(super) arrived: Notify,
    /// Wakes the tasks: something more may be fetched.
    pub(super) wanted: Notify,
}

impl Shared {
    pub(super) fn new(
        queue: Arc<Queue>,
        codec: Codec,
        (lease, clock): (Duration, Clock),
        buffer: PrefetchBuffer,
        telling: bool,
    ) -> Self {
        let (arrived, wanted) = Default::default();
        let buffer = Mutex::new(buffer);
        Self { queue, codec, lease, clock, telling, buffer, arrived, wanted }
    }

    pub(super) fn buffer(&self) -> MutexGuard<'_, PrefetchBuffer> {
        self.buffer.lock().expect("no holder of the buffer panics")
    }

    /// One request for so many messages.
    pub(super) async fn fetch(&self, count: usize) -> Result<Vec<Fetched>, ServiceError> {
        let url = self.queue.url().await?;
        let seconds = |time: Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
        let asked = Instant::now();
        let wait = self.buffer().wait(asked);
        let request = self
            .queue
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(count).expect("10 at most"))
            .visibility_timeout(seconds(self.lease))
            .wait_time_seconds(seconds(wait))
            .message_attribute_names("All")
            .set_message_system_attribute_names(Some(SYSTEM.to_vec()));
        let answer = within(wait + BEYOND, request.send()).await?;
        // The service answers when it has something: the leases began a moment ago, not when it was
        // asked.
        let since = (asked, Instant::now());
        let wires = answer.messages.unwrap_or_default();
        let fetched: Vec<_> = wires.into_iter().filter_map(|it| self.unpack(it, since)).collect();
        Ok(self.put_off(fetched, asked).await)
    }

    /// A message with its lease, which began between `asked` and `came`; `None` where the service gave
    /// no receipt handle.
    fn unpack(&self, mut wire: Wire, (asked, came): (Instant, Instant)) -> Option<Fetched> {
        let receipt = Receipt(wire.receipt_handle.take()?.into());
        let mut message = self.codec.unpack(&mut wire);
        if self.telling {
            super::server_dead_letters::note(&mut message, &wire);
        }
        let attempts = codec::system(&wire, &System::ApproximateReceiveCount);
        let lease = Lease {
            receipt,
            since: asked,
            ends: came + self.lease,
            group: message.group.clone().filter(|_| self.codec.fifo),
            size: message.size(),
        };
        Some(Fetched { message, attempts: attempts.and_then(|it| it.parse().ok()), lease })
    }

    /// What is not due yet is hidden until then, or for as long as SQS can: on a FIFO queue it
    /// holds back what follows it in its group.
    async fn put_off(&self, fetched: Vec<Fetched>, since: Instant) -> Vec<Fetched> {
        let now = self.clock.now();
        let ahead = |message: &Message| {
            message.not_before.and_then(|due| (due - now).to_std().ok()).filter(|it| !it.is_zero())
        };
        let (early, due): (Vec<_>, Vec<_>) =
            fetched.into_iter().partition(|one| ahead(&one.message).is_some());
        if !early.is_empty() {
            let hide = |one: Fetched| {
                let time = ahead(&one.message).unwrap_or_default().min(LONGEST_LEASE);
                let seconds = super::settle::seconds(time, since, Instant::now());
                (one.lease.receipt, Order::Hide(seconds))
            };
            // What cannot be hidden is redelivered when its lease ends, and is looked at anew.
            self.queue.obey(early.into_iter().map(hide).collect(), self.lease).await;
        }
        due
    }
}

/// Tasks that receive.
pub(super) struct Receivers {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Receivers {
    /// Starts so many tasks; each fetches when somebody asks.
    pub(super) fn start(shared: &Arc<Shared>, count: usize) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(receive(shared.clone(), stop.clone()));
        }
        Self { shared: shared.clone(), stop, tasks }
    }

    /// Ends the tasks. What they brought until then is in the buffer.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let rest = self.shared.buffer().waits(Instant::now()) + Duration::from_secs(1);
        let parting = if rest <= PARTING_OF_SHORT { PARTING_OF_SHORT } else { PARTING };
        if timeout(parting, ended).await.is_err() {
            tracing::debug!("a request for messages was cut");
            self.tasks.shutdown().await;
        }
    }
}

async fn receive(shared: Arc<Shared>, stop: CancellationToken) {
    let mut backoff = BACKOFF.build();
    while !stop.is_cancelled() {
        let wanted = shared.wanted.notified();
        let Some(count) = shared.buffer().claim(Instant::now()) else {
            tokio::select! {
                () = stop.cancelled() => return,
                () = wanted => continue,
            }
        };
        // The claim comes back even where this task is ended in between.
        let claim = Claim { shared: &shared, count };
        match shared.fetch(count).await {
            Ok(fetched) => {
                backoff = BACKOFF.build();
                claim.brings(fetched);
            }
            Err(error) if error.may_pass() => {
                if shared.buffer().back_off(error.clone()) {
                    let name = &shared.queue.name;
                    tracing::warn!("cannot receive from {name}, trying again: {}", error.reason);
                }
                drop(claim);
                let delay = backoff.next().expect("this backoff has no end");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(delay) => {}
                }
            }
            Err(error) => {
                shared.buffer().fail(error);
                return;
            }
        }
    }
}

/// A request on its way.
struct Claim<'s> {
    shared: &'s Shared,
    count: usize,
}

impl Claim<'_> {
    fn brings(mut self, fetched: Vec<Fetched>) {
        self.give(Some(fetched));
    }

    fn give(&mut self, fetched: Option<Vec<Fetched>>) {
        if let count @ 1.. = std::mem::take(&mut self.count) {
            self.shared.buffer().arrive(count, fetched);
            self.shared.arrived.notify_waiters();
            self.shared.wanted.notify_waiters();
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.give(None);
    }
}
