//! Work on jobs begins: that is noted in Redis, and frees the keys that kept others like them out.

use super::delivery;
use super::error::ServiceError;
use super::job::Job;
use super::pool::workers::Observation;
use super::scripts;
use super::shared::Shared;
use crate::message::{Delivery, Receipt};
use bytes::Bytes;

/// A job whose key is freed.
struct Unique {
    receipt: Receipt,
    list: usize,
    key: String,
    bytes: Bytes,
}

/// What is told of a batch that begins.
struct Beginning {
    /// The name of the batch.
    field: String,
    /// What counts against each job if we die now.
    digests: String,
    unique: Vec<Unique>,
}

impl Shared {
    /// Notes that work on these begins, and frees their keys. Gives those whose place a newer job has
    /// taken, as it is. Without the note the work goes on.
    pub(super) async fn begun(&self, receipts: &[Receipt]) -> Vec<Delivery> {
        let beginning = self.beginning(receipts);
        self.observe_beginning(receipts);
        let told = match self.tell_begun(&beginning).await {
            Err(error) if error.may_pass() => self.tell_begun(&beginning).await,
            told => told,
        };
        match told {
            Ok(newer) => {
                let newer = beginning.unique.iter().zip(newer);
                newer.filter_map(|(old, bytes)| self.replace(old, bytes.into())).collect()
            }
            Err(error) => {
                let count = beginning.unique.len();
                tracing::warn!("{count} unique keys stay for their time: {}", error.reason);
                Vec::new()
            }
        }
    }

    fn beginning(&self, receipts: &[Receipt]) -> Beginning {
        let mut in_flight = self.in_flight();
        let field = in_flight.begin(receipts).to_string();
        let (mut digests, mut unique) = (Vec::with_capacity(receipts.len()), Vec::new());
        for receipt in receipts {
            let Some(lease) = in_flight.lease_mut(receipt) else { continue };
            digests.push(delivery::digest(&lease.bytes));
            let (list, bytes) = (lease.list, lease.bytes.clone());
            let key = lease.unique_key.take();
            unique.extend(key.map(|key| Unique { receipt: receipt.clone(), list, key, bytes }));
        }
        Beginning { field, digests: digests.join(" "), unique }
    }

    /// Shows what a worker works on now: the first of a batch tells it.
    fn observe_beginning(&self, receipts: &[Receipt]) {
        let Some(receipt) = receipts.first() else { return };
        let bytes = self.in_flight().lease(receipt).map(|lease| lease.bytes.clone());
        if let Some(bytes) = bytes
            && let Ok(job) = Job::parse(&bytes)
        {
            let started_at = self.now();
            self.workers.begin(Observation::of(&job, receipt.clone(), started_at));
        }
    }

    async fn tell_begun(&self, beginning: &Beginning) -> Result<Vec<Vec<u8>>, ServiceError> {
        let mut script = scripts::BEGUN.prepare_invoke();
        script.key(self.keys.begun(&self.pool.id));
        script.arg(&beginning.field).arg(&beginning.digests);
        for Unique { list, key, bytes, .. } in &beginning.unique {
            script.key(self.in_progress(*list)).key(key);
            script.arg(&bytes[..]).arg(delivery::digest(bytes));
        }
        let newer = self.redis.invoke(&script).await;
        fail::fail_point!("redis-begun");
        newer
    }

    /// The job that has taken the place of another, with the other's receipt.
    fn replace(&self, old: &Unique, newer: Bytes) -> Option<Delivery> {
        // The script gives what is a job, or nothing.
        let job = Job::parse(&newer).ok()?;
        let mut in_flight = self.in_flight();
        let lease = in_flight.lease_mut(&old.receipt)?;
        lease.note = Some(format!("replaced:{}", delivery::digest(&old.bytes)));
        lease.bytes = newer.clone();
        Some(delivery::of(&job, &newer, old.receipt.clone()))
    }

    /// Nothing came of the work on these.
    pub(super) async fn interrupted(&self, receipts: &[Receipt]) {
        self.workers.end(receipts.iter());
        let over = self.in_flight().interrupt(receipts);
        if over.is_empty() {
            return;
        }
        let key = self.keys.begun(&self.pool.id);
        let forget = self.redis.query::<()>(redis::cmd("HDEL").arg(key).arg(&over)).await;
        if let Err(error) = forget {
            tracing::debug!("it is not noted what is no longer worked on: {}", error.reason);
        }
    }
}
