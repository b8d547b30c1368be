//! What happens to a batch: written, judged, settled.

use super::dead::DeadLetters;
use super::{Mode, Plan, Rehearsal, write};
use crate::error::{Error, Kind};
use crate::message::{Delivery, Receipt};
use crate::queues::{Settled, Subscriber, Verdict};
use crate::report::{Counters, count};
use crate::retry;
use crate::sinks::{Outcome, Sink};
use tokio::time::Instant;

/// So many messages of a batch that failed are named one by one.
const NAMED: usize = 10;

/// What every part of the run works with.
#[derive(Clone, Copy)]
pub(super) struct Tools<'a> {
    pub(super) queue: &'a dyn Subscriber,
    pub(super) sink: &'a dyn Sink,
    pub(super) dead: &'a DeadLetters,
    pub(super) plan: &'a Plan,
    pub(super) counters: &'a Counters,
}

/// What became of one batch.
#[derive(Default)]
pub(super) struct Written {
    /// How many failed or were rejected.
    failed: usize,
    /// Settled, whatever the verdict: no longer ours.
    pub(super) settled: Vec<Receipt>,
    /// The sink was gone before anything became of them.
    pub(super) unwritten: Vec<Delivery>,
    /// Still ours until this time. What is in neither list is ours until the run ends.
    pub(super) kept: Vec<(Receipt, Instant)>,
    /// The sink cannot be reached.
    pub(super) unavailable: Option<String>,
    /// The reader is gone.
    pub(super) closed: bool,
    /// The queue did not take a verdict.
    pub(super) not_settled: Option<String>,
    /// The dead letters have no place: their messages stay in the queue, the others go on.
    pub(super) no_place: Option<Error>,
}

impl Written {
    /// What becomes of a batch that could not even be tried.
    pub(super) fn not_at_all(batch: Vec<Delivery>, why: String) -> Self {
        Self { unwritten: batch, unavailable: Some(why), ..Self::default() }
    }
}

impl Tools<'_> {
    /// Writes a batch and settles each of its messages by what the sink said.
    pub(super) async fn write_and_settle(self, batch: Vec<Delivery>) -> Written {
        let mut written = Written::default();
        let outcomes = write::write(self.sink, &batch).await;
        fail::fail_point!("subscribe-written");
        let mut verdicts = Vec::with_capacity(batch.len());
        for (delivery, outcome) in batch.into_iter().zip(outcomes) {
            self.tally(&delivery, &outcome, &mut written);
            if matches!(outcome, Outcome::Unavailable(_) | Outcome::Closed) {
                written.unwritten.push(delivery);
                continue;
            }
            if self.plan.rehearsal != Rehearsal::No {
                continue;
            }
            let jitter = fastrand::f64();
            let verdict = retry::verdict(outcome, delivery.attempts, &self.plan.retries, jitter);
            if let Some(verdict) = self.carry_out(&delivery, verdict, &mut written).await {
                verdicts.push((delivery.receipt, verdict));
            }
        }
        if let Some(more) = written.failed.checked_sub(NAMED + 1) {
            tracing::warn!("{} more of this batch failed or were rejected", more + 1);
        }
        self.settle(verdicts, &mut written).await;
        fail::fail_point!("subscribe-settled");
        written
    }

    /// Counts, and names the first messages of a batch that failed: a thousand are told by their
    /// number, and each dead letter keeps its reason.
    fn tally(&self, delivery: &Delivery, outcome: &Outcome, written: &mut Written) {
        let name = |failed: &mut usize, why: &str, what: &str| {
            *failed += 1;
            match *failed {
                ..=NAMED => tracing::warn!(id = delivery.message.id, "a message {what}: {why}"),
                _ => tracing::debug!(id = delivery.message.id, "a message {what}: {why}"),
            }
        };
        match outcome {
            Outcome::Stored => count(&self.counters.stored, 1),
            Outcome::Duplicate => count(&self.counters.duplicate, 1),
            Outcome::Retry(why) => name(&mut written.failed, why, "failed"),
            Outcome::Reject(why) => name(&mut written.failed, why, "was rejected"),
            Outcome::Unavailable(why) => {
                written.unavailable.get_or_insert_with(|| why.clone());
            }
            Outcome::Unwritten => {}
            Outcome::Closed => written.closed = true,
        }
    }

    /// Does what the queue cannot do by itself; gives the verdict that is left for the queue.
    async fn carry_out(
        &self,
        delivery: &Delivery,
        verdict: Verdict,
        written: &mut Written,
    ) -> Option<Verdict> {
        match verdict {
            Verdict::Retry(after) if !self.queue.delays() => {
                count(&self.counters.retried, 1);
                if self.plan.mode == Mode::Follow {
                    written.kept.push((delivery.receipt.clone(), Instant::now() + after));
                }
                None
            }
            Verdict::Bury(why) if !self.queue.buries() => {
                match self.dead.keep(delivery, &why).await {
                    Ok(()) => {
                        fail::fail_point!("subscribe-buried");
                        count(&self.counters.dead, 1);
                        Some(Verdict::Ack)
                    }
                    Err(cause) => {
                        let error = no_place_for_the_dead(&cause);
                        tracing::warn!(id = delivery.message.id, "{}", error.one_line());
                        written.no_place = Some(error);
                        None
                    }
                }
            }
            verdict => {
                match verdict {
                    Verdict::Retry(_) => count(&self.counters.retried, 1),
                    Verdict::Bury(_) => count(&self.counters.dead, 1),
                    Verdict::Release => count(&self.counters.released, 1),
                    Verdict::Ack => {}
                }
                Some(verdict)
            }
        }
    }

    async fn settle(&self, verdicts: Vec<(Receipt, Verdict)>, written: &mut Written) {
        if verdicts.is_empty() {
            return;
        }
        let receipts: Vec<_> = verdicts.iter().map(|(receipt, _)| receipt.clone()).collect();
        for (receipt, settled) in receipts.into_iter().zip(self.queue.settle(verdicts).await) {
            match settled {
                Settled::Done => {}
                Settled::LeaseLost => count(&self.counters.lease_lost, 1),
                Settled::Unknown(why) => {
                    written.not_settled.get_or_insert(why);
                }
            }
            written.settled.push(receipt);
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
                    tracing::warn!("what was in hand comes again when its lease ends: {why}");
                    return;
                }
            }
        }
    }
}

fn no_place_for_the_dead(cause: &str) -> Error {
    Error::new(Kind::Unreachable, "a rejected message could not be kept as a dead letter")
        .because_of(cause)
        .hint("it stays in the queue; make the queue of dead letters with `--create`")
}
