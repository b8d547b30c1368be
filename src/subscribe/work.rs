//! What the parts of the second loop share.

use super::dead_letters::DeadLetters;
use super::plan::Plan;
use crate::attempts::Attempts;
use crate::queues::{Capabilities, Subscriber};
use crate::report::Counters;
use crate::sinks::Sink;

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The queue; the caller closes it afterwards: that gives back what was received and not
    /// settled.
    pub queue: &'a dyn Subscriber,
    /// The sink, which the caller has checked.
    pub sink: &'a dyn Sink,
    /// Where dead letters go that the queue does not keep.
    pub dead: &'a DeadLetters,
    /// Counts attempts where the queue does not; `None`: then nobody does.
    pub attempts: Option<&'a Attempts>,
    /// How to run.
    pub plan: &'a Plan,
    /// Where to count what was done.
    pub counters: &'a Counters,
}

/// What a run works with, and what it has asked the queue once.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) queue: &'a dyn Subscriber,
    pub(super) capabilities: &'a Capabilities,
    pub(super) sink: &'a dyn Sink,
    pub(super) dead: &'a DeadLetters,
    pub(super) attempts: Option<&'a Attempts>,
    pub(super) plan: &'a Plan,
    pub(super) counters: &'a Counters,
}

impl<'a> Work<'a> {
    pub(super) fn new(parts: Parts<'a>, capabilities: &'a Capabilities) -> Self {
        let Parts { queue, sink, dead, attempts, plan, counters } = parts;
        Self { queue, capabilities, sink, dead, attempts, plan, counters }
    }
}
