//! Messages that are not due yet: shown, run or dropped, a page at a time.

use crate::error::Result;
use crate::queues::{Scheduled, ScheduledId, ScheduledMessages, ScheduledOutcome, Which};

/// At most this many are read or changed at once.
const PAGE: usize = 200;

/// What is done with scheduled messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduledAction {
    /// They can be received now.
    Run,
    /// They are forgotten.
    Drop,
}

impl ScheduledAction {
    async fn carry_out(
        self,
        queue: &dyn ScheduledMessages,
        ids: Vec<ScheduledId>,
    ) -> Result<Vec<ScheduledOutcome>> {
        match self {
            Self::Run => queue.run(ids).await,
            Self::Drop => queue.drop(ids).await,
        }
    }
}

/// A scheduled message, and what became of it; `None` where nothing was to be done yet.
pub type HandledScheduled = (Scheduled, Option<ScheduledOutcome>);

/// Shows at most `max` of them, until `show` says that it is enough.
pub async fn list_scheduled(
    queue: &dyn ScheduledMessages,
    which: &Which,
    max: usize,
    mut show: impl FnMut(&[Scheduled]) -> Result<bool>,
) -> Result<()> {
    let (mut left, mut after) = (max, None);
    while left > 0 {
        let page = queue.list(which, after.as_ref(), left.min(PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        left -= page.len();
        if !show(&page)? {
            break;
        }
    }
    Ok(())
}

/// Runs or drops them and tells of each; without an action only tells of them. What was begun is
/// finished, though nobody reads of it any more.
pub async fn work_on_scheduled(
    queue: &dyn ScheduledMessages,
    which: &Which,
    action: Option<ScheduledAction>,
    mut tell: impl FnMut(&[HandledScheduled]) -> Result<bool>,
) -> Result<()> {
    let mut after = None;
    loop {
        let page = queue.list(which, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        let outcomes = match action {
            None => vec![None; page.len()],
            Some(action) => {
                let ids = page.iter().map(|it| it.id.clone()).collect();
                action.carry_out(queue, ids).await?.into_iter().map(Some).collect()
            }
        };
        tell(&page.into_iter().zip(outcomes).collect::<Vec<_>>())?;
    }
}
