//! What becomes of each delivery of a batch, by what the sink said.

use super::attempts::Try;
use super::in_flight::Until;
use super::lanes::Lane;
use super::plan::{Mode, Rehearsal};
use super::work::Work;
use super::written::{Unburied, Written};
use crate::attempts::Ended;
use crate::message::{Delivery, Receipt};
use crate::queues::Verdict;
use crate::report::count;
use crate::retry::{self, Limits};
use crate::sinks::Outcome;
use foldhash::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How many messages of a batch that failed are named one by one.
const NAMED: usize = 10;

/// Whether the sink itself takes nothing now, whatever the message.
fn takes_nothing(outcome: &Outcome) -> bool {
    use Outcome::{Closed, Denied, Throttled, Unavailable};
    matches!(outcome, Unavailable(_) | Throttled { .. } | Denied(_) | Closed)
}

/// A batch that was judged: what became of it so far, and what is left to do.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) written: Written,
    /// For the queue, each with the message's id.
    pub(super) verdicts: Vec<(String, Receipt, Verdict)>,
    /// To be published, and then acknowledged.
    pub(super) letters: Vec<Unburied>,
    /// Begun, and not written.
    pub(super) interrupted: Vec<Receipt>,
    /// Lanes of which a message became a dead letter.
    died: HashSet<Lane>,
}

/// What becomes of one delivery.
enum Fate {
    /// Nothing became of it, and it is the next of its lane.
    Next(Delivery),
    /// Nothing became of it, and it is kept as long as what failed before it in its lane.
    Kept(Delivery, Until),
    /// A rehearsal settles nothing, and it would have been stored.
    Rehearsed,
    /// A rehearsal settles nothing, and it failed.
    FailedInRehearsal(Delivery),
    /// After this time the message is tried again, since it failed for this reason.
    Retried(Delivery, Duration, String),
    /// The message becomes a dead letter, for this reason.
    Buried(Delivery, Try, String),
    /// The queue is told.
    Settled(Delivery, Verdict),
}

impl Judged {
    /// Nothing became of this one, and nothing counts.
    fn interrupt(&mut self, delivery: &Delivery) {
        self.written.ended.push((delivery.message.id.clone(), Ended::Released));
        self.interrupted.push(delivery.receipt.clone());
    }
}

impl Work<'_> {
    /// Decides what becomes of each message that was written, or could not be.
    pub(super) fn judge(
        &self,
        batch: Vec<Delivery>,
        tries: Vec<Try>,
        outcomes: Vec<Outcome>,
    ) -> Judged {
        let mut judged = Judged::default();
        judged.verdicts.reserve(batch.len());
        for ((delivery, tried), outcome) in batch.into_iter().zip(tries).zip(outcomes) {
            self.tally(&delivery, &outcome, &mut judged.written);
            let fate = self.fate(delivery, tried, outcome, &judged);
            self.note(fate, &mut judged);
        }
        if let Some(more) = judged.written.failed.checked_sub(NAMED + 1) {
            tracing::warn!("{} more of this batch failed or were rejected", more + 1);
        }
        judged
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
            Outcome::Overrun(why) => {
                name(&mut written.failed, why, "failed");
                written.overrun = Some(why.clone());
            }
            Outcome::Reject(why) => name(&mut written.failed, why, "was rejected"),
            Outcome::Filtered => count(&self.counters.filtered, 1),
            Outcome::Unavailable(why) | Outcome::ConnectionLost(why) => {
                written.unavailable.get_or_insert_with(|| why.clone());
            }
            Outcome::Denied(why) => {
                written.denied.get_or_insert_with(|| why.clone());
            }
            Outcome::Throttled { why, wait } => {
                written.unavailable.get_or_insert_with(|| why.clone());
                written.wait = written.wait.max(Some(*wait));
            }
            Outcome::Unwritten => {}
            Outcome::Closed => written.closed = true,
        }
    }

    /// What becomes of one delivery, behind those of its batch that were judged before it.
    fn fate(&self, delivery: Delivery, tried: Try, outcome: Outcome, before: &Judged) -> Fate {
        if takes_nothing(&outcome) {
            return Fate::Next(delivery);
        }
        if self.plan.rehearsal != Rehearsal::No {
            return match outcome {
                Outcome::Retry(_) | Outcome::Overrun(_) | Outcome::Reject(_) => {
                    Fate::FailedInRehearsal(delivery)
                }
                _ => Fate::Rehearsed,
            };
        }
        if outcome == Outcome::Unwritten {
            let lane = self.lane(&delivery);
            if let Some(until) = before.written.stopped.get(&lane) {
                return Fate::Kept(delivery, *until);
            }
            if before.died.contains(&lane) {
                return Fate::Next(delivery);
            }
        }
        match retry::verdict(outcome, tried.tries, &self.retries(), fastrand::f64()) {
            Verdict::Retry { after, why } => Fate::Retried(delivery, after, why),
            Verdict::Bury(why) => Fate::Buried(delivery, tried, why),
            verdict => Fate::Settled(delivery, verdict),
        }
    }

    /// Notes what becomes of a delivery, for the run and for the queue.
    fn note(&self, fate: Fate, judged: &mut Judged) {
        match fate {
            Fate::Next(delivery) => {
                judged.interrupt(&delivery);
                judged.written.unwritten.push(delivery);
            }
            Fate::Kept(delivery, until) => {
                count(&self.counters.released, 1);
                judged.interrupt(&delivery);
                judged.written.keep(delivery.receipt, until);
            }
            Fate::Rehearsed => {}
            Fate::FailedInRehearsal(Delivery { message, .. }) => {
                judged.written.ended.push((message.id, Ended::Failed));
            }
            Fate::Retried(delivery, after, why) => self.note_retry(delivery, after, why, judged),
            Fate::Buried(delivery, tried, why) => self.note_death(delivery, tried, why, judged),
            Fate::Settled(Delivery { message, receipt, .. }, verdict) => {
                judged.verdicts.push((message.id, receipt, verdict));
            }
        }
    }

    fn note_retry(&self, delivery: Delivery, after: Duration, why: String, judged: &mut Judged) {
        count(&self.counters.retried, 1);
        let (lane, until) = (self.lane(&delivery), self.kept_until(after));
        let Delivery { message, receipt, .. } = delivery;
        judged.written.ended.push((message.id.clone(), Ended::Failed));
        judged.written.stopped.insert(lane, until);
        if self.capabilities.delays {
            judged.verdicts.push((message.id, receipt, Verdict::Retry { after, why }));
        } else {
            judged.written.keep(receipt, until);
        }
    }

    fn note_death(&self, delivery: Delivery, tried: Try, why: String, judged: &mut Judged) {
        judged.died.insert(self.lane(&delivery));
        let Delivery { message, receipt, attempts, .. } = delivery;
        if self.dead.are_published() {
            let mut death = self.dead.death(why);
            (death.attempts, death.first_at) = (attempts, tried.first_at);
            judged.letters.push((receipt, (message, death)));
        } else {
            judged.verdicts.push((message.id, receipt, Verdict::Bury(why)));
        }
    }

    pub(super) fn lane(&self, delivery: &Delivery) -> Lane {
        Lane::of(&delivery.message, self.sink.ordered())
    }

    /// How often and how fast a message is tried again on this queue.
    pub(super) fn retries(&self) -> Limits {
        Limits { backoff: self.capabilities.backoff, ..self.plan.retries }
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
}
