//! What becomes of jobs, carried out by one script a batch.

use super::delivery;
use super::error::ServiceError;
use super::in_flight::{Ended, Lease};
use super::job::Job;
use super::scripts;
use super::shared::Shared;
use crate::message::Receipt;
use crate::queues::{Settled, Verdict};
use bytes::Bytes;
use redis::ScriptInvocation;
use std::time::Duration;

/// The longest text of an error that a job keeps, in bytes.
const LONGEST_REASON: usize = 1024;

/// What shall become of a job that is in progress here.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// From which list it came, by the number of its job.
    pub(super) list: usize,
    pub(super) bytes: Bytes,
    pub(super) fate: Fate,
}

/// Where a job goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nowhere: its work is done.
    Ack,
    /// Back to the right end, where it is the next.
    Release,
    /// To what cannot be read.
    Poison,
    /// To be tried again at this unix second, as these bytes.
    Retry(i64, Vec<u8>),
    /// Among the dead at this unix second, as these bytes.
    Dead(i64, Vec<u8>),
}

impl Order {
    /// What a verdict at this unix second means for a job.
    fn of(lease: &Lease, verdict: &Verdict, now: i64) -> Self {
        let fate = match verdict {
            Verdict::Ack => Fate::Ack,
            Verdict::Release => Fate::Release,
            Verdict::Retry { after, why } => {
                let failed = failed(&lease.bytes, why, now);
                failed.map_or(Fate::Poison, |bytes| Fate::Retry(due(now, *after), bytes))
            }
            Verdict::Bury(why) => {
                failed(&lease.bytes, why, now).map_or(Fate::Poison, |bytes| Fate::Dead(now, bytes))
            }
        };
        Self { list: lease.list, bytes: lease.bytes.clone(), fate }
    }
}

