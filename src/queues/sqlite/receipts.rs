//! Leases of an embedded queue that outlive the process that asked for them: their receipt is all
//! that is needed to settle them, and nothing gives them back before their time.

use super::begun;
use super::claim::{Look, Suspects};
use super::clock;
use super::inspector::Inspector;
use super::lease::{Claim, token};
use super::settle::{extend, settle};
use super::waiting::{LONGEST_WAIT, Looked};
use crate::clients::sqlite::Database;
use crate::error::Result;
use crate::message::{Delivery, Receipt};
use crate::queues::{LeaseRequest, Receipts, Receive, Settled, Verdict};
use async_trait::async_trait;
use rusqlite::Connection;
use std::time::Duration;
use tokio::time::Instant;

/// Beyond this many bytes nothing more is leased at once.
const MOST_BYTES: usize = 64 << 20;

#[async_trait]
impl Receipts for Inspector {
    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Delivery>> {
        let deadline = Instant::now() + request.wait.min(LONGEST_WAIT);
        let database = self.database().await?;
        loop {
            // Listen before looking: what comes between the two is heard.
            let changes = database.changes();
            let (leased, looked) = self.lease_now(&database, request.clone()).await?;
            if !leased.is_empty() || Instant::now() >= deadline {
                return Ok(leased);
            }
            looked.wait(changes, &self.clock, deadline).await;
        }
    }

    async fn settle(&self, verdicts: Vec<(Receipt, Verdict)>) -> Result<Vec<Settled>> {
        let (queue, clock, remember) = (self.number, self.clock.clone(), self.remember);
        let verdicts: Vec<_> =
            verdicts.into_iter().map(|(receipt, verdict)| (Claim::of(&receipt), verdict)).collect();
        self.write(move |c| settle(c, queue, clock.millis(), remember, &verdicts)).await
    }

    async fn extend(&self, receipts: Vec<Receipt>, time: Duration) -> Result<Vec<Settled>> {
        let (queue, clock) = (self.number, self.clock.clone());
        let lease = clock::length(time);
        self.write(move |c| {
            let now = clock::now(c, &clock)?;
            let extend_one = |receipt: &Receipt| {
                let claims: Vec<_> = Claim::of(receipt).into_iter().collect();
                let extended = extend(c, queue, now, lease, &claims)?;
                Ok(if extended == [true] { Settled::Done } else { Settled::LeaseLost })
            };
            receipts.iter().map(extend_one).collect()
        })
        .await
    }
}

impl Inspector {
    /// Leases what is there now. Whoever asks for a receipt works on it.
    async fn lease_now(
        &self,
        database: &Database,
        request: LeaseRequest,
    ) -> Result<(Vec<Delivery>, Looked)> {
        let LeaseRequest { max, time, wait, select, group } = request;
        let look = Look {
            queue: self.number,
            lease: clock::length(time),
            token: token(),
            suspects: Suspects::Last,
            counts_leases: false,
            request: Receive { max, max_bytes: MOST_BYTES, wait, select },
            group,
        };
        let clock = self.clock.clone();
        let lease = move |c: &Connection| {
            let (now, monotonic) = (clock::now(c, &clock)?, clock.monotonic());
            let found = look.run_until_found(c, now)?;
            let claims: Vec<_> = found.deliveries.iter().map(|it| it.claim).collect();
            begun::begin(c, &claims)?;
            let leased = found.deliveries.into_iter().map(|it| it.delivery).collect();
            Ok((leased, Looked::of(found.next, found.more, now, monotonic)))
        };
        database.write(lease).await
    }
}
