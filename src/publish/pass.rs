//! One tick: the source is read to its end, and each batch published, kept or refused.

use super::Plan;
use super::detour::{Detour, Gate};
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::queues::{Published, Publisher};
use crate::report::{Counters, count};
use crate::sources::{Batch, Source};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// So many refused messages are named one by one; the rest are counted.
pub(super) const NAMED: u64 = 10;

/// What every tick of a run works with.
pub(super) struct Run<'a> {
    pub(super) source: &'a mut dyn Source,
    pub(super) queue: &'a dyn Publisher,
    pub(super) plan: &'a Plan,
    pub(super) counters: &'a Counters,
    /// The shutdown was asked for.
    pub(super) stopped: bool,
    /// What the queue refused is kept as dead letters of the spool.
    pub(super) buried: bool,
}

/// A batch, and what the queue said of it.
struct Sent {
    messages: Vec<Message>,
    answer: Answer,
}

enum Answer {
    /// Of each message.
    Each(Vec<Published>),
    /// Of the whole queue.
    Failed(Error),
    /// It was not asked: the way is around it.
    Around,
}

impl Run<'_> {
    /// Reads one tick to its end, several batches on their way at once, and commits them in the
    /// order in which they were read. What waits in the spool is sent afterwards.
    pub(super) async fn tick<S>(&mut self, tick: u64, mut shutdown: Pin<&mut S>) -> Result<()>
    where
        S: Future<Output = ()>,
    {
        let spool = self.plan.spool.as_ref().filter(|_| !self.plan.dry_run);
        let gate = Gate::new(spool.is_some());
        let mut detour = match spool {
            Some(spool) => Some(Detour::of(spool, &gate, self.plan, self.counters).await?),
            None => None,
        };
        let read = self.pass(tick, &gate, &mut detour, shutdown.as_mut()).await;
        let Some(detour) = detour else { return read };
        let mut signal = false;
        let noticed = async {
            shutdown.await;
            signal = true;
        };
        let sent = detour.end(self.queue, self.stopped, noticed).await;
        self.stopped |= signal;
        // Nothing of a batch that is in neither place was committed: that is to be told first.
        read.and(sent)
    }

    async fn pass<S>(
        &mut self,
        tick: u64,
        gate: &Gate,
        detour: &mut Option<Detour<'_>>,
        mut shutdown: Pin<&mut S>,
    ) -> Result<()>
    where
        S: Future<Output = ()>,
    {
        let mut sending = FuturesOrdered::new();
        let mut reading = true;
        let mut failure = None;
        let mut last_call = pin!(never());
        loop {
            let room = sending.len() < self.plan.in_flight;
            let again_at = detour.as_ref().and_then(|detour| detour.again_at);
            tokio::select! {
                biased;
                Some(sent) = sending.next() => {
                    match self.settle(sent, detour).await {
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
                () = at(again_at), if reading && sending.is_empty() => {
                    if let Some(detour) = detour {
                        detour.drain(self.queue, std::future::pending()).await;
                    }
                }
                read = self.source.read(tick), if reading && room => match read {
                    Ok(Some(batch)) => {
                        fail::fail_point!("publish-read");
                        let messages = self.accept(batch);
                        if !self.plan.dry_run {
                            sending.push_back(send(self.queue, gate, messages));
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

    /// Does what is left to do for a batch that was on its way. When this is well, the batch may be
    /// forgotten by its source.
    async fn settle(&mut self, sent: Sent, detour: &mut Option<Detour<'_>>) -> Result<()> {
        let Tallied { left, refused, failure } = self.tally(sent);
        match detour {
            None => {
                count(&self.counters.unpublished, left.len());
                failure.map_or(Ok(()), Err)
            }
            Some(detour) => {
                if let Some(error) = failure {
                    detour.because(error);
                }
                self.put_aside(detour, left, refused).await
            }
        }
    }

    /// Counts what the queue said of each message, and sorts out what it did not take.
    fn tally(&self, Sent { messages, answer }: Sent) -> Tallied {
        let answers = match answer {
            Answer::Each(answers) => answers,
            Answer::Failed(error) => {
                return Tallied { left: messages, refused: Vec::new(), failure: Some(error) };
            }
            Answer::Around => {
                return Tallied { left: messages, refused: Vec::new(), failure: None };
            }
        };
        let mut tallied = Tallied::default();
        let mut taken = 0;
        for (message, answer) in messages.into_iter().zip(answers) {
            match answer {
                Published::Accepted => {
                    taken += 1;
                    count(&self.counters.published, 1);
                }
                Published::Duplicate => {
                    taken += 1;
                    count(&self.counters.duplicate, 1);
                }
                Published::Refused(why) => {
                    self.refuse(&format!("message `{}`", message.id), &why);
                    tallied.refused.push((message, why));
                }
                Published::Retry(why) => {
                    tallied.failure.get_or_insert_with(|| postponed(&why));
                    tallied.left.push(message);
                }
            }
        }
        // Batches are told in the order of reading: what was killed can be followed by this.
        tracing::debug!(taken, "the queue has taken a batch");
        tallied
    }

    /// Puts into the spool what the queue did not take, for later or as dead letters.
    async fn put_aside(
        &mut self,
        detour: &Detour<'_>,
        left: Vec<Message>,
        mut refused: Vec<(Message, String)>,
    ) -> Result<()> {
        if !left.is_empty() {
            let answer = detour.append(&left).await;
            let refused_too = answer.map_err(|error| {
                count(&self.counters.unpublished, left.len());
                detour.neither(&error)
            })?;
            for (message, why) in &refused_too {
                self.refuse(&format!("message `{}`", message.id), why);
            }
            tracing::debug!(taken = left.len() - refused_too.len(), "the spool has taken a batch");
            refused.extend(refused_too);
        }
        if !refused.is_empty() {
            detour.bury(refused).await?;
            self.buried = true;
        }
        Ok(())
    }

    fn refuse(&self, place: &str, reason: &str) {
        if self.counters.refused.fetch_add(1, Ordering::Relaxed) < NAMED {
            tracing::warn!("{place} was refused: {reason}");
        }
    }
}

/// What of a batch the queue did not take.
#[derive(Default)]
struct Tallied {
    /// It may take these later.
    left: Vec<Message>,
    /// It will never take these; why.
    refused: Vec<(Message, String)>,
    /// Why anything is left.
    failure: Option<Error>,
}

impl Answer {
    /// Whether the queue may take later what it did not take now.
    fn leaves_something(&self) -> bool {
        match self {
            Self::Each(answers) => answers.iter().any(|it| matches!(it, Published::Retry(_))),
            Self::Failed(_) | Self::Around => true,
        }
    }
}

/// Publishes a batch, unless the way is around the queue by the time of its turn.
async fn send(queue: &dyn Publisher, gate: &Gate, messages: Vec<Message>) -> Sent {
    let turn = gate.turn(&messages).await;
    let answer = match gate.is_shut() {
        true => Answer::Around,
        false => match queue.publish(&messages).await {
            Ok(answers) => Answer::Each(answers),
            Err(error) => Answer::Failed(error),
        },
    };
    if answer.leaves_something() {
        gate.shut();
    }
    drop(turn);
    Sent { messages, answer }
}

fn postponed(why: &str) -> Error {
    Error::new(Kind::Unreachable, "the queue did not take every message")
        .because_of(why)
        .hint("run it again; a message that has an id of its own is not doubled by that")
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

/// Sleeps until then; for ever where there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
