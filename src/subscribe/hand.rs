//! What is in hand: every delivery that was received and is not settled.

use crate::message::{Delivery, Receipt};
use std::collections::{BTreeSet, HashMap, VecDeque};
use tokio::time::Instant;

/// Deliveries in hand, counted by number and bytes. Those that wait for a write are held here;
/// those that are being written, or kept on purpose, are only remembered.
pub struct Hand {
    waiting: VecDeque<Delivery>,
    waiting_bytes: usize,
    waiting_since: Option<Instant>,
    /// Everything in hand, and its size in bytes.
    held: HashMap<Receipt, usize>,
    bytes: usize,
    due: BTreeSet<(Instant, Receipt)>,
    quiet_since: Instant,
}

impl Hand {
    pub fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            waiting_since: None,
            held: HashMap::new(),
            bytes: 0,
            due: BTreeSet::new(),
            quiet_since: now,
        }
    }

    /// How many deliveries are in hand.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// How many bytes are in hand.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many deliveries wait for a write.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes wait for a write.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Since when the oldest of them has been waiting.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since
    }

    /// When the last delivery came or was settled.
    pub fn quiet_since(&self) -> Instant {
        self.quiet_since
    }

    /// Takes what was received.
    pub fn take(&mut self, deliveries: Vec<Delivery>, now: Instant) {
        self.quiet_since = now;
        for delivery in deliveries {
            let size = delivery.message.size();
            if self.held.insert(delivery.receipt.clone(), size).is_none() {
                self.bytes += size;
            }
            self.waiting_bytes += size;
            self.waiting.push_back(delivery);
        }
        if !self.waiting.is_empty() {
            self.waiting_since.get_or_insert(now);
        }
    }

    /// The next batch to write: at most `max` messages, ending when it holds `max_bytes`.
    pub fn batch(&mut self, max: usize, max_bytes: usize) -> Vec<Delivery> {
        let mut batch = Vec::with_capacity(max.min(self.waiting.len()));
        let mut bytes = 0;
        while batch.len() < max && bytes < max_bytes {
            let Some(delivery) = self.waiting.pop_front() else { break };
            bytes += delivery.message.size();
            batch.push(delivery);
        }
        self.waiting_bytes -= bytes;
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
        batch
    }

    /// Remembers that a delivery, written or not, is to be given back at this time.
    pub fn keep_until(&mut self, receipt: Receipt, due: Instant) {
        self.due.insert((due, receipt));
    }

    /// These are no longer ours.
    pub fn settled(&mut self, receipts: &[Receipt], now: Instant) {
        self.quiet_since = now;
        for receipt in receipts {
            self.bytes -= self.held.remove(receipt).unwrap_or_default();
        }
    }

    /// When the first kept delivery is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes those that are due.
    pub fn take_due(&mut self, now: Instant) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        while self.next_due().is_some_and(|due| due <= now) {
            receipts.extend(self.due.pop_first().map(|(_, receipt)| receipt));
        }
        receipts
    }

    /// Everything in hand.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.held.keys().cloned().collect()
    }
}
