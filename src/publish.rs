//! The first loop: source -> queue.

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::queues::{Published, Publisher};
use crate::report::{Counters, count};
use crate::schedule::Schedule;
use crate::sources::{Batch, Source};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// So many refused messages are named one by one; the rest are counted.
const NAMED: u64 = 10;
/// How long a wait for the next tick sleeps at most, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How to run the loop.
#[derive(Debug, Clone)]
pub struct Plan {
    /// At most this many batches are on their way to the queue at once.
    pub in_flight: usize,
    /// Repeat at these times; `None` makes one pass.
    pub every: Option<Schedule>,
    /// Read, and publish nothing.
    pub dry_run: bool,
    /// How long batches on their way may take after the shutdown was asked for.
    pub grace: Duration,
}

impl Default for Plan {
    /// One pass, as `publish` makes it where nothing else is asked for.
    fn default() -> Self {
        Self { in_flight: 8, every: None, dry_run: false, grace: Duration::from_secs(30) }
    }
}

/// Pours the source into the queue until the source ends, or at every time of the schedule until
/// the shutdown.
///
/// What was read is published, however much of the rest was refused. The error is that of the
/// first batch that could not be published, else of kind `Rejected` where messages were refused.
/// With a schedule, a failure that may pass is logged, and the next tick tries again.
pub async fn publish(
    source: &mut dyn Source,
    queue: &dyn Publisher,
    plan: &Plan,
    clock: &Clock,
    counters: &Counters,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let mut run = Run { source, queue, plan, counters, stopped: false };
    let mut shutdown = pin!(shutdown);
    let Some(schedule) = &plan.every else {
        run.pass(0, shutdown.as_mut()).await?;
        return run.refusals();
    };
    for tick in 0.. {
        let Some(next) = schedule.next(clock.now()) else { break };
        tracing::debug!(%next, "waiting for the next tick");
        tokio::select! {
            () = until(next, clock) => {}
            () = shutdown.as_mut() => break,
        }
        match run.pass(tick, shutdown.as_mut()).await {
            Err(error) if passes(error.kind()) => {
                tracing::error!("this tick failed, the next one tries again: {}", error.one_line());
            }
            other => other?,
        }
        if run.stopped {
            break;
        }
    }
    run.refusals()
}

/// Whether a failure of this kind may be gone at the next tick.
fn passes(kind: Kind) -> bool {
    matches!(kind, Kind::Unreachable | Kind::Failed | Kind::Spooled)
}

async fn until(time: DateTime<Utc>, clock: &Clock) {
    while let Ok(left) = (time - clock.now()).to_std() {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

struct Run<'a> {
    source: &'a mut dyn Source,
    queue: &'a dyn Publisher,
    plan: &'a Plan,
    counters: &'a Counters,
    stopped: bool,
}

impl Run<'_> {
    /// Reads one tick to its end, several batches on their way at once, and commits them in the
    /// order in which they were read.
    async fn pass(&mut self, tick: u64, shutdown: impl Future<Output = ()>) -> Result<()> {
        let mut shutdown = pin!(shutdown);
        let mut sending = FuturesOrdered::new();
        let mut reading = true;
        let mut failure = None;
        let mut last_call = pin!(never());
        loop {
            let room = sending.len() < self.plan.in_flight;
            tokio::select! {
                biased;
                Some(sent) = sending.next() => {
                    match self.tally(sent) {
                        Ok(()) if failure.is_none() => {
                            fail::fail_point!("publish-taken");
                            self.source.commit().await?;
                            fail::fail_point!("publish-committed");
                        }
                        Ok(()) => {}
                        Err(error) => {
                            reading = false;
                            failure.get_or_insert(error);
                        }
                    }
                }
                () = &mut shutdown, if !self.stopped => {
                    self.stopped = true;
                    reading = false;
                    last_call.set(after(self.plan.grace));
                }
                () = &mut last_call => return Err(unfinished(sending.len())),
                read = self.source.read(tick), if reading && room => match read {
                    Ok(Some(batch)) => {
                        let messages = self.accept(batch);
                        fail::fail_point!("publish-read");
                        if !self.plan.dry_run {
                            sending.push_back(send(self.queue, messages));
                        }
                    }
                    Ok(None) => reading = false,
                    Err(error) => {
                        reading = false;
                        failure.get_or_insert(error);
                    }
                },
            }
            if !reading && sending.is_empty() {
                return failure.map_or(Ok(()), Err);
            }
        }
    }

    /// Names what the source refused and hands over the rest.
    fn accept(&self, batch: Batch) -> Vec<Message> {
        count(&self.counters.read, batch.messages.len() + batch.refused.len());
        for refusal in batch.refused {
            self.refuse(&refusal.place, &refusal.reason);
        }
        batch.messages
    }

    fn tally(&self, (messages, answer): Sent) -> Result<()> {
        let answers = answer.inspect_err(|_| count(&self.counters.unpublished, messages.len()))?;
        let mut postponed: Option<String> = None;
        let mut taken = 0;
        for (message, answer) in messages.iter().zip(answers) {
            match answer {
                Published::Accepted => {
                    taken += 1;
                    count(&self.counters.published, 1);
                }
                Published::Duplicate => {
                    taken += 1;
                    count(&self.counters.duplicate, 1);
                }
                Published::Refused(why) => self.refuse(&format!("message `{}`", message.id), &why),
                Published::Retry(why) => {
                    count(&self.counters.unpublished, 1);
                    postponed.get_or_insert(why);
                }
            }
        }
        // Batches are told in the order of reading: what was killed can be followed by this.
        tracing::debug!(taken, "the queue has taken a batch");
        let Some(why) = postponed else { return Ok(()) };
        Err(Error::new(Kind::Unreachable, "the queue did not take every message")
            .because_of(why)
            .hint("run it again; a message that has an id of its own is not doubled by that"))
    }

    fn refuse(&self, place: &str, reason: &str) {
        if self.counters.refused.fetch_add(1, Ordering::Relaxed) < NAMED {
            tracing::warn!("{place} was refused: {reason}");
        }
    }

    fn refusals(&self) -> Result<()> {
        let refused = self.counters.refused.load(Ordering::Relaxed);
        if refused == 0 {
            return Ok(());
        }
        let read = self.counters.read.load(Ordering::Relaxed);
        let named = match refused.checked_sub(NAMED) {
            None | Some(0) => "each is named above".to_owned(),
            Some(more) => format!("the first {NAMED} are named above, and {more} more were not"),
        };
        Err(Error::new(Kind::Rejected, format!("{refused} of {read} messages were refused"))
            .hint(format!("{named}; the others were taken")))
    }
}

/// A batch, and what the queue said of each message in it.
type Sent = (Vec<Message>, Result<Vec<Published>>);

async fn send(queue: &dyn Publisher, messages: Vec<Message>) -> Sent {
    let answer = queue.publish(&messages).await;
    (messages, answer)
}

fn unfinished(batches: usize) -> Error {
    Error::new(Kind::Unreachable, format!("{batches} batches were still on their way"))
        .because_of("the grace after the signal is over")
        .hint("the queue may have taken them; run it again, or give a longer `--grace`")
}

type Timer = futures_util::future::Either<std::future::Pending<()>, tokio::time::Sleep>;

fn never() -> Timer {
    futures_util::future::Either::Left(std::future::pending())
}

fn after(time: Duration) -> Timer {
    futures_util::future::Either::Right(tokio::time::sleep(time))
}
