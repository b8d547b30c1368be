//! What becomes of jobs, carried out by one script a batch.

use super::delivery;
use super::error::ServiceError;
use super::orders::{Batch, Fate, Order};
use super::scripts;
use super::shared::Shared;
use crate::message::Receipt;
use crate::queues::{Settled, Verdict};
use redis::ScriptInvocation;

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
