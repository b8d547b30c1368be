//! The queue in memory, watched: it tells what was asked of it, and can play a service.

use crate::support::loop_fixture::LoopFixture;
use async_trait::async_trait;
use kakehi::queues::{
    Backoff, Capabilities, Emptiness, Leases, Receive, Settled, Subscriber, Verdict,
};
use kakehi::{Delivery, Receipt, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A queue that tells what was asked of it.
pub struct Watched {
    queue: Box<dyn Subscriber>,
    pauses: AtomicUsize,
    pub extended: Arc<Extended>,
    service: bool,
    /// What it offers for the pauses between attempts.
    pub backoff: Option<Backoff>,
    /// All that were to be carried out.
    pub verdicts: Mutex<Vec<Verdict>>,
}

#[derive(Default)]
pub struct Extended {
    pub receipts: Mutex<Vec<Receipt>>,
    pub times: AtomicUsize,
}

impl Watched {
    /// The queue in memory as it is.
    pub async fn of(fixture: &LoopFixture) -> Self {
        let (pauses, extended, verdicts) = Default::default();
        let queue = fixture.subscriber().await;
        Self { queue, pauses, extended, service: false, backoff: None, verdicts }
    }

    /// The queue in memory as a service that counts nothing, delays nothing, buries nothing and
    /// does not know whether it is empty.
    pub async fn service(fixture: &LoopFixture) -> Self {
        Self { service: true, ..Self::of(fixture).await }
    }

    pub fn pauses(&self) -> usize {
        self.pauses.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Subscriber for Watched {
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        let mut deliveries = self.queue.receive(request).await?;
        if self.service {
            deliveries.iter_mut().for_each(|one| (one.attempts, one.lost) = (None, 0));
        }
        Ok(deliveries)
    }

    async fn begun(&self, receipts: &[Receipt]) -> Vec<Delivery> {
        self.queue.begun(receipts).await
    }

    async fn interrupted(&self, receipts: &[Receipt]) {
        self.queue.interrupted(receipts).await;
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let verdicts = batch.iter().map(|(_, verdict)| verdict.clone());
        self.verdicts.lock().unwrap().extend(verdicts);
        self.queue.settle(batch).await
    }

    async fn ping(&self) -> Result<()> {
        self.queue.ping().await
    }

    async fn pause(&self) -> Result<()> {
        self.pauses.fetch_add(1, Ordering::SeqCst);
        self.queue.pause().await
    }

    /// They are recorded, and not made longer.
    fn leases(&self) -> Option<Arc<dyn Leases>> {
        Some(self.extended.clone())
    }

    async fn max_deliveries(&self) -> Result<Option<u32>> {
        self.queue.max_deliveries().await
    }

    fn capabilities(&self) -> Capabilities {
        if !self.service {
            return Capabilities { backoff: self.backoff, ..Capabilities::default() };
        }
        Capabilities {
            delays: false,
            buries: false,
            dead_letters: Some("memory:dead-letters-of-a-service".to_owned()),
            emptiness: Emptiness::Unknown,
            ..Capabilities::default()
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.queue.close().await
    }
}

#[async_trait]
impl Leases for Extended {
    async fn extend(&self, receipts: &[Receipt]) -> Result<()> {
        *self.receipts.lock().unwrap() = receipts.to_vec();
        self.times.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
