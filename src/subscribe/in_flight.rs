//! What is in flight: every delivery that was received and is not settled.

use super::lanes::{Batch, Lane, Lanes};
use crate::message::{Delivery, Receipt};
use foldhash::HashMap;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// Deliveries in flight, counted by number and bytes. Those that wait for a write are held here;
/// those that are being written, or kept on purpose, are only remembered.
pub struct InFlight {
    ordered: bool,
    lanes: Lanes,
    leased: Leased,
    bytes: usize,
    /// How many of those in flight take no room.
    aside: usize,
    due: BTreeSet<(Instant, Receipt)>,
    stopped: HashMap<Lane, Until>,
    quiet_since: Instant,
}

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Not at all: its queue holds it back.
    Now,
    /// A retry is due.
    Due(Instant),
    /// The run ends.
    TheEnd,
}

/// Everything in flight, by receipt; whoever extends the leases reads along.
#[derive(Clone, Default)]
pub struct Leased(Arc<Mutex<HashMap<Receipt, Lease>>>);

#[derive(Clone, Copy)]
struct Lease {
    /// In bytes.
    size: usize,
    /// When it began, or was last extended.
    begun: Instant,
    /// Whether it takes no room; then its size is nothing.
    aside: bool,
}

impl Leased {
    fn lock(&self) -> MutexGuard<'_, HashMap<Receipt, Lease>> {
        self.0.lock().expect("no holder of the receipts panics")
    }

    /// Those whose lease began, or was last extended, at least this long ago.
    pub fn leased_for(&self, age: Duration, now: Instant) -> Vec<Receipt> {
        let old = |lease: &Lease| now.duration_since(lease.begun) >= age;
        let leases = self.lock();
        leases.iter().filter(|(_, lease)| old(lease)).map(|(receipt, _)| receipt.clone()).collect()
    }

    /// The leases of these were extended.
    pub fn extended(&self, receipts: &[Receipt], now: Instant) {
        let mut leases = self.lock();
        for receipt in receipts {
            if let Some(lease) = leases.get_mut(receipt) {
                lease.begun = now;
            }
        }
    }
}

impl InFlight {
    /// Nothing, for a sink that keeps the order within groups or does not.
    pub fn new(ordered: bool, now: Instant) -> Self {
        Self {
            ordered,
            lanes: Lanes::new(ordered),
            leased: Leased::default(),
            bytes: 0,
            aside: 0,
            due: BTreeSet::new(),
            stopped: HashMap::default(),
            quiet_since: now,
        }
    }

    /// Everything in flight, for whoever extends the leases.
    pub fn leased(&self) -> Leased {
        self.leased.clone()
    }

    /// How many deliveries are in flight, those that were set aside not among them.
    pub fn len(&self) -> usize {
        self.leased.lock().len() - self.aside
    }

    /// This one stays ours, and takes no room from the others any more.
    pub fn set_aside(&mut self, receipt: &Receipt) {
        if let Some(lease) = self.leased.lock().get_mut(receipt)
            && !std::mem::replace(&mut lease.aside, true)
        {
            self.bytes -= std::mem::take(&mut lease.size);
            self.aside += 1;
        }
    }

    /// How many bytes are in flight.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many deliveries wait for a write.
    pub fn waiting(&self) -> usize {
        self.lanes.waiting()
    }

    /// How many of them nothing holds up.
    pub fn free(&self) -> usize {
        self.lanes.free()
    }

    /// How many bytes these have.
    pub fn free_bytes(&self) -> usize {
        self.lanes.free_bytes()
    }

    /// Whether one waits that has to be written alone.
    pub fn has_suspect(&self) -> bool {
        self.lanes.has_suspect()
    }

    /// When the last delivery came or was settled.
    pub fn quiet_since(&self) -> Instant {
        self.quiet_since
    }

