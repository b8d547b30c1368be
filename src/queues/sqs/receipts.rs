//! Leases that outlive the process that asked for them: a receipt handle is all that is needed to
//! settle them, whoever holds it.

use super::inspector::Inspector;
use super::limits::{BATCH, LONGEST_LEASE, validate_lease};
use super::prefetch::{Fetched, PrefetchBuffer};
use super::receivers::Shared;
use super::settle::{Obeyed, Order, SETTLING, seconds};
use super::subscriber::{cannot_select, settled};
use crate::error::{Error, Kind, Result};
use crate::message::{Delivery, Receipt};
use crate::queues::{LeaseRequest, Receipts, Select, Settled, Verdict};
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::Instant;

#[async_trait]
impl Receipts for Inspector {
    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Delivery>> {
        self.refuse_choice(&request)?;
        let LeaseRequest { max, time, wait, .. } = request;
        validate_lease(time)?;
        let deadline = Instant::now() + wait.min(LONGEST_LEASE);
        let (queue, codec) = (self.queue.clone(), self.codec.clone());
        let time = (time, self.options.clock.clone());
        let shared = Shared::new(queue, codec, time, PrefetchBuffer::new(0, 0), false);
        shared.buffer().ask(max, deadline);
        let mut leased = Vec::new();
        while leased.len() < max {
            match shared.fetch((max - leased.len()).min(BATCH)).await {
                Ok(fetched) if fetched.is_empty() => {
                    if !leased.is_empty() || Instant::now() >= deadline {
                        break;
                    }
                }
                Ok(fetched) => leased.extend(fetched.into_iter().map(delivery)),
                // What is ours already must be told: nobody else can give it back.
                Err(error) if !leased.is_empty() => {
                    tracing::warn!("there may be more: {}", error.reason);
                    break;
                }
                Err(error) => return Err(error.to_error("cannot receive from", &self.queue.name)),
            }
        }
        Ok(leased)
    }

    async fn settle(&self, verdicts: Vec<(Receipt, Verdict)>) -> Result<Vec<Settled>> {
        let now = Instant::now();
        let order = |verdict| match verdict {
            Verdict::Ack | Verdict::Bury(_) => Order::Delete,
            Verdict::Release => Order::Hide(0),
            Verdict::Retry { after, .. } => Order::Hide(seconds(after, now, now)),
        };
        let orders = verdicts.into_iter().map(|(receipt, verdict)| (receipt, order(verdict)));
        Ok(self.obey(orders.collect()).await?.into_iter().map(settled).collect())
    }

    async fn extend(&self, receipts: Vec<Receipt>, time: Duration) -> Result<Vec<Settled>> {
        validate_lease(time.min(LONGEST_LEASE))?;
        let now = Instant::now();
        let order = Order::Hide(seconds(time, now, now));
        let orders = receipts.into_iter().map(|receipt| (receipt, order.clone())).collect();
        Ok(self.obey(orders).await?.into_iter().map(settled).collect())
    }
}

fn delivery(fetched: Fetched) -> Delivery {
    let Fetched { message, attempts, lease } = fetched;
    Delivery { message, attempts, lost: 0, receipt: lease.receipt }
}

impl Inspector {
    /// Refuses a lease of certain messages only.
    fn refuse_choice(&self, request: &LeaseRequest) -> Result<()> {
        if request.group.is_some() {
            let what = format!("cannot lease by group from {}", self.queue.name);
            return Err(Error::new(Kind::Configuration, what)
                .because_of("SQS gives whatever is there")
                .hint("leave `--group` out; a FIFO queue keeps the order by itself"));
        }
        match request.select {
            Select::Any => Ok(()),
            Select::Tag(_) | Select::OldestTag => Err(cannot_select(&self.queue.name)),
        }
    }

    /// Carries out orders; an error where it is the whole queue's.
    async fn obey(&self, orders: Vec<(Receipt, Order)>) -> Result<Vec<Obeyed>> {
        let obeyed = self.queue.obey(orders, SETTLING).await;
        match obeyed.iter().find_map(|it| it.as_ref().err().filter(|it| it.is_of_the_queue())) {
            Some(error) => Err(error.to_error("cannot settle in", &self.queue.name)),
            None => Ok(obeyed),
        }
    }
}
