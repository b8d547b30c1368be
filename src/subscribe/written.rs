//! What became of a batch.

use super::dead_letters::Letter;
use super::in_flight::Until;
use super::lanes::Lane;
use crate::attempts::Ended;
use crate::message::{Delivery, Receipt};
use foldhash::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A dead letter and the delivery that it was.
pub(super) type Unburied = (Receipt, Letter);

/// What became of one batch.
#[derive(Default)]
pub(super) struct Written {
    /// How many failed or were rejected.
    pub(super) failed: usize,
    /// Settled, whatever the verdict: no longer ours.
    pub(super) settled: Vec<Receipt>,
    /// Nothing became of them, and they are to be written next: the sink was gone, or an earlier
    /// message of their group died.
    pub(super) unwritten: Vec<Delivery>,
    /// Still ours until this time. What is in no list is ours until the run ends.
    pub(super) kept: Vec<(Receipt, Instant)>,
    /// How many are left to a later run.
    pub(super) postponed: usize,
    /// Lanes of which a message failed.
    pub(super) stopped: HashMap<Lane, Until>,
    /// The sink cannot be reached.
    pub(super) unavailable: Option<String>,
    /// How long it asks to be left alone, where it says so.
    pub(super) wait: Option<Duration>,
    /// The sink refuses our credentials; why.
    pub(super) denied: Option<String>,
    /// A program did not end on one of them in its time; why.
    pub(super) overrun: Option<String>,
    /// The reader is gone.
    pub(super) closed: bool,
    /// The queue did not take a verdict.
    pub(super) not_settled: Option<String>,
    /// Dead letters that no place took: still ours, and to be tried again.
    pub(super) unplaced: Vec<Unburied>,
    /// Those beyond what may wait so, which were given back to the queue.
    pub(super) given_back: Vec<(String, Ended)>,
    /// Why dead letters have no place.
    pub(super) not_kept: Option<String>,
    /// What became of the attempts.
    pub(super) ended: Vec<(String, Ended)>,
    /// Why one of them failed.
    pub(super) why_failed: Option<String>,
}

impl Written {
    /// What becomes of a batch that could not even be tried.
    pub(super) fn not_at_all(batch: Vec<Delivery>, why: String) -> Self {
        Self { unwritten: batch, unavailable: Some(why), ..Self::default() }
    }

    pub(super) fn keep(&mut self, receipt: Receipt, until: Until) {
        match until {
            Until::Now => self.kept.push((receipt, Instant::now())),
            Until::Due(due) => self.kept.push((receipt, due)),
            Until::TheEnd => self.postponed += 1,
        }
    }
}
