//! Dead letters that a queue keeps itself: shown, redriven or dropped, a page at a time.

use super::ended::Ended;
use crate::error::Result;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterOutcome, DeadLetterPart, DeadLetterStore,
    Which,
};

/// At most this many dead letters are read, redriven or dropped in one transaction.
const PAGE: usize = 200;

/// What is done with dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// Dead letters are put back to the end of their queue.
    Redrive,
    /// Dead letters are forgotten.
    Drop,
}

impl DeadLetterAction {
    async fn carry_out(
        self,
        store: &dyn DeadLetterStore,
        letters: Vec<DeadLetterId>,
    ) -> Result<Vec<DeadLetterOutcome>> {
        match self {
            Self::Redrive => store.redrive(letters).await,
            Self::Drop => store.drop(letters).await,
        }
    }
}

/// A dead letter, and what became of it; `None` where nothing was to be done yet.
pub type Handled = (DeadLetterHead, Option<DeadLetterOutcome>);

/// Shows at most `max` dead letters, until `show` says that it is enough.
pub async fn list(
    store: &dyn DeadLetterStore,
    which: &Which,
    max: usize,
    show: &mut dyn FnMut(&[DeadLetter]) -> Result<bool>,
) -> Result<Ended> {
    let (mut left, mut after) = (max, None);
    while left > 0 {
        let part = DeadLetterPart { after: after.as_ref(), upto: None };
        let page = store.list(which, part, left.min(PAGE)).await?;
        let Some(last) = page.last() else { return Ok(Ended::All) };
        after = Some(last.head.name.clone());
        left -= page.len();
        if !show(&page)? {
            break;
        }
    }
    Ok(Ended::Early)
}

/// Redrives or drops the dead letters that are there now, and tells of each; without an action only
/// tells of them.
/// What was begun is finished, though nobody reads of it any more.
pub async fn work_on(
    store: &dyn DeadLetterStore,
    which: &Which,
    action: Option<DeadLetterAction>,
    tell: &mut dyn FnMut(&[Handled]) -> Result<bool>,
) -> Result<()> {
    // What dies again meanwhile is not taken again.
    let Some(upto) = store.last().await? else { return Ok(()) };
    let mut after = None;
    loop {
        let part = DeadLetterPart { after: after.as_ref(), upto: Some(&upto) };
        let page = store.heads(which, part, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.name.clone());
        let outcomes = match action {
            None => vec![None; page.len()],
            Some(action) => {
                let letters = page.iter().map(|head| head.name.clone()).collect();
                action.carry_out(store, letters).await?.into_iter().map(Some).collect()
            }
        };
        tell(&page.into_iter().zip(outcomes).collect::<Vec<_>>())?;
    }
}
