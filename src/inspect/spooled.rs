//! Dead letters that were kept in the spool of this machine, because there was no place for them
//! where their queue is.

use crate::error::Result;
use crate::location::Location;
use crate::queues::{
    self, DeadLetterHead, DeadLetterOutcome, DeadLetterPart, DeadLetterStore, Inspect, Options,
    Published, Publisher, Which,
};
use crate::spool::{self, Spool};

/// At most this many are put back at once.
const PAGE: usize = 200;

/// What the spool in the user's data folder keeps for this queue; `None` where it never kept
/// anything.
pub async fn open_spool(url: &Location, options: &Options) -> Result<Option<Box<dyn Inspect>>> {
    if options.data_dir.as_os_str().is_empty() {
        return Ok(None);
    }
    let key = queues::key(url, options)?;
    let spool = Spool::new(options.data_dir.join(spool::FILE), key, options);
    spool.adopt().await?;
    queues::open_if_there(Location::parse(&spool.url()?)?, options).await
}

/// Puts spooled dead letters back to where they came from, a page at a time, and tells of each.
/// One is dropped from the spool only after the queue has taken it: what is interrupted between the
/// two is put back twice, under one id.
pub async fn redrive_spooled(
    store: &dyn DeadLetterStore,
    which: &Which,
    origin: &dyn Publisher,
    mut tell: impl FnMut(&[(DeadLetterHead, DeadLetterOutcome)]) -> Result<()>,
) -> Result<()> {
    // What dies again meanwhile is not taken again.
    let Some(upto) = store.last().await? else { return Ok(()) };
    let mut after = None;
    loop {
        let part = DeadLetterPart { after: after.as_ref(), upto: Some(&upto) };
        let page = store.list(which, part, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.head.name.clone());
        let (unread, page): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|letter| letter.unreadable.is_some());
        let kept = unread.into_iter().filter_map(|letter| {
            Some((letter.head, DeadLetterOutcome::Kept(queues::not_put_back(&letter.unreadable?))))
        });
        tell(&kept.collect::<Vec<_>>())?;
        let (heads, originals): (Vec<_>, Vec<_>) =
            page.into_iter().map(|letter| (letter.head, letter.message)).unzip();
        let answers = origin.publish(&originals).await?;
        let taken =
            |answer: &Published| matches!(answer, Published::Accepted | Published::Duplicate);
        let back = heads.iter().zip(&answers).filter(|(_, answer)| taken(answer));
        let back = back.map(|(head, _)| head.name.clone()).collect();
        let mut dropped = store.drop(back).await?.into_iter();
        let outcomes = answers.into_iter().map(|answer| match answer {
            Published::Retry(why) | Published::Refused(why) => DeadLetterOutcome::Kept(why),
            _ => dropped.next().unwrap_or(DeadLetterOutcome::Done),
        });
        tell(&heads.into_iter().zip(outcomes).collect::<Vec<_>>())?;
    }
}
