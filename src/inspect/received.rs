//! Dead letters where looking is receiving: those in the service, and those that the spool of this
//! machine kept because the service had no place for them.

use super::by_receive::{Choice, RedriveOrDrop, choice, dead_letter, look};
use super::ended::Ended;
use super::lacks::lacks;
use super::paged_receiver::ReceiveLimits;
use super::spooled::{open_spool, redrive_spooled};
use super::stored::{self, DeadLetterAction, Handled};
use crate::error::Result;
use crate::location::Location;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterOutcome, DeadLetterPart, DeadLetterStore, Inspect,
    Options, PeekByReceiving, Subscriber, Which,
};
use std::pin::pin;
use std::time::Duration;

/// The dead letters of a queue that shows them by receiving only.
pub struct ReceivedDeadLetters<'q> {
    /// The queue, and how its dead letters are received and read.
    pub queue: &'q dyn PeekByReceiving,
    spooled: Option<Box<dyn Inspect>>,
    idle: Duration,
}

impl<'q> ReceivedDeadLetters<'q> {
    /// Those of a queue; a look is over when nothing has come for `idle`.
    pub async fn of(
        queue: &'q dyn PeekByReceiving,
        (url, options): (&Location, &Options),
        idle: Duration,
    ) -> Result<Self> {
        let spooled = open_spool(url, options).await?;
        Ok(Self { queue, spooled, idle })
    }

    /// Shows at most `max` of them, until `show` says that it is enough or `stop` is there.
    pub async fn list(
        &self,
        which: &Which,
        max: usize,
        stop: impl Future<Output = ()>,
        show: &mut dyn FnMut(&[DeadLetter]) -> Result<bool>,
    ) -> Result<Ended> {
        // How many are looked at is bounded where all of them are shown.
        let limit = (max < usize::MAX && *which == Which::All).then_some(max);
        let (mut left, mut stop) = (max, pin!(stop));
        let ended = each(self.open(which, limit).await?, async |queue| {
            let limits = self.limits(limit.map_or(usize::MAX, |_| left));
            look(queue, limits, stop.as_mut(), |page| {
                let letters = page.into_iter().map(|it| dead_letter(self.queue, it));
                let chosen: Vec<_> =
                    letters.filter(|it| which.has(&it.head.id)).take(left).collect();
                left -= chosen.len();
                Ok(show(&chosen)? && left > 0)
            })
            .await
        })
        .await?;
        match self.spooled()? {
            Some(spooled) if ended == Ended::All => stored::list(spooled, which, left, show).await,
            _ => Ok(ended),
        }
    }

    /// Tells what would become of them, until `stop` is there, and gives all of them back.
    pub async fn foretell(
        &self,
        which: &Which,
        stop: impl Future<Output = ()>,
        tell: &mut dyn FnMut(&[Handled]) -> Result<bool>,
    ) -> Result<Ended> {
        let mut stop = pin!(stop);
        let ended = each(self.open(which, None).await?, async |queue| {
            look(queue, self.limits(usize::MAX), stop.as_mut(), |page| {
                let letters = page.into_iter().map(|it| dead_letter(self.queue, it));
                let told = letters.filter_map(|letter| self.foretold(which, letter.head));
                tell(&told.collect::<Vec<_>>())
            })
            .await
        })
        .await?;
        if let (Some(spooled), Ended::All) = (self.spooled()?, ended) {
            stored::work_on(spooled, which, None, tell).await?;
        }
        Ok(ended)
    }

    fn foretold(&self, which: &Which, head: DeadLetterHead) -> Option<Handled> {
        match choice(which, |url| self.queue.is_it(url), &head) {
            Choice::Yes => Some((head, None)),
            Choice::No => None,
            Choice::Foreign(why) => Some((head, Some(DeadLetterOutcome::Kept(why)))),
        }
    }

    /// Redrives or drops them, until `stop` is there, and tells of each.
    pub async fn carry_out(
        &self,
        action: DeadLetterAction,
        which: &Which,
        stop: impl Future<Output = ()>,
        tell: &mut dyn FnMut(&[Handled]) -> Result<bool>,
    ) -> Result<Ended> {
        let queues = self.open(which, None).await?;
        let origin = match action {
            DeadLetterAction::Redrive => Some(self.queue.origin().await?),
            DeadLetterAction::Drop => None,
        };
        let work = RedriveOrDrop { receiving: self.queue, which, origin: origin.as_deref() };
        let ended = self.carry_out_with(&work, queues, stop, tell).await;
        let closed = match origin {
            Some(origin) => origin.close().await,
            None => Ok(()),
        };
        ended.and_then(|ended| closed.map(|()| ended))
    }

    async fn carry_out_with(
        &self,
        work: &RedriveOrDrop<'_>,
        queues: Vec<Box<dyn Subscriber>>,
        stop: impl Future<Output = ()>,
        tell: &mut dyn FnMut(&[Handled]) -> Result<bool>,
    ) -> Result<Ended> {
        let mut stop = pin!(stop);
        let mut done = |done: &[(DeadLetterHead, DeadLetterOutcome)]| {
            let done = done.iter().cloned().map(|(head, outcome)| (head, Some(outcome)));
            tell(&done.collect::<Vec<_>>()).map(drop)
        };
        let ended = each(queues, async |queue| {
            work.run(queue, self.limits(usize::MAX), stop.as_mut(), &mut done).await
        })
        .await?;
        let Some(spooled) = self.spooled()?.filter(|_| ended == Ended::All) else {
            return Ok(ended);
        };
        let done = match work.origin {
            Some(origin) => redrive_spooled(spooled, work.which, origin, done).await,
            None => {
                let drop = Some(DeadLetterAction::Drop);
                stored::work_on(spooled, work.which, drop, tell).await
            }
        };
        let closed = self.close_spool().await;
        done.and(closed).map(|()| ended)
    }

    async fn close_spool(&self) -> Result<()> {
        match &self.spooled {
            Some(spooled) => spooled.close().await,
            None => Ok(()),
        }
    }

    /// Where the service keeps them. That it has no place for them is no end where the spool has
    /// some.
    async fn open(&self, which: &Which, limit: Option<usize>) -> Result<Vec<Box<dyn Subscriber>>> {
        match self.queue.dead_letters(limit).await {
            Err(error) if self.has_spooled(which).await? => {
                tracing::warn!("these are from the spool only: {}", error.one_line());
                Ok(Vec::new())
            }
            opened => opened,
        }
    }

    async fn has_spooled(&self, which: &Which) -> Result<bool> {
        let Some(spooled) = self.spooled()? else { return Ok(false) };
        Ok(!spooled.heads(which, DeadLetterPart::default(), 1).await?.is_empty())
    }

    /// What the spool keeps of them; `None` where it never kept anything.
    fn spooled(&self) -> Result<Option<&dyn DeadLetterStore>> {
        let Some(spooled) = &self.spooled else { return Ok(None) };
        spooled.dead_letters().map(Some).ok_or_else(|| lacks("keep dead letters"))
    }

    fn limits(&self, max: usize) -> ReceiveLimits {
        ReceiveLimits { max, idle: self.idle }
    }
}

/// Works on each place until one ends early: the others are closed as they are.
async fn each(
    queues: Vec<Box<dyn Subscriber>>,
    mut work: impl AsyncFnMut(Box<dyn Subscriber>) -> Result<Ended>,
) -> Result<Ended> {
    let mut ended = Ended::All;
    for queue in queues {
        match ended {
            Ended::All => ended = work(queue).await?,
            Ended::Early => queue.close().await?,
        }
    }
    Ok(ended)
}
