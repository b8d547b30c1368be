//! Leases of an embedded queue that outlive the process that asked for them: their receipt is all
//! that is needed to settle them, and nothing gives them back before their time.

use super::begun;
use super::claim::{Look, Suspects};
use super::clock;
use super::inspector::Inspector;
use super::lease::Claim;
use super::settle::{extend, settle};
use crate::error::Result;
use crate::message::{Delivery, Receipt};
use crate::queues::{Receipts, Receive, Select, Settled, Verdict};
use async_trait::async_trait;
use std::time::Duration;

/// Beyond this many bytes nothing more is leased at once.
const MOST_BYTES: usize = 64 << 20;

#[async_trait]
impl Receipts for Inspector {
    async fn lease(
        &self,
        max: usize,
        time: Duration,
        group: Option<String>,
    ) -> Result<Vec<Delivery>> {
        let look = Look {
            queue: self.number,
            lease: clock::length(time),
            token: fastrand::i64(1..),
            suspects: Suspects::Last,
            request: Receive {
                max,
                max_bytes: MOST_BYTES,
                wait: Duration::ZERO,
                select: Select::Any,
            },
            group,
        };
        let clock = self.clock.clone();
        // What is due comes back in steps; the first ones may bring nothing that can be leased.
        self.write(move |c| {
            let now = clock::now(c, &clock)?;
            loop {
                let found = look.run(c, now)?;
                if !found.deliveries.is_empty() || !found.more {
                    // Whoever asks for a receipt works on it.
                    let claims: Vec<_> = found.deliveries.iter().map(|(claim, _)| *claim).collect();
                    begun::begin(c, &claims)?;
                    return Ok(found.deliveries.into_iter().map(|(_, it)| it).collect());
                }
            }
        })
        .await
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
