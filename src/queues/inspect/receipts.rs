//! Leases to somebody who is no process.

use crate::error::Result;
use crate::message::{Delivery, Receipt};
use crate::queues::{Select, Settled, Verdict};
use async_trait::async_trait;
use std::time::Duration;

/// Which messages to lease to somebody who is no process, and for how long.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// At most this many messages.
    pub max: usize,
    /// How long each lease is.
    pub time: Duration,
    /// How long to wait for the first message; zero looks once.
    pub wait: Duration,
    /// Which messages.
    pub select: Select,
    /// The group that they are of, in its order; `None`: of any or none.
    pub group: Option<String>,
}

impl LeaseRequest {
    /// Any messages that are there now.
    pub fn now(max: usize, time: Duration) -> Self {
        Self { max, time, wait: Duration::ZERO, select: Select::Any, group: None }
    }
}

/// Leases messages to somebody who is no process: a lease lasts until it is settled or its time is
/// over, whoever holds its receipt.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Leases what is there, the oldest first; where nothing is, as soon as something comes. What a
    /// call has leased that was dropped is offered again when its time is over.
    ///
    /// # Errors
    /// `Configuration` where the queue cannot select by tag or by group, and that was asked for.
    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Delivery>>;

    /// Carries out verdicts, and answers per delivery in their order. An error is of all of them:
    /// none was carried out.
    async fn settle(&self, verdicts: Vec<(Receipt, Verdict)>) -> Result<Vec<Settled>>;

    /// Each lease ends this long from now; answers per receipt in their order.
    async fn extend(&self, receipts: Vec<Receipt>, time: Duration) -> Result<Vec<Settled>>;
}
