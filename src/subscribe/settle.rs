//! What happens to a batch: written, judged, settled.

use super::attempts::Try;
use super::in_flight::Until;
use super::lines::Line;
use super::unplaced::Unburied;
use super::{Mode, Rehearsal, Work, write};
use crate::attempts::Ended;
use crate::message::{Delivery, Receipt};
use crate::queues::{Settled, Verdict};
use crate::report::count;
use crate::retry::{self, Limits};
use crate::sinks::Outcome;
use foldhash::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// So many messages of a batch that failed are named one by one.
const NAMED: usize = 10;

/// What became of one batch.
#[derive(Default)]
pub(super) struct Written {
    /// How many failed or were rejected.
    failed: usize,
    /// Settled, whatever the verdict: no longer ours.
    pub(super) settled: Vec<Receipt>,
    /// Nothing became of them, and they are to be written next: the sink was gone, or an earlier
    /// message of their group died.
    pub(super) unwritten: Vec<Delivery>,
    /// Still ours until this time. What is in no list is ours until the run ends.
    pub(super) kept: Vec<(Receipt, Instant)>,
    /// How many are left to a later run.
    pub(super) postponed: usize,
    /// Lines of which a message failed.
    pub(super) stopped: HashMap<Line, Until>,
    /// Lines of which a message became a dead letter.
    died: HashSet<Line>,
    /// The sink cannot be reached.
    pub(super) unavailable: Option<String>,
    /// The reader is gone.
    pub(super) closed: bool,
    /// The queue did not take a verdict.
    pub(super) not_settled: Option<String>,
    /// Dead letters that no place took: still ours, and to be tried again.
    pub(super) unplaced: Vec<Unburied>,
    /// Those beyond what may wait so, which were given back to the queue.
    pub(super) given_back: Vec<(String, Ended)>,
    /// Why dead letters have no place.
    pub(super) no_place: Option<String>,
    /// What became of the attempts.
    pub(super) ended: Vec<(String, Ended)>,
    /// Why one of them failed.
    pub(super) why_failed: Option<String>,
}

impl Written {
    /// What becomes of a batch that could not even be tried.
    pub(super) fn not_at_all(batch: Vec<Delivery>, why: String) -> Self {
        Self { unwritten: batch, unavailable: Some(why), ..Self::default() }
    }

    pub(super) fn keep(&mut self, receipt: Receipt, until: Until) {
        match until {
            Until::Now => self.kept.push((receipt, Instant::now())),
            Until::Due(due) => self.kept.push((receipt, due)),
            Until::TheEnd => self.postponed += 1,
        }
    }
}

/// What is left to do for a batch that was judged.
#[derive(Default)]
pub(super) struct Judged {
    /// For the queue, each with the message's id.
    pub(super) verdicts: Vec<(String, Receipt, Verdict)>,
    /// To be published, and then acknowledged.
    pub(super) letters: Vec<Unburied>,
    /// For whoever counts attempts.
    pub(super) ended: Vec<(String, Ended)>,
    /// Begun, and not written.
    interrupted: Vec<Receipt>,
}

impl Judged {
    /// Nothing became of this one, and nothing counts.
    fn interrupt(&mut self, delivery: &Delivery) {
        self.ended.push((delivery.message.id.clone(), Ended::Released));
        self.interrupted.push(delivery.receipt.clone());
    }
}

