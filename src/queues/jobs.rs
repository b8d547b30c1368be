//! Jobs as gocraft/work's own tools see them: by their names, with the pools of workers that work on
//! them.

use crate::error::Result;
use async_trait::async_trait;
use serde::Serialize;

/// The ready jobs of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadyJobs {
    /// Their name.
    pub job_name: String,
    /// How many there are.
    pub count: u64,
    /// How many seconds ago the next of them was enqueued; 0 where there is none.
    pub latency: i64,
}

/// A pool of workers, as its heartbeat tells. Times are unix seconds; what it does not tell is 0 or
/// empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WorkerPool {
    /// The pool's id.
    pub worker_pool_id: String,
    /// When it was started.
    pub started_at: i64,
    /// When its heart beat last.
    pub heartbeat_at: i64,
    /// The names of the jobs that it works on, sorted; `None` where there is no heartbeat.
    pub job_names: Option<Vec<String>>,
    /// How many workers it has.
    pub concurrency: i64,
    /// The machine that it runs on.
    pub host: String,
    /// The process that it is.
    pub pid: i64,
    /// The ids of its workers, sorted; `None` where there is no heartbeat.
    pub worker_ids: Option<Vec<String>>,
}

/// A worker that works on a job. Times are unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BusyWorker {
    /// The worker's id.
    pub worker_id: String,
    /// Whether it works on anything.
    pub is_busy: bool,
    /// The job's name.
    pub job_name: String,
    /// The job's id.
    pub job_id: String,
    /// Since when it works on the job.
    pub started_at: i64,
    /// The job's arguments in JSON; empty where there are none.
    pub args_json: String,
    /// What it said last about how far it is.
    pub checkin: String,
    /// When it said so.
    pub checkin_at: i64,
}

/// Jobs that wait for a time, or were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedJobs {
    /// Jobs that failed, by the time of their next attempt.
    Retry,
    /// Jobs that were enqueued for later, by that time.
    Scheduled,
    /// Jobs that were given up, by the time of that.
    Dead,
}

/// A job, and the time that it stands at.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedJob {
    /// The unix second.
    pub at: i64,
    /// The job's name; empty where it has none.
    pub name: String,
    /// The job's id.
    pub id: String,
    /// When it was enqueued, or came back, in unix seconds.
    pub t: i64,
    /// The arguments: an object or null.
    pub args: serde_json::Value,
    /// The key that keeps others like it out, where it has one; `Some` of an empty one where it is not
    /// told.
    pub unique_key: Option<String>,
    /// How often it failed.
    pub fails: u32,
    /// Why it failed the last time; of what is no job, why it is none.
    pub err: String,
    /// When it failed the last time, in unix seconds; 0 where it has not.
    pub failed_at: i64,
}

/// A job that the clock enqueues, as far as the namespace tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodicJob {
    /// The job's name.
    pub job: String,
    /// When, as it was written: `0 */5 * * * *`.
    pub times: String,
    /// The unix second of its next run; `None` where that is not enqueued yet, as the runs of the next
    /// minutes are.
    pub next: Option<i64>,
    /// Nobody enqueues it.
    pub paused: bool,
}

/// The jobs of one namespace.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// The ready ones, by name.
    async fn ready(&self) -> Result<Vec<ReadyJobs>>;

    /// The pools that work on them, by id.
    async fn pools(&self) -> Result<Vec<WorkerPool>>;

    /// The workers that are at work.
    async fn busy(&self) -> Result<Vec<BusyWorker>>;

    /// At most `max` of those with a time behind the first `skip`, in the order of their times; and
    /// how many there are in all.
    async fn timed(&self, jobs: TimedJobs, skip: u64, max: usize) -> Result<(Vec<TimedJob>, u64)>;

    /// What the clock enqueues: what has a run among those that are due next, or is paused.
    async fn periodic(&self) -> Result<Vec<PeriodicJob>>;

    /// Puts back what died at this second with this id; gives how many jobs that was.
    async fn redrive_dead(&self, died_at: i64, id: &str) -> Result<u64>;

    /// Puts back all that is dead by now.
    async fn redrive_all_dead(&self) -> Result<()>;

    /// Forgets what died at this second with this id; gives how many jobs that was.
    async fn drop_dead(&self, died_at: i64, id: &str) -> Result<u64>;

    /// Forgets all that is dead by now.
    async fn drop_all_dead(&self) -> Result<()>;

    /// Proves that the namespace can be reached.
    async fn ping(&self) -> Result<()>;
}
