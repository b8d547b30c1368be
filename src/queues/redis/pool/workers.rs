//! What each worker of a pool does: one batch of ours is one worker's work, and is told by its first job.

use crate::message::Receipt;
use crate::queues::redis::job::Job;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What a worker works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::queues::redis) struct Observation {
    pub(in crate::queues::redis) receipt: Receipt,
    pub(in crate::queues::redis) job_name: String,
    pub(in crate::queues::redis) job_id: String,
    /// In unix seconds.
    pub(in crate::queues::redis) started_at: i64,
    /// The text of the arguments; empty where there are none.
    pub(in crate::queues::redis) args: String,
    /// What the job last said of itself, and when, in unix seconds.
    pub(in crate::queues::redis) checkin: Option<(String, i64)>,
}

impl Observation {
    /// Work on a job that begins at this unix second.
    pub(in crate::queues::redis) fn of(job: &Job<'_>, receipt: Receipt, started_at: i64) -> Self {
        let has_args = !matches!(job.args, "null" | "{}");
        let args = if has_args { job.args.to_owned() } else { String::new() };
        let (job_name, job_id) = (job.name.clone(), job.id.clone());
        Self { receipt, job_name, job_id, started_at, args, checkin: None }
    }
}

#[derive(Debug, Clone, Default)]
struct Worker {
    work: Option<Observation>,
    /// What it does has changed since it was written.
    changed: bool,
    /// Something of it stands in Redis.
    written: bool,
}

/// The workers of a pool, each by its number.
pub(in crate::queues::redis) struct Workers {
    workers: Mutex<Vec<Worker>>,
    /// Wakes who writes what they do.
    pub(super) changed: Notify,
}

impl Workers {
    /// This many, who do nothing yet.
    pub(in crate::queues::redis) fn new(count: usize) -> Self {
        Self { workers: Mutex::new(vec![Worker::default(); count]), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.workers.lock().expect("no holder of the workers panics")
    }

    /// Somebody who does nothing begins with this; where all work, nobody shows it.
    pub(in crate::queues::redis) fn begin(&self, work: Observation) {
        if let Some(free) = self.lock().iter_mut().find(|worker| worker.work.is_none()) {
            free.change(Some(work));
        }
        self.changed.notify_one();
    }

    /// Work on these is over.
    pub(in crate::queues::redis) fn end<'r>(&self, receipts: impl Iterator<Item = &'r Receipt>) {
        let mut workers = self.lock();
        for receipt in receipts {
            if let Some(worker) = working_on(&mut workers, receipt) {
                worker.change(None);
                self.changed.notify_one();
            }
        }
    }

    /// The job of a receipt says this of itself now.
    pub(in crate::queues::redis) fn note_checkin(&self, receipt: &Receipt, text: &str, at: i64) {
        let mut workers = self.lock();
        if let Some(worker) = working_on(&mut workers, receipt)
            && let Some(work) = &mut worker.work
        {
            work.checkin = Some((text.to_owned(), at));
            worker.changed = true;
        }
        self.changed.notify_one();
    }

    /// What has changed since the last time, by the worker's number.
    pub(super) fn take_changes(&self) -> Vec<(usize, Option<Observation>)> {
        let mut changes = Vec::new();
        for (number, worker) in self.lock().iter_mut().enumerate() {
            let changed = std::mem::take(&mut worker.changed);
            // Whoever has begun and ended since then leaves nothing to be written.
            if changed && (worker.work.is_some() || worker.written) {
                worker.written = worker.work.is_some();
                changes.push((number, worker.work.clone()));
            }
        }
        changes
    }
}

impl Worker {
    fn change(&mut self, work: Option<Observation>) {
        (self.work, self.changed) = (work, true);
    }
}

fn working_on<'w>(workers: &'w mut [Worker], receipt: &Receipt) -> Option<&'w mut Worker> {
    workers.iter_mut().find(|worker| worker.work.as_ref().is_some_and(|it| it.receipt == *receipt))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(receipt: &str) -> Observation {
        let (job_name, job_id, args) = ("a".to_owned(), receipt.to_owned(), String::new());
        let receipt = Receipt(receipt.into());
        Observation { receipt, job_name, job_id, started_at: 5, args, checkin: None }
    }

    #[test]
    fn what_a_worker_does_is_written_once_each_time_it_changes() {
        let workers = Workers::new(2);
        for receipt in ["1", "2", "3"] {
            workers.begin(work(receipt));
        }
        let changes = workers.take_changes();
        assert_eq!(
            changes,
            [(0, Some(work("1"))), (1, Some(work("2")))],
            "nobody is free for more"
        );
        assert_eq!(workers.take_changes(), []);
        workers.note_checkin(&Receipt("2".into()), "half", 7);
        workers.note_checkin(&Receipt("9".into()), "half", 7);
        let half = Observation { checkin: Some(("half".to_owned(), 7)), ..work("2") };
        assert_eq!(workers.take_changes(), [(1, Some(half))]);
        workers.end([Receipt("1".into()), Receipt("2".into())].iter());
        workers.begin(work("4"));
        assert_eq!(workers.take_changes(), [(0, Some(work("4"))), (1, None)]);
    }

    #[test]
    fn what_is_over_at_once_is_not_written() {
        let workers = Workers::new(1);
        workers.begin(work("1"));
        workers.end([Receipt("1".into())].iter());
        assert_eq!(workers.take_changes(), []);
    }
}
