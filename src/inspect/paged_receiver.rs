//! Receives a page of messages at a time, keeps their leases, and gives them back in the end.

use super::ended::Ended;
use crate::error::Result;
use crate::message::{Delivery, Receipt};
use crate::queues::{Receive, Select, Settled, Subscriber, Verdict};
use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// The most messages of one receive.
const PAGE: usize = 200;

/// The most bytes of one receive; a single message may be larger.
const PAGE_BYTES: usize = 16 << 20;

/// Leases are extended this long after they began, or were extended: those of a queue whose client
/// does not do it by itself last three times that, or longer.
const EXTENDED_AFTER: Duration = Duration::from_secs(10);

/// How much to receive, and how long to wait for it.
#[derive(Debug, Clone, Copy)]
pub struct ReceiveLimits {
    /// The most messages.
    pub max: usize,
    /// How long nothing may come before it is over.
    pub idle: Duration,
}

/// Messages in flight: received, and not settled yet.
pub(super) struct PagedReceiver {
    queue: Box<dyn Subscriber>,
    /// Since when each is leased.
    in_flight: Vec<(Receipt, Instant)>,
    left: usize,
    idle: Duration,
}

impl PagedReceiver {
    pub(super) fn new(queue: Box<dyn Subscriber>, limits: ReceiveLimits) -> Self {
        Self { queue, in_flight: Vec::new(), left: limits.max, idle: limits.idle }
    }

    /// The next ones; none when enough have come, or none any more. Cancel-safe.
    async fn take(&mut self) -> Result<Vec<Delivery>> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let until = Instant::now() + self.idle;
        loop {
            let now = Instant::now();
            let wait = until.saturating_duration_since(now).min(EXTENDED_AFTER);
            let max = self.left.min(PAGE);
            let request = Receive { max, max_bytes: PAGE_BYTES, wait, select: Select::Any };
            let taken = self.queue.receive(request).await?;
            self.left -= taken.len();
            self.in_flight.extend(taken.iter().map(|delivery| (delivery.receipt.clone(), now)));
            self.extend().await?;
            if !taken.is_empty() {
                return Ok(taken);
            }
            if Instant::now() >= until {
                // An outage looks like an empty queue.
                self.queue.ping().await?;
                return Ok(taken);
            }
        }
    }

    /// Extends the leases that are old.
    async fn extend(&mut self) -> Result<()> {
        let Some(leases) = self.queue.leases() else { return Ok(()) };
        let now = Instant::now();
        let is_old = |since: &Instant| now.duration_since(*since) >= EXTENDED_AFTER;
        let old: Vec<_> = self
            .in_flight
            .iter()
            .filter(|(_, since)| is_old(since))
            .map(|(receipt, _)| receipt.clone())
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        leases.extend(&old).await?;
        self.in_flight
            .iter_mut()
            .map(|(_, since)| since)
            .filter(|it| is_old(it))
            .for_each(|it| *it = now);
        Ok(())
    }

    /// Acknowledges these.
    pub(super) async fn forget(&mut self, receipts: Vec<Receipt>) -> Vec<Settled> {
        let over: HashSet<_> = receipts.iter().collect();
        self.in_flight.retain(|(receipt, _)| !over.contains(receipt));
        self.queue.settle(receipts.into_iter().map(|it| (it, Verdict::Ack)).collect()).await
    }

    /// Works on a page at a time until `work` says that it is enough, and gives back in the end what
    /// is still ours. A `stop` ends it early.
    pub(super) async fn each_page(
        mut self,
        stop: impl Future<Output = ()>,
        mut work: impl AsyncFnMut(&mut Self, Vec<Delivery>) -> Result<bool>,
    ) -> Result<Ended> {
        let mut stop = pin!(stop);
        let ended = loop {
            let page = tokio::select! {
                // Who has enough by now has no receive begun, whose messages would be in flight.
                biased;
                () = &mut stop => break Ok(Ended::Early),
                page = self.take() => page,
            };
            match page {
                Ok(page) if page.is_empty() => break Ok(Ended::All),
                Err(error) => break Err(error),
                Ok(page) => match work(&mut self, page).await {
                    Ok(true) => {}
                    Ok(false) => break Ok(Ended::Early),
                    Err(error) => break Err(error),
                },
            }
        };
        let closed = self.queue.close().await;
        ended.and_then(|ended| closed.map(|()| ended))
    }
}
