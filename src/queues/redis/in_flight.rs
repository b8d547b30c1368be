//! What a pool has taken and not settled: what waits to be handed out, and what was.

use crate::batch::{BatchBuilder, BatchLimits};
use crate::message::{Delivery, Receipt};
use bytes::Bytes;
use foldhash::HashMap;
use std::collections::VecDeque;

/// One job of ours.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    /// From which list it came, by the number of its job.
    pub(super) list: usize,
    /// What is in the in-progress list: who finds these bytes there has the lease still.
    pub(super) bytes: Bytes,
    /// The key that keeps others like it out until work on it begins.
    pub(super) unique_key: Option<String>,
    /// Whether a pool died while it worked on it.
    pub(super) reaped: bool,
    /// The batch that it is worked on in.
    pub(super) batch: Option<u64>,
    /// The note that another job has taken its place.
    pub(super) note: Option<String>,
}

impl Lease {
    /// What was taken from a list of this number.
    pub(super) fn new(list: usize, bytes: Bytes) -> Self {
        Self { list, bytes, unique_key: None, reaped: false, batch: None, note: None }
    }
}

/// The jobs of ours, by receipt.
#[derive(Default)]
pub(super) struct InFlight {
    leases: HashMap<u64, Lease>,
    waiting: VecDeque<(Delivery, usize)>,
    /// How many of each batch are not settled.
    batches: HashMap<u64, usize>,
    /// Numbers leases and batches; never twice.
    last: u64,
    ended: Ended,
    /// How many could not be read.
    pub(super) unreadable: usize,
}

/// Notes in Redis that are of no more use.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    /// Fields of what this pool did.
    pub(super) fields: Vec<String>,
    /// Jobs that were counted because their pools had died.
    pub(super) reaped: Vec<Bytes>,
}

fn number(receipt: &Receipt) -> Option<u64> {
    receipt.0.parse().ok()
}

impl InFlight {
    /// A number that was never given before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// How many are ours.
    pub(super) fn count(&self) -> usize {
        self.leases.len()
    }

    /// How many wait to be handed out.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes in what came, with a receipt of its own.
    pub(super) fn arrive(&mut self, lease: Lease, mut delivery: Delivery) {
        let number = self.next_number();
        delivery.receipt = Receipt(number.to_string().into());
        self.leases.insert(number, lease);
        let size = delivery.message.size();
        self.waiting.push_back((delivery, size));
    }

    /// Hands out what is there, up to these limits.
    pub(super) fn deliver(&mut self, limits: BatchLimits) -> Vec<Delivery> {
        let mut out = BatchBuilder::<Vec<_>>::new(limits);
        while !out.is_full()
            && let Some((delivery, size)) = self.waiting.pop_front()
        {
            out.push(delivery, size);
        }
        out.into_content()
    }

    /// The lease of a receipt.
    pub(super) fn lease(&self, receipt: &Receipt) -> Option<&Lease> {
        self.leases.get(&number(receipt)?)
    }

    /// The lease of a receipt, to be changed.
    pub(super) fn lease_mut(&mut self, receipt: &Receipt) -> Option<&mut Lease> {
        self.leases.get_mut(&number(receipt)?)
    }

    /// All bytes that are ours.
    pub(super) fn bytes(&self) -> impl Iterator<Item = (usize, &Bytes)> {
        self.leases.values().map(|lease| (lease.list, &lease.bytes))
    }

    /// Work on these begins; gives the number of their batch.
    pub(super) fn begin(&mut self, receipts: &[Receipt]) -> u64 {
        let batch = self.next_number();
        let mut count = 0;
        for receipt in receipts {
            if let Some(lease) = self.lease_mut(receipt) {
                lease.batch = Some(batch);
                count += 1;
            }
        }
        self.batches.insert(batch, count);
        batch
    }

    /// Nothing came of the work on these; gives the batches of which nothing is worked on any more.
    pub(super) fn interrupt(&mut self, receipts: &[Receipt]) -> Vec<String> {
        let batches = receipts.iter().filter_map(|receipt| self.lease_mut(receipt)?.batch.take());
        let batches: Vec<_> = batches.collect();
        batches.into_iter().filter_map(|batch| self.leave(batch)).collect()
    }

    /// These are settled.
    pub(super) fn remove<'r>(&mut self, receipts: impl IntoIterator<Item = &'r Receipt>) {
        for receipt in receipts {
            let lease = number(receipt).and_then(|number| self.leases.remove(&number));
            let Some(lease) = lease else { continue };
            let batch = lease.batch.and_then(|batch| self.leave(batch));
            self.ended.fields.extend(batch.into_iter().chain(lease.note));
            self.ended.reaped.extend(lease.reaped.then_some(lease.bytes));
        }
    }

    /// This note is of no more use.
    pub(super) fn forget(&mut self, field: String) {
        self.ended.fields.push(field);
    }

    /// Takes the names of all notes that are of no more use.
    pub(super) fn take_ended(&mut self) -> Ended {
        std::mem::take(&mut self.ended)
    }

    /// One fewer is worked on in a batch; gives its name where it was the last one.
    fn leave(&mut self, batch: u64) -> Option<String> {
        let left = self.batches.get_mut(&batch)?;
        *left -= 1;
        if *left > 0 {
            return None;
        }
        self.batches.remove(&batch);
        Some(batch.to_string())
    }

    /// Takes what waits: it was never handed out.
    pub(super) fn take_waiting(&mut self) -> Vec<Receipt> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(delivery, _)| delivery.receipt).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn with(ids: &[&'static str]) -> InFlight {
        let mut in_flight = InFlight::default();
        for id in ids {
            let bytes = Bytes::from_static(id.as_bytes());
            let lease = Lease::new(0, bytes);
            let message = Message::new(*id, "12345");
            let receipt = Receipt("".into());
            in_flight.arrive(lease, Delivery { message, attempts: Some(1), lost: 0, receipt });
        }
        in_flight
    }

    fn deliver(in_flight: &mut InFlight, count: usize, bytes: usize) -> Vec<Receipt> {
        let delivered = in_flight.deliver(BatchLimits { count, bytes });
        delivered.into_iter().map(|delivery| delivery.receipt).collect()
    }

    #[test]
    fn what_waits_is_handed_out_up_to_the_limits() {
        let mut in_flight = with(&["a", "b", "c"]);
        assert_eq!(deliver(&mut in_flight, 9, 1).len(), 1);
        assert_eq!((in_flight.count(), in_flight.waiting()), (3, 2));
        assert_eq!(in_flight.take_waiting().len(), 2);
        assert_eq!(deliver(&mut in_flight, 9, 99), []);
    }

    #[test]
    fn the_same_bytes_twice_are_two_leases() {
        let mut in_flight = with(&["a", "a"]);
        let receipts = deliver(&mut in_flight, 9, 99);
        in_flight.remove(&receipts[..1]);
        assert!(in_flight.lease(&receipts[0]).is_none() && in_flight.lease(&receipts[1]).is_some());
    }

    #[test]
    fn a_batch_ends_with_the_last_of_it() {
        let mut in_flight = with(&["a", "b", "c"]);
        let receipts = deliver(&mut in_flight, 9, 99);
        let batch = in_flight.begin(&receipts).to_string();
        in_flight.remove(&receipts[..1]);
        assert!(in_flight.take_ended().fields.is_empty());
        assert!(in_flight.interrupt(&receipts[1..2]).is_empty());
        assert!(in_flight.interrupt(&receipts[1..2]).is_empty(), "only once");
        in_flight.remove(&receipts[2..]);
        assert_eq!(in_flight.take_ended().fields, [batch]);
    }
}
