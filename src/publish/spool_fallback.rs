//! The way around a queue that cannot be reached: into the spool.

use super::gate::Gate;
use super::plan::Plan;
use super::spool_drain::{Drained, drain};
use crate::dead_letter::Death;
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::queues::{Published, Publisher};
use crate::report::{Counters, count};
use crate::spool::{Spool, SpoolPublisher};
use std::sync::atomic::Ordering;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many waiting messages are counted at most, to be told of.
const COUNTED: u64 = 10_000;

/// What one tick knows of its spool.
pub(super) struct SpoolFallback<'a> {
    spool: &'a Spool,
    gate: &'a Gate,
    plan: &'a Plan,
    counters: &'a Counters,
    publisher: OnceCell<SpoolPublisher>,
    /// Why the queue took nothing when it was last asked.
    cause: Option<Error>,
    /// When to ask the queue again while the reading goes on.
    pub(super) again_at: Option<Instant>,
}

impl<'a> SpoolFallback<'a> {
    /// Looks whether anything waits in the spool.
    pub(super) async fn of(
        spool: &'a Spool,
        gate: &'a Gate,
        plan: &'a Plan,
        counters: &'a Counters,
    ) -> Result<Self> {
        let mut fallback = Self::unseen(spool, gate, plan, counters);
        let backlog = spool.backlog(1).await.map_err(|error| {
            let what = format!("cannot look into the spool `{}`", spool.path().display());
            Error::new(error.kind(), what)
                .because_of(error.one_line())
                .hint("name another one with `--spool PATH`, or go without: `--no-spool`")
        })?;
        if backlog.messages > 0 {
            tracing::info!("messages wait in the spool: what is read goes behind them");
            gate.shut();
            fallback.again_at = Some(Instant::now() + plan.drain_every);
        }
        Ok(fallback)
    }

    /// A way into the spool that has not looked whether anything waits there.
    pub(super) fn unseen(
        spool: &'a Spool,
        gate: &'a Gate,
        plan: &'a Plan,
        counters: &'a Counters,
    ) -> Self {
        let publisher = OnceCell::new();
        Self { spool, gate, plan, counters, publisher, cause: None, again_at: None }
    }

    /// Remembers why the queue takes nothing, and tells it the first time.
    pub(super) fn because(&mut self, why: Error) {
        self.gate.shut();
        self.again_at = Some(Instant::now() + self.plan.drain_every);
        if self.cause.is_none() {
            let why = why.one_line();
            tracing::warn!("the queue takes nothing, what is read goes into the spool: {why}");
        }
        self.cause = Some(why);
    }

    /// Keeps messages in the spool; gives those that it refuses. They are on disk when this
    /// returns.
    pub(super) async fn append(&self, messages: &[Message]) -> Result<Vec<(Message, String)>> {
        let publisher = self.publisher.get_or_try_init(|| self.spool.open()).await?;
        let mut refused = Vec::new();
        for (message, answer) in messages.iter().zip(publisher.append(messages).await?) {
            match answer {
                Published::Accepted => count(&self.counters.spooled, 1),
                Published::Duplicate => count(&self.counters.duplicate, 1),
                Published::Refused(why) | Published::Retry(why) => {
                    refused.push((message.clone(), why));
                }
            }
        }
        Ok(refused)
    }

    /// Keeps what was refused for good as dead letters of the spool.
    pub(super) async fn bury(&self, refused: &[(Message, String)]) -> Result<()> {
        let death = |reason: &String| Death {
            reason: reason.clone(),
            attempts: None,
            first_at: None,
            at: None,
            from: None,
        };
        let letters: Vec<_> =
            refused.iter().map(|(message, why)| (message.clone(), death(why))).collect();
        self.spool.bury(&letters).await.map_err(|error| {
            Error::new(error.kind(), "refused messages could not be kept as dead letters")
                .because_of(error.one_line())
                .hint("nothing of their batch counts as read: mend the spool, or give `--no-spool`")
        })
    }

    /// The error where the spool fails too.
    pub(super) fn neither(&self, spool: &Error) -> Error {
        let what = "the queue did not take every message, and neither did the spool";
        let cause = match &self.cause {
            Some(queue) => format!("{}; {}", queue.one_line(), spool.one_line()),
            None => spool.one_line(),
        };
        Error::new(spool.kind(), what)
            .because_of(cause)
            .hint("nothing of it counts as read: mend one of the two, then run it again")
    }

    /// Sends what waits, if the queue takes it; the way is straight again once nothing waits.
    pub(super) async fn drain(&mut self, queue: &dyn Publisher, stop: &CancellationToken) {
        self.again_at = Some(Instant::now() + self.plan.drain_every);
        let why = match drain(self.spool, queue, self.plan, self.counters, stop).await {
            Ok(Drained::Emptied) => {
                self.gate.open();
                self.counters.spooled.store(0, Ordering::Relaxed);
                (self.again_at, self.cause) = (None, None);
                return;
            }
            Ok(Drained::Left(why)) => why,
            Ok(Drained::Elsewhere) => Error::new(Kind::Spooled, "another run is sending them"),
            Err(error) => error,
        };
        self.cause = Some(why);
    }

    /// Ends the tick: what waits is sent, unless the queue was found unreachable a moment ago. The
    /// error is of kind `Spooled` where anything is left.
    pub(super) async fn end(
        mut self,
        queue: &dyn Publisher,
        stop: &CancellationToken,
    ) -> Result<()> {
        let due = self.again_at.is_none_or(|at| at <= Instant::now());
        if self.gate.is_shut() && (self.cause.is_none() || due) && !stop.is_cancelled() {
            self.drain(queue, stop).await;
        }
        let left = if self.gate.is_shut() {
            Err(left(self.spool, self.counters, self.cause.as_ref()).await)
        } else {
            Ok(())
        };
        left.and(self.close().await)
    }

    /// Closes the spool, where it was opened.
    pub(super) async fn close(self) -> Result<()> {
        match self.publisher.into_inner() {
            Some(publisher) => publisher.close().await,
            None => Ok(()),
        }
    }
}

/// The error for what waits in the spool. Of what this run has put there, no more than that can still
/// be there.
pub(super) async fn left(spool: &Spool, counters: &Counters, cause: Option<&Error>) -> Error {
    let mine = counters.spooled.load(Ordering::Relaxed);
    let counted = mine.max(COUNTED);
    let waiting = match spool.backlog(counted + 1).await.map(|backlog| backlog.messages) {
        Err(_) => "messages wait".to_owned(),
        Ok(waiting) => {
            counters.spooled.store(mine.min(waiting), Ordering::Relaxed);
            match waiting {
                1 => "a message waits".to_owned(),
                _ if waiting > counted => format!("more than {counted} messages wait"),
                _ => format!("{waiting} messages wait"),
            }
        }
    };
    let what = format!("{waiting} in the spool `{}`", spool.path().display());
    let next = "nothing is lost: the next `publish` to this queue sends them first";
    let error = Error::new(Kind::Spooled, what);
    match cause {
        None => error.because_of("the run was stopped before it was sent").hint(next),
        Some(cause) => {
            let remedy = cause.remedy().map(|remedy| format!("; {remedy}"));
            error.because_of(cause.one_line()).hint(next.to_owned() + &remedy.unwrap_or_default())
        }
    }
}
