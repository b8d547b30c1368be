//! What is in hand: every delivery that was received and is not settled.

use crate::message::{Delivery, Receipt};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// Deliveries in hand, counted by number and bytes. Those that wait for a write are held here;
/// those that are being written, or kept on purpose, are only remembered.
pub struct Hand {
    waiting: VecDeque<Delivery>,
    waiting_bytes: usize,
    waiting_since: Option<Instant>,
    held: Held,
    bytes: usize,
    /// How many of those in hand take no room.
    aside: usize,
    due: BTreeSet<(Instant, Receipt)>,
    stopped: HashMap<String, Until>,
    quiet_since: Instant,
}

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// A retry is due.
    Due(Instant),
    /// The run ends.
    TheEnd,
}

/// Everything in hand, by receipt; whoever extends the leases reads along.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<HashMap<Receipt, Holding>>>);

#[derive(Clone, Copy)]
struct Holding {
    /// In bytes.
    size: usize,
    /// When its lease began, or was last extended.
    leased: Instant,
    /// It takes no room, and its size is nothing.
    aside: bool,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, HashMap<Receipt, Holding>> {
        self.0.lock().expect("no holder of the receipts panics")
    }

    /// Those whose lease began, or was last extended, at least this long ago.
    pub fn leased_for(&self, age: Duration, now: Instant) -> Vec<Receipt> {
        let old = |holding: &Holding| now.duration_since(holding.leased) >= age;
        let held = self.lock();
        held.iter().filter(|(_, held)| old(held)).map(|(receipt, _)| receipt.clone()).collect()
    }

    /// The leases of these were extended.
    pub fn extended(&self, receipts: &[Receipt], now: Instant) {
        let mut held = self.lock();
        for receipt in receipts {
            if let Some(holding) = held.get_mut(receipt) {
                holding.leased = now;
            }
        }
    }
}

impl Hand {
    pub fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            waiting_since: None,
            held: Held::default(),
            bytes: 0,
            aside: 0,
            due: BTreeSet::new(),
            stopped: HashMap::new(),
            quiet_since: now,
        }
    }

    /// Everything in hand, for whoever extends the leases.
    pub fn held(&self) -> Held {
        self.held.clone()
    }

    /// How many deliveries are in hand, those that were set aside not among them.
    pub fn len(&self) -> usize {
        self.held.lock().len() - self.aside
    }

    /// This one stays ours, and takes no room from the others any more.
    pub fn set_aside(&mut self, receipt: &Receipt) {
        if let Some(holding) = self.held.lock().get_mut(receipt)
            && !std::mem::replace(&mut holding.aside, true)
        {
            self.bytes -= std::mem::take(&mut holding.size);
            self.aside += 1;
        }
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

    /// A message of these groups failed, and its sink keeps the order: what waits behind it is
    /// kept as long as itself. Gives how many of them are kept to the end.
    pub fn stop(&mut self, groups: HashMap<String, Until>) -> usize {
        if groups.is_empty() {
            return 0;
        }
        self.stopped.extend(groups);
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let to_the_end = self.line_up(waiting);
        self.forget_waiting(0);
        to_the_end
    }

    /// Puts these behind what waits, but for those whose group is stopped.
    fn line_up(&mut self, deliveries: impl IntoIterator<Item = Delivery>) -> usize {
        let mut to_the_end = 0;
        for delivery in deliveries {
            let group = delivery.message.group.as_ref();
            match group.and_then(|group| self.stopped.get(group)) {
                Some(Until::Due(due)) => self.keep_until(delivery.receipt, *due),
                Some(Until::TheEnd) => to_the_end += 1,
                None => {
                    self.waiting_bytes += delivery.message.size();
                    self.waiting.push_back(delivery);
                }
            }
        }
        to_the_end
    }

    /// Takes what was received; gives how many of them are kept to the end.
    pub fn take(&mut self, deliveries: Vec<Delivery>, now: Instant) -> usize {
        self.quiet_since = now;
        {
            let mut held = self.held.lock();
            for delivery in &deliveries {
                let size = delivery.message.size();
                let holding = Holding { size, leased: now, aside: false };
                if held.insert(delivery.receipt.clone(), holding).is_none() {
                    self.bytes += size;
                }
            }
        }
        let to_the_end = self.line_up(deliveries);
        if !self.waiting.is_empty() {
            self.waiting_since.get_or_insert(now);
        }
        to_the_end
    }

    /// Takes back what was in a batch and could not be written, before what waits already.
    pub fn take_back(&mut self, deliveries: Vec<Delivery>, now: Instant) {
        for delivery in deliveries.into_iter().rev() {
            self.waiting_bytes += delivery.message.size();
            self.waiting.push_front(delivery);
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
        self.forget_waiting(bytes);
        batch
    }

    /// Lets go of what is kept for later, and of what waits for a write beyond the first `keep`:
    /// all this is to be given back.
    pub fn let_go(&mut self, keep: usize) -> Vec<Receipt> {
        let beyond = self.waiting.split_off(keep.min(self.waiting.len()));
        self.forget_waiting(beyond.iter().map(|delivery| delivery.message.size()).sum());
        self.stopped.clear();
        let kept = std::mem::take(&mut self.due).into_iter().map(|(_, receipt)| receipt);
        beyond.into_iter().map(|delivery| delivery.receipt).chain(kept).collect()
    }

    fn forget_waiting(&mut self, bytes: usize) {
        self.waiting_bytes -= bytes;
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
    }

    /// Remembers that a delivery, written or not, is to be given back at this time.
    pub fn keep_until(&mut self, receipt: Receipt, due: Instant) {
        self.due.insert((due, receipt));
    }

    /// These are no longer ours.
    pub fn settled(&mut self, receipts: &[Receipt], now: Instant) {
        self.quiet_since = now;
        let mut held = self.held.lock();
        for holding in receipts.iter().filter_map(|receipt| held.remove(receipt)) {
            self.bytes -= holding.size;
            self.aside -= usize::from(holding.aside);
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
