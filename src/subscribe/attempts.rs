//! Which attempt each delivery of a batch is: as the queue counts, or as we do where it does not
//! count as we mean it.

use super::plan::Rehearsal;
use super::work::Work;
use crate::attempts::Ended;
use crate::message::Delivery;
use crate::retry::Tries;
use chrono::{DateTime, Utc};

/// What is known about one delivery before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Try {
    pub(super) tries: Tries,
    /// When the message was first tried, where that is known.
    pub(super) first_at: Option<DateTime<Utc>>,
}

impl Work<'_> {
    /// Before a write: counts where the queue does not, and tells the deliveries their attempts.
    pub(super) async fn begin(&self, batch: &mut [Delivery]) -> Vec<Try> {
        let mut tries: Vec<_> = batch.iter().map(|delivery| self.as_the_queue(delivery)).collect();
        let places: Vec<_> = (0..batch.len()).filter(|at| self.counts(&batch[*at])).collect();
        let Some(attempts) = self.attempts.filter(|_| self.plan.rehearsal == Rehearsal::No) else {
            return tries;
        };
        if places.is_empty() {
            return tries;
        }
        let ids = places.iter().map(|at| batch[*at].message.id.clone()).collect();
        let Some(counted) = attempts.begin(ids).await else { return tries };
        for (at, tried) in places.into_iter().zip(counted) {
            batch[at].attempts = Some(tried.attempt);
            tries[at].tries.attempt = Some(tried.attempt);
            tries[at].first_at = Some(tried.first_at);
        }
        tries
    }

    /// Whether attempts of this one are counted here, and not by its queue.
    fn counts(&self, delivery: &Delivery) -> bool {
        delivery.attempts.is_none() || self.capabilities.release_counts
    }

    /// Where leases are counted here: which of these have lost one in mid-work.
    pub(super) async fn recall(&self, deliveries: &mut [Delivery]) {
        let Some(attempts) = self.attempts.filter(|_| self.plan.rehearsal == Rehearsal::No) else {
            return;
        };
        let places = 0..deliveries.len();
        let places: Vec<_> = places.filter(|at| self.counts(&deliveries[*at])).collect();
        if places.is_empty() {
            return;
        }
        let ids = places.iter().map(|at| deliveries[*at].message.id.clone()).collect();
        for (at, lost) in places.into_iter().zip(attempts.lost(ids).await.unwrap_or_default()) {
            deliveries[at].lost = lost;
        }
    }

    /// Tells the queue what is being worked on from now on, and puts what it has replaced into the
    /// batch.
    pub(super) async fn tell_begun(&self, batch: &mut [Delivery]) {
        if self.plan.rehearsal != Rehearsal::No {
            return;
        }
        let receipts: Vec<_> = batch.iter().map(|one| one.receipt.clone()).collect();
        for newer in self.queue.begun(&receipts).await {
            if let Some(older) = batch.iter_mut().find(|one| one.receipt == newer.receipt) {
                *older = newer;
            }
        }
    }

    /// A queue that counts releases too tells only when it is about to take the message away.
    fn as_the_queue(&self, delivery: &Delivery) -> Try {
        let deliveries = delivery.attempts.filter(|_| self.capabilities.release_counts);
        let last = deliveries.zip(self.plan.max_deliveries).is_some_and(|(n, limit)| n >= limit);
        Try { tries: Tries { attempt: delivery.attempts, last }, first_at: None }
    }

    /// After a batch was settled.
    pub(super) async fn end(&self, ended: &[(String, Ended)]) {
        if let Some(attempts) = self.attempts
            && !ended.is_empty()
        {
            attempts.end(ended.to_vec()).await;
        }
    }
}