/// The unix second at which something is due, rounded up.
fn due(now: i64, after: Duration) -> i64 {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A job after an attempt that failed; `None` where it cannot be read, which it was.
pub(super) fn failed(bytes: &[u8], why: &str, now: i64) -> Option<Vec<u8>> {
    let job = Job::parse(bytes).ok()?;
    let why = &why[..why.floor_char_boundary(LONGEST_REASON)];
    Some(job.failed(job.fails.saturating_add(1), why, now))
}

/// What is settled by one run of the script.
#[derive(Debug)]
pub(super) struct Batch {
    /// Under which the answer is kept, until it has come.
    number: u64,
    orders: Vec<Order>,
    ended: Ended,
}

impl Shared {
    /// Carries out verdicts. Where Redis does not answer it is asked again, later if need be: before
    /// anything more is taken.
    pub(super) async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let (positions, orders) = self.orders(&batch);
        let mut answers = vec![Settled::LeaseLost; batch.len()];
        if orders.is_empty() {
            return answers;
        }
        let carried_out = match self.settle_again().await {
            Ok(()) => self.carry_out(orders).await,
            Err(error) => {
                let batch = self.batch(orders);
                self.unsettled.lock().await.push(batch);
                Err(error)
            }
        };
        self.in_flight().remove(positions.iter().map(|at| &batch[*at].0));
        self.workers.end(batch.iter().map(|(receipt, _)| receipt));
        for (at, position) in positions.into_iter().enumerate() {
            answers[position] = match &carried_out {
                Ok(found) if found[at] => Settled::Done,
                Ok(_) => Settled::LeaseLost,
                Err(error) => Settled::Unknown(error.reason.clone()),
            };
        }
        answers
    }

    /// What is asked for, with the positions in the batch; what is not here was not ours.
    fn orders(&self, batch: &[(Receipt, Verdict)]) -> (Vec<usize>, Vec<Order>) {
        let (now, in_flight) = (self.now(), self.in_flight());
        let order = |(at, (receipt, verdict)): (usize, &(Receipt, Verdict))| {
            Some((at, Order::of(in_flight.lease(receipt)?, verdict, now)))
        };
        batch.iter().enumerate().filter_map(order).unzip()
    }

    fn batch(&self, orders: Vec<Order>) -> Batch {
        let mut in_flight = self.in_flight();
        Batch { number: in_flight.next_number(), orders, ended: in_flight.take_ended() }
    }

    /// Gives back what nobody works on.
    pub(super) async fn release(&self, receipts: Vec<Receipt>) -> Vec<Settled> {
        self.settle(receipts.into_iter().map(|receipt| (receipt, Verdict::Release)).collect()).await
    }

    /// Carries out what nobody knows Redis to have done. What it has done is not done twice.
    pub(super) async fn settle_again(&self) -> Result<(), ServiceError> {
        let mut unsettled = self.unsettled.lock().await;
        while let Some(batch) = unsettled.first() {
            match self.run(batch, true).await {
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => tracing::warn!("verdicts were not carried out: {}", error.reason),
                Ok(_) => {}
            }
            unsettled.remove(0);
        }
        Ok(())
    }

    /// Tells of each order whether its job was found; an error where nobody knows, and then it is
    /// asked again later.
    pub(super) async fn carry_out(&self, orders: Vec<Order>) -> Result<Vec<bool>, ServiceError> {
        let batch = self.batch(orders);
        let answer = match self.run(&batch, false).await {
            Err(error) if error.may_pass() => self.run(&batch, true).await,
            answer => answer,
        };
        if answer.as_ref().is_err_and(ServiceError::may_pass) {
            self.unsettled.lock().await.push(batch);
        }
        answer
    }

    async fn run(&self, batch: &Batch, again: bool) -> Result<Vec<bool>, ServiceError> {
        let Batch { number, orders, ended } = batch;
        let mut script = self.script();
        let field = format!("settled:{number}");
        script.arg(&self.pool.id).arg(&field).arg(u8::from(again));
        let reaped: Vec<_> = ended.reaped.iter().map(|bytes| delivery::digest(bytes)).collect();
        script.arg(ended.fields.len()).arg(&ended.fields).arg(reaped.len()).arg(&reaped);
        for Order { list, bytes, fate } in orders {
            script.arg(fate.word()).arg(list + 1).arg(&bytes[..]);
            if let Fate::Retry(score, bytes) | Fate::Dead(score, bytes) = fate {
                script.arg(score).arg(bytes);
            }
        }
        fail::fail_point!("redis-settling");
        let answer: String = self.redis.invoke(&script).await?;
        fail::fail_point!("redis-settled");
        self.in_flight().forget(field);
        Ok(answer.bytes().map(|found| found == b'1').collect())
    }

    /// The script, with its keys.
    fn script(&self) -> ScriptInvocation<'static> {
        let mut script = scripts::SETTLE.prepare_invoke();
        script.key(self.keys.retry()).key(self.keys.dead());
        script.key(self.keys.begun(&self.pool.id)).key(self.keys.reaped());
        for (list, job) in self.jobs.iter().enumerate() {
            let (ready, lock) = (self.keys.ready(&job.name), self.keys.lock(&job.name));
            script.key(ready).key(self.in_progress(list)).key(lock);
            script.key(self.keys.lock_info(&job.name)).key(self.keys.poison_of_job(&job.name));
        }
        script
    }
}

impl Fate {
    /// What the script calls it.
    fn word(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Release => "release",
            Self::Poison => "poison",
            Self::Retry(..) => "retry",
            Self::Dead(..) => "dead",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &[u8] = br#"{"name":"a","id":"1","t":5,"args":null,"fails":1,"d":7}"#;

    fn fate(verdict: &Verdict) -> Fate {
        let lease = Lease::new(0, Bytes::from_static(JOB));
        Order::of(&lease, verdict, 100).fate
    }

    #[test]
    fn a_verdict_says_where_a_job_goes() {
        let text = r#"{"name":"a","id":"1","t":5,"args":null,"fails":2,"d":7,"err":"no \u003c1\u003e","failed_at":100}"#;
        let (why, after) = ("no <1>".to_owned(), Duration::from_millis(1500));
        assert_eq!(fate(&Verdict::Ack), Fate::Ack);
        assert_eq!(fate(&Verdict::Release), Fate::Release);
        let retry = fate(&Verdict::Retry { after, why: why.clone() });
        assert_eq!(retry, Fate::Retry(102, text.into()));
        assert_eq!(fate(&Verdict::Bury(why)), Fate::Dead(100, text.into()));
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let Fate::Dead(_, bytes) = fate(&Verdict::Bury("é".repeat(600) + "x")) else { panic!() };
        let job = Job::parse(&bytes).unwrap();
        assert_eq!(job.err.len(), LONGEST_REASON);
        let Fate::Dead(_, bytes) = fate(&Verdict::Bury("x".to_owned() + &"é".repeat(600))) else {
            panic!()
        };
        assert_eq!(Job::parse(&bytes).unwrap().err.len(), LONGEST_REASON - 1);
    }
}
