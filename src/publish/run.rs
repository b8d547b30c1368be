//! What a run of the first loop works with, from its first tick to its end.

use super::failing_ticks::FailingTicks;
use super::gate::Posted;
use super::lost::Lost;
use super::plan::Plan;
use crate::error::Error;
use crate::message::Message;
use crate::queues::Publisher;
use crate::report::Counters;
use crate::sources::{Fate, Source};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio_util::sync::CancellationToken;

/// What of a batch is neither in the queue nor anywhere else.
#[derive(Default)]
pub(super) struct Rest {
    /// The queue may take these later: their places in the batch.
    pub(super) left: Vec<usize>,
    /// Nobody will ever take these; why.
    pub(super) refused: Vec<(Message, String)>,
    /// Why anything is left.
    pub(super) failure: Option<Error>,
    /// What became of each message of the batch, as far as it is known; what is left is nowhere yet.
    pub(super) fates: Vec<Fate>,
}

/// How many refused messages are named one by one; the rest are counted.
pub(super) const NAMED: u64 = 10;

/// What every tick of a run works with.
pub(super) struct Run<'a> {
    pub(super) source: &'a mut dyn Source,
    pub(super) queue: &'a dyn Publisher,
    pub(super) plan: &'a Plan,
    pub(super) counters: &'a Counters,
    /// The shutdown was asked for.
    pub(super) stop: CancellationToken,
    /// The tick of the last read.
    pub(super) tick: u64,
    /// What was read and is not settled, in the order of reading. It outlives whatever was begun
    /// with it and broken off.
    pub(super) unsettled: VecDeque<Arc<Posted>>,
    /// What is left to do for the oldest batch that is not settled.
    pub(super) rest: Option<Rest>,
    /// What was refused is kept as dead letters of the spool.
    pub(super) buried: bool,
    /// What is in neither place, and was not told yet.
    pub(super) lost: Lost,
    /// What the source said when it last gave nothing.
    pub(super) nothing: Option<String>,
    /// How ticks fail at present, where that was told.
    pub(super) failing: Option<FailingTicks>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        source: &'a mut dyn Source,
        queue: &'a dyn Publisher,
        plan: &'a Plan,
        counters: &'a Counters,
    ) -> Self {
        Self {
            source,
            queue,
            plan,
            counters,
            stop: CancellationToken::new(),
            tick: 0,
            unsettled: VecDeque::new(),
            rest: None,
            buried: false,
            lost: Lost::default(),
            nothing: None,
            failing: None,
        }
    }

    pub(super) fn refuse(&self, position: &str, reason: &str) {
        if self.counters.refused.fetch_add(1, Ordering::Relaxed) < NAMED {
            tracing::warn!("{position} was refused: {reason}");
        }
    }
}
