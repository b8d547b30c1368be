//! What happens to a batch: written, judged, settled.

use super::attempts::Try;
use super::judge::Judged;
use super::plan::Rehearsal;
use super::work::Work;
use super::written::Written;
use crate::attempts::Ended;
use crate::message::{Delivery, Receipt};
use crate::queues::{Settled, Verdict};
use crate::report::{count, messages};
use crate::retry;
use crate::sinks::Outcome;

impl Work<'_> {
    /// Writes a batch and settles each of its messages by what the sink said.
    pub(super) async fn write_and_settle(self, mut batch: Vec<Delivery>) -> Written {
        let tries = self.begin(&mut batch).await;
        let outcomes = match self.give_up(&mut batch, &tries) {
            Some(outcome) => vec![outcome],
            None => {
                self.tell_begun(&mut batch).await;
                self.reshape_and_write(&batch).await
            }
        };
        tell(&outcomes);
        fail::fail_point!("subscribe-written");
        let judged = self.judge(batch, tries, outcomes);
        if !judged.interrupted.is_empty() {
            self.queue.interrupted(&judged.interrupted).await;
        }
        let judged = self.bury(judged).await;
        let written = self.settle(judged).await;
        fail::fail_point!("subscribe-settled");
        written
    }

    /// Asks whether the sink is there, and only then writes.
    pub(super) async fn probe(self, batch: Vec<Delivery>) -> Written {
        match self.sink.ping().await {
            Ok(()) if batch.is_empty() => Written::default(),
            Ok(()) => self.write_and_settle(batch).await,
            Err(error) => Written::not_at_all(batch, error.one_line()),
        }
    }

    /// A message that has used up its attempts by losing its leases is not written once more. Such a
    /// one is alone.
    fn give_up(&self, batch: &mut [Delivery], tries: &[Try]) -> Option<Outcome> {
        let ([delivery], [Try { tries, .. }]) = (batch, tries) else { return None };
        if self.plan.rehearsal != Rehearsal::No {
            return None;
        }
        let why = retry::spent(*tries, delivery.lost, &self.plan.retries)?;
        delivery.attempts = tries.attempt.map(|attempt| attempt - 1);
        Some(Outcome::Reject(why))
    }

    /// Tells the queue, and whoever counts attempts.
    pub(super) async fn settle(&self, judged: Judged) -> Written {
        let Judged { mut written, verdicts, .. } = judged;
        if !verdicts.is_empty() {
            self.tell_queue(verdicts, &mut written).await;
        }
        self.end(&written.ended).await;
        written
    }

    async fn tell_queue(&self, verdicts: Vec<(String, Receipt, Verdict)>, written: &mut Written) {
        let mut batch = Vec::with_capacity(verdicts.len());
        let mut told = Vec::with_capacity(verdicts.len());
        for (id, receipt, verdict) in verdicts {
            told.push((id, receipt.clone(), self.ended(&verdict)));
            batch.push((receipt, verdict));
        }
        let mut acknowledged = 0;
        for ((id, receipt, ended), settled) in told.into_iter().zip(self.queue.settle(batch).await)
        {
            acknowledged += usize::from(settled == Settled::Done && ended == Some(Ended::Settled));
            // What the queue has not taken comes again: then it is known how often it failed.
            let not_taken = Some(Ended::Released);
            let ended = match settled {
                Settled::Done => ended,
                Settled::LeaseLost => {
                    count(&self.counters.lease_lost, 1);
                    ended.and(not_taken)
                }
                Settled::Unknown(why) => {
                    written.not_settled.get_or_insert(why);
                    ended.and(not_taken)
                }
            };
            written.ended.extend(ended.map(|ended| (id, ended)));
            written.settled.push(receipt);
        }
        if acknowledged > 0 {
            tracing::info!("settled {}", messages(acknowledged));
        }
    }

    /// Counts a verdict, and gives what it means for the attempts; `None`: they have ended already.
    fn ended(&self, verdict: &Verdict) -> Option<Ended> {
        match verdict {
            Verdict::Ack => Some(Ended::Settled),
            Verdict::Bury(_) => {
                count(&self.counters.dead, 1);
                Some(Ended::Settled)
            }
            Verdict::Release => {
                count(&self.counters.released, 1);
                Some(Ended::Released)
            }
            Verdict::Retry { .. } => None,
        }
    }

    /// Gives deliveries back as if they had never been received.
    pub(super) async fn release(&self, receipts: &[Receipt]) {
        if receipts.is_empty() {
            return;
        }
        let verdicts = receipts.iter().map(|receipt| (receipt.clone(), Verdict::Release)).collect();
        for settled in self.queue.settle(verdicts).await {
            match settled {
                Settled::Done => {}
                Settled::LeaseLost => count(&self.counters.lease_lost, 1),
                Settled::Unknown(why) => {
                    tracing::warn!("what was in flight is redelivered when its lease ends: {why}");
                    return;
                }
            }
        }
    }
}

/// Tells whoever wants to know what the sink made of a batch.
fn tell(outcomes: &[Outcome]) {
    let of = |is_it: fn(&Outcome) -> bool| outcomes.iter().filter(|it| is_it(it)).count();
    let stored = of(|it| matches!(it, Outcome::Stored));
    let duplicate = of(|it| matches!(it, Outcome::Duplicate));
    let others = outcomes.len() - stored - duplicate;
    tracing::info!(stored, duplicate, others, "wrote {}", messages(outcomes.len()));
}