    /// A message of each of these lanes failed: what waits behind it is kept as long as itself.
    /// Gives how many of them are kept to the end.
    pub fn stop(&mut self, lanes: HashMap<Lane, Until>, now: Instant) -> usize {
        let mut to_the_end = 0;
        for (lane, until) in lanes {
            for delivery in self.lanes.take(lane) {
                to_the_end += self.keep(delivery, until, now);
            }
            if until != Until::Now {
                self.stopped.insert(lane, until);
            }
        }
        to_the_end
    }

    /// Keeps this, unwritten; gives 1 where that is to the end.
    fn keep(&mut self, delivery: Delivery, until: Until, now: Instant) -> usize {
        match until {
            Until::Now => self.keep_until(delivery.receipt, now),
            Until::Due(due) => self.keep_until(delivery.receipt, due),
            Until::TheEnd => return 1,
        }
        0
    }

    /// Puts these behind what waits, but for those whose lane is stopped.
    fn enter_lanes(&mut self, deliveries: Vec<Delivery>, now: Instant) -> usize {
        let mut to_the_end = 0;
        for delivery in deliveries {
            let stopped = match self.stopped.is_empty() {
                true => None,
                false => self.stopped.get(&Lane::of(&delivery.message, self.ordered)).copied(),
            };
            match stopped {
                Some(until) => to_the_end += self.keep(delivery, until, now),
                None => self.lanes.push(delivery),
            }
        }
        to_the_end
    }

    /// Takes what was received; gives how many of them are kept to the end.
    pub fn take(&mut self, deliveries: Vec<Delivery>, now: Instant) -> usize {
        self.quiet_since = now;
        {
            let mut leases = self.leased.lock();
            for delivery in &deliveries {
                let size = delivery.message.size();
                let lease = Lease { size, begun: now, aside: false };
                if leases.insert(delivery.receipt.clone(), lease).is_none() {
                    self.bytes += size;
                }
            }
        }
        self.enter_lanes(deliveries, now)
    }

    /// Takes back what was in a batch and could not be written: it is the next of its lane.
    pub fn take_back(&mut self, deliveries: Vec<Delivery>) {
        self.lanes.put_back(deliveries);
    }

    /// A batch is over: its lanes go on.
    pub fn go_on(&mut self, lanes: Vec<Lane>) {
        self.lanes.go_on(lanes);
    }

    /// The next batch to write: at most `max` messages, ending when it holds `max_bytes`.
    pub fn batch(&mut self, max: usize, max_bytes: usize) -> Batch {
        self.lanes.batch(max, max_bytes)
    }

    /// The next message that has to be written alone.
    pub fn suspect(&mut self) -> Option<Batch> {
        self.lanes.suspect()
    }

    /// Releases what is kept for later, and what waits for a write beyond the first `keep`:
    /// all this is to be given back.
    pub fn release(&mut self, keep: usize) -> Vec<Receipt> {
        self.stopped.clear();
        let kept = std::mem::take(&mut self.due).into_iter().map(|(_, receipt)| receipt);
        let beyond = self.lanes.release(keep).into_iter().map(|delivery| delivery.receipt);
        beyond.chain(kept).collect()
    }

    /// Remembers that a delivery, written or not, is to be given back at this time.
    pub fn keep_until(&mut self, receipt: Receipt, due: Instant) {
        self.due.insert((due, receipt));
    }

    /// These are no longer ours.
    pub fn settled(&mut self, receipts: &[Receipt], now: Instant) {
        self.quiet_since = now;
        let mut leases = self.leased.lock();
        for lease in receipts.iter().filter_map(|receipt| leases.remove(receipt)) {
            self.bytes -= lease.size;
            self.aside -= usize::from(lease.aside);
        }
    }

    /// When the first kept delivery is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes those that are due.
    pub fn take_due(&mut self, now: Instant) -> Vec<Receipt> {
        self.stopped.retain(|_, until| !matches!(until, Until::Due(due) if *due <= now));
        let mut receipts = Vec::new();
        while self.next_due().is_some_and(|due| due <= now) {
            receipts.extend(self.due.pop_first().map(|(_, receipt)| receipt));
        }
        receipts
    }
}
