//! The end of a run: what was read and is not safe by then is kept, or named.

use super::gate::Gate;
use super::run::{NAMED, Run};
use super::spool_fallback::{SpoolFallback, left};
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::sources::Stop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long it may take to keep what is in flight, after the grace or at the second signal.
const LAST_MOMENT: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Keeps what was on its way and what the source has read ahead, and gives the error that the
    /// run ends with. `worked` is what it came to; `None` where it was broken off.
    pub(super) async fn finish(mut self, worked: Option<Result<()>>) -> Result<()> {
        if self.plan.dry_run {
            return worked.unwrap_or(Ok(())).and(self.refusals());
        }
        let kept = timeout(LAST_MOMENT, self.keep()).await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Unreachable, "the spool did not take it in time"))
        });
        self.lose_all();
        match worked {
            Some(Ok(())) if self.lost.count == 0 => kept.and(self.refusals()),
            Some(Err(error)) => {
                self.tell_lost();
                Err(error)
            }
            _ if self.lost.count > 0 => Err(self.not_kept(kept.err())),
            _ => Err(self.broken_off().await),
        }
    }

    /// Takes in what the source has still read, and puts what is not settled into the spool.
    async fn keep(&mut self) -> Result<()> {
        self.source.stop(Stop::Now);
        while let Ok(Some(batch)) = self.source.read(self.tick).await {
            self.accept(batch)?;
        }
        let plan = self.plan;
        let gate = Gate::new(true);
        let mut fallback = plan.spool.as_ref().map(|spool| {
            gate.shut();
            SpoolFallback::unseen(spool, &gate, plan, self.counters)
        });
        let mut kept = Ok(());
        if !self.unsettled.is_empty() {
            kept = self.settle_all(&mut fallback).await;
        }
        kept = kept.and(self.source.flush().await);
        match fallback {
            Some(fallback) => kept.and(fallback.close().await),
            None => kept,
        }
    }

    /// Says what was lost so far.
    pub(super) fn tell_lost(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        if lost.count > 0 {
            tracing::error!("{} messages were read, and are not published: {lost}", lost.count);
        }
    }

    fn not_kept(&self, why: Option<Error>) -> Error {
        let lost = &self.lost;
        let what = format!("{} messages were read, and are not published: {lost}", lost.count);
        let (spool, hint) = match (&self.plan.spool, why) {
            (Some(_), Some(why)) => (format!("; {}", why.one_line()), ""),
            (Some(_), None) => (String::new(), ""),
            (None, _) => (String::new(), "; without `--no-spool` a spool would have kept them"),
        };
        Error::new(Kind::Unreachable, what)
            .because_of(format!("{}{spool}", self.why_broken_off()))
            .hint(format!("the queue may have taken some: publish them again{hint}"))
    }

    /// The error of a run that was broken off and lost nothing.
    async fn broken_off(&self) -> Error {
        let why = Error::new(Kind::Spooled, self.why_broken_off());
        if let Some(spool) = &self.plan.spool
            && spool.backlog(1).await.is_ok_and(|backlog| backlog.messages > 0)
        {
            return left(spool, self.counters, Some(&why)).await;
        }
        Error::new(Kind::Unreachable, "the run was broken off")
            .because_of(why.one_line())
            .hint("nothing is lost: what was read is published")
    }

    fn why_broken_off(&self) -> &'static str {
        match self.plan.now.is_cancelled() {
            true => "a second signal ended the run",
            false => "the grace after the signal is over",
        }
    }

    /// The error for what was refused: of what this run has read, and of what had waited.
    fn refusals(&self) -> Result<()> {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (refused, read) = (load(&self.counters.refused), load(&self.counters.read));
        let what = match (refused, load(&self.counters.dead)) {
            (0, 0) => return Ok(()),
            (0, waited) => format!("{waited} messages that had waited in the spool were refused"),
            (refused, 0) => format!("{refused} of {read} messages were refused"),
            (refused, waited) => format!(
                "{refused} of {read} messages were refused, and {waited} that had waited in the spool"
            ),
        };
        let named = match refused.checked_sub(NAMED) {
            None | Some(0) => "each is named above".to_owned(),
            Some(more) => format!("the first {NAMED} are named above, and {more} more were not"),
        };
        let kept = match &self.plan.spool {
            Some(spool) if self.buried || load(&self.counters.dead) > 0 => {
                let list = hint::command(["queue", "dead", "list", &spool.url()?]);
                format!("; see what was refused with {list}")
            }
            _ => String::new(),
        };
        Err(Error::new(Kind::Rejected, what).hint(format!("{named}; the others were taken{kept}")))
    }
}
