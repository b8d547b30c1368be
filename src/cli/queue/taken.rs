//! Shows and mends dead letters where looking is receiving: those in the service, and those that
//! the spool of this machine kept because the service had no place for them.

use super::Take;
use super::context::{QueueContext, say};
use super::format;
use super::looking::dead_letter_store;
use super::mending::{Ended, Tally, Verb};
use crate::error::Result;
use crate::inspect::{self, Choice, Patience, RedriveOrDrop};
use crate::location::Location;
use crate::queues::{
    Contents, DeadLetter, DeadLetterHead, DeadLetterOutcome, Inspect, Options, PeekByReceiving,
    Publisher, Subscriber, Which,
};
use std::collections::HashSet;

/// The dead letters that are worked on.
pub(super) struct Place<'a> {
    receiving: &'a dyn PeekByReceiving,
    spooled: Option<Box<dyn Inspect>>,
    which: &'a Which,
    take: &'a Take,
}

impl<'a> Place<'a> {
    /// Those of a queue.
    pub(super) async fn of(
        receiving: &'a dyn PeekByReceiving,
        (url, options): (&Location, &Options),
        which: &'a Which,
        take: &'a Take,
    ) -> Result<Self> {
        let spooled = inspect::open_spool(url, options).await?;
        Ok(Self { receiving, spooled, which, take })
    }

    /// Whether the spool has some.
    async fn has_spooled(&self) -> Result<bool> {
        let Some(spooled) = &self.spooled else { return Ok(false) };
        Ok(!dead_letter_store(&**spooled)?.names(self.which, (0, i64::MAX), 1).await?.is_empty())
    }

    /// Where the service keeps them. That it has no place for them is no end where the spool has
    /// some.
    async fn open(&self, limit: Option<usize>) -> Result<Vec<Box<dyn Subscriber>>> {
        match self.receiving.dead_letters(limit).await {
            Err(error) if self.has_spooled().await? => {
                tracing::warn!("these are from the spool only: {}", error.one_line());
                Ok(Vec::new())
            }
            opened => opened,
        }
    }

    fn patience(&self, max: usize) -> Patience {
        Patience { max, idle: self.take.idle }
    }
}

impl QueueContext<'_> {
    /// Shows them, and gives their ids where some were chosen by it; `None` where it ended before
    /// all were shown.
    pub(super) async fn list_by_receiving(
        &self,
        place: Place<'_>,
        max: usize,
    ) -> Result<Option<HashSet<String>>> {
        self.warn_of_cost(place.receiving, Contents::DeadLetters, place.take).await?;
        // How many are looked at is bounded where all of them are shown.
        let limit = (max < usize::MAX && *place.which == Which::All).then_some(max);
        let (mut left, mut seen) = (max, HashSet::new());
        for queue in place.open(limit).await? {
            let patience = place.patience(limit.map_or(usize::MAX, |_| left));
            let mut open = true;
            inspect::look(queue, patience, self.context.signals.shutdown(), |page| {
                let letters = page.into_iter().map(|it| inspect::taken_letter(place.receiving, it));
                let chosen: Vec<_> =
                    letters.filter(|it| place.which.has(&it.head.id)).take(left).collect();
                left -= chosen.len();
                open = self.show(&chosen)?;
                if matches!(place.which, Which::Ids(_)) {
                    seen.extend(chosen.into_iter().map(|letter| letter.head.id));
                }
                Ok(open && left > 0)
            })
            .await?;
            if !open || left == 0 || self.context.signals.received().is_some() {
                return Ok(None);
            }
        }
        if let Some(spooled) = &place.spooled {
            let Some(more) =
                self.list_freely(dead_letter_store(&**spooled)?, place.which, left).await?
            else {
                return Ok(None);
            };
            seen.extend(more);
        }
        Ok(Some(seen))
    }

    fn show(&self, letters: &[DeadLetter]) -> Result<bool> {
        say(&letters.iter().map(|it| format::dead_letter(it, self.form)).collect::<String>())
    }

    /// Redrives or drops them.
    pub(super) async fn mend_by_receiving(
        &self,
        verb: Verb,
        place: Place<'_>,
        tally: &mut Tally,
    ) -> Result<Ended> {
        self.receiving.set(true);
        let queues = place.open(None).await?;
        let origin = match verb {
            Verb::Redrive => Some(place.receiving.origin().await?),
            Verb::Drop => None,
        };
        let mended = self.mend_with(verb, &place, queues, origin.as_deref(), tally).await;
        let closed = match origin {
            Some(origin) => origin.close().await,
            None => Ok(()),
        };
        mended.and(closed)?;
        Ok(self.ended())
    }

    async fn mend_with(
        &self,
        verb: Verb,
        place: &Place<'_>,
        queues: Vec<Box<dyn Subscriber>>,
        origin: Option<&dyn Publisher>,
        tally: &mut Tally,
    ) -> Result<()> {
        let Place { receiving, which, .. } = *place;
        let mending = RedriveOrDrop { receiving, which, origin };
        let mut tell = |done: &[(DeadLetterHead, DeadLetterOutcome)]| {
            let outcomes: Vec<_> = done.iter().map(|(_, outcome)| Some(outcome.clone())).collect();
            let heads = done.iter().map(|(head, _)| head);
            self.tell_mended(verb, heads.zip(&outcomes), tally).map(drop)
        };
        for queue in queues {
            let stop = self.context.signals.shutdown();
            mending.run(queue, place.patience(usize::MAX), stop, &mut tell).await?;
        }
        let Some(spooled) = &place.spooled else { return Ok(()) };
        match origin {
            Some(origin) => {
                inspect::redrive_spooled(dead_letter_store(&**spooled)?, which, origin, tell).await
            }
            None => self.mend_freely(&**spooled, verb, which, true, tally).await.map(drop),
        }
    }

    /// Shows what would be done, and gives all of it back.
    pub(super) async fn foretell(
        &self,
        verb: Verb,
        place: Place<'_>,
        tally: &mut Tally,
    ) -> Result<Ended> {
        self.warn_of_cost(place.receiving, Contents::DeadLetters, place.take).await?;
        let mut open = true;
        for queue in place.open(None).await? {
            let stop = self.context.signals.shutdown();
            inspect::look(queue, place.patience(usize::MAX), stop, |page| {
                let letters = page.into_iter().map(|it| inspect::taken_letter(place.receiving, it));
                let chosen = letters.map(|letter| letter.head).filter_map(|head| {
                    match inspect::choice(place.which, |url| place.receiving.is_it(url), &head) {
                        Choice::Yes => Some((head, None)),
                        Choice::No => None,
                        Choice::Foreign(why) => Some((head, Some(DeadLetterOutcome::Kept(why)))),
                    }
                });
                let (heads, outcomes): (Vec<_>, Vec<_>) = chosen.unzip();
                open = self.tell_mended(verb, heads.iter().zip(&outcomes), tally)?;
                Ok(open)
            })
            .await?;
            if !open {
                return Ok(Ended::Early);
            }
        }
        if let Some(spooled) = &place.spooled {
            self.mend_freely(&**spooled, verb, place.which, false, tally).await?;
        }
        Ok(self.ended())
    }

    fn ended(&self) -> Ended {
        match self.context.signals.received() {
            Some(_) => Ended::Early,
            None => Ended::All,
        }
    }
}