impl Work<'_> {
    /// Writes a batch and settles each of its messages by what the sink said.
    pub(super) async fn write_and_settle(self, mut batch: Vec<Delivery>) -> Written {
        let mut written = Written::default();
        let tries = self.begin(&mut batch).await;
        let outcomes = match self.give_up(&mut batch, &tries) {
            Some(outcome) => vec![outcome],
            None => {
                self.tell_begun(&batch).await;
                write::write(self.sink, &batch).await
            }
        };
        fail::fail_point!("subscribe-written");
        let mut judged = Judged::default();
        for ((delivery, tried), outcome) in batch.into_iter().zip(tries).zip(outcomes) {
            self.tally(&delivery, &outcome, &mut written);
            self.judge(delivery, tried, outcome, &mut judged, &mut written);
        }
        if let Some(more) = written.failed.checked_sub(NAMED + 1) {
            tracing::warn!("{} more of this batch failed or were rejected", more + 1);
        }
        if !judged.interrupted.is_empty() {
            self.queue.interrupted(&judged.interrupted).await;
        }
        self.bury(&mut judged, &mut written).await;
        self.settle(&mut judged, &mut written).await;
        self.end(&judged.ended).await;
        written.ended = judged.ended;
        fail::fail_point!("subscribe-settled");
        written
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
            Outcome::Retry(why) => {
                name(&mut written.failed, why, "failed");
                written.why_failed = Some(why.clone());
            }
            Outcome::Reject(why) => name(&mut written.failed, why, "was rejected"),
            Outcome::Unavailable(why) | Outcome::ConnectionLost(why) => {
                written.unavailable.get_or_insert_with(|| why.clone());
            }
            Outcome::Unwritten => {}
            Outcome::Closed => written.closed = true,
        }
    }

    /// Decides what becomes of one delivery.
    fn judge(
        &self,
        delivery: Delivery,
        tried: Try,
        outcome: Outcome,
        judged: &mut Judged,
        written: &mut Written,
    ) {
        if matches!(outcome, Outcome::Unavailable(_) | Outcome::Closed) {
            judged.interrupt(&delivery);
            return written.unwritten.push(delivery);
        }
        if self.plan.rehearsal != Rehearsal::No {
            if matches!(outcome, Outcome::Retry(_) | Outcome::Reject(_)) {
                judged.ended.push((delivery.message.id, Ended::Failed));
            }
            return;
        }
        if outcome == Outcome::Unwritten && self.waits_behind(&delivery, judged, written) {
            return;
        }
        let jitter = fastrand::f64();
        let verdict = retry::verdict(outcome, tried.tries, &self.retries(), jitter);
        if matches!(verdict, Verdict::Bury(_)) {
            written.died.insert(Line::of(&delivery.message, self.sink.ordered()));
        }
        let Delivery { message, receipt, attempts, .. } = delivery;
        match verdict {
            Verdict::Retry { after, why } => {
                count(&self.counters.retried, 1);
                judged.ended.push((message.id.clone(), Ended::Failed));
                let until = self.kept_until(after);
                written.stopped.insert(Line::of(&message, self.sink.ordered()), until);
                if self.capabilities.delays {
                    judged.verdicts.push((message.id, receipt, Verdict::Retry(after)));
                } else {
                    written.keep(receipt, until);
                }
            }
            Verdict::Bury(why) if self.dead.are_published() => {
                let mut death = self.dead.death(why);
                (death.attempts, death.first_at) = (attempts, tried.first_at);
                judged.letters.push((receipt, (message, death)));
            }
            verdict => judged.verdicts.push((message.id, receipt, verdict)),
        }
    }

    /// What was not written because of an earlier message of its line: where that is tried again,
    /// it is kept as long, and where that died it is the next.
    fn waits_behind(
        &self,
        delivery: &Delivery,
        judged: &mut Judged,
        written: &mut Written,
    ) -> bool {
        let line = Line::of(&delivery.message, self.sink.ordered());
        if let Some(until) = written.stopped.get(&line).copied() {
            count(&self.counters.released, 1);
            judged.interrupt(delivery);
            written.keep(delivery.receipt.clone(), until);
            return true;
        }
        let next = written.died.contains(&line);
        if next {
            judged.interrupt(delivery);
            written.unwritten.push(delivery.clone());
        }
        next
    }

    /// How often and how fast a message is tried again on this queue.
    pub(super) fn retries(&self) -> Limits {
        Limits { backoff: self.queue.capabilities().backoff, ..self.plan.retries }
    }

    /// How long what waits for a retry is kept: not at all where the queue can delay, else until it
    /// is due. A run that ends by itself does not wait longer for it than for a new message: it
    /// leaves it to a later run.
    pub(super) fn kept_until(&self, after: Duration) -> Until {
        let now = Instant::now();
        if self.capabilities.delays {
            Until::Now
        } else if self.plan.mode == Mode::Follow || after <= self.plan.idle {
            Until::Due(now + after)
        } else {
            Until::TheEnd
        }
    }

    /// Tells the queue.
    pub(super) async fn settle(&self, judged: &mut Judged, written: &mut Written) {
        if judged.verdicts.is_empty() {
            return;
        }
        let mut verdicts = Vec::with_capacity(judged.verdicts.len());
        let mut told = Vec::with_capacity(judged.verdicts.len());
        for (id, receipt, verdict) in judged.verdicts.drain(..) {
            let ended = match verdict {
                Verdict::Ack | Verdict::Bury(_) => Some(Ended::Settled),
                Verdict::Release => Some(Ended::Released),
                Verdict::Retry { .. } => None, // it has failed already
            };
            match verdict {
                Verdict::Bury(_) => count(&self.counters.dead, 1),
                Verdict::Release => count(&self.counters.released, 1),
                Verdict::Retry { .. } | Verdict::Ack => {}
            }
            told.push((id, receipt.clone(), ended));
            verdicts.push((receipt, verdict));
        }
        for ((id, receipt, ended), settled) in
            told.into_iter().zip(self.queue.settle(verdicts).await)
        {
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
            judged.ended.extend(ended.map(|ended| (id, ended)));
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
