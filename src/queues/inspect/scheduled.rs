//! Messages that are not due yet.

use super::dead_letters::Which;
use super::messages::Peeked;
use crate::error::Result;
use async_trait::async_trait;

/// Works on messages that are not due yet: published for later, or waiting to be tried again.
#[async_trait]
pub trait ScheduledMessages: Send + Sync {
    /// At most `max` of these behind one of them, which need not be there any more (`None`: the
    /// first). First those that were published for later, then those that are tried again, each in
    /// the order of their times; none at the end.
    async fn list(
        &self,
        which: &Which,
        after: Option<&ScheduledId>,
        max: usize,
    ) -> Result<Vec<Scheduled>>;

    /// Lets them be received now, behind those that can be already; answers in their order. The
    /// attempts that failed still count.
    async fn run(&self, ids: Vec<ScheduledId>) -> Result<Vec<ScheduledOutcome>>;

    /// Forgets them, bodies and all; answers in their order.
    async fn drop(&self, ids: Vec<ScheduledId>) -> Result<Vec<ScheduledOutcome>>;
}

/// Names one scheduled message of one queue, where several may have one id. The queue alone makes it,
/// and knows what it says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScheduledId(pub String);

/// A message that is not due yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// The message's own name.
    pub id: ScheduledId,
    /// The message, and when it is due; its position says nothing.
    pub peeked: Peeked,
}

/// What became of a scheduled message that was to be run or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduledOutcome {
    /// The message can be received, or is gone.
    Done,
    /// The message is scheduled as before; the reason.
    Kept(String),
    /// The message was due, run or dropped meanwhile.
    Gone,
}
