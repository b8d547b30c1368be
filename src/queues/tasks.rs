//! Tasks: messages as a pull queue has them. Anybody leases them for a time, works on them, and
//! deletes them; they are found by their names, and the end of a lease is what proves it.

use super::Select;
use crate::error::Result;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// How often, and how long, a task may be leased before it becomes a dead letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetryLimits {
    /// How many leases a task has; `None`: as many as it needs.
    pub leases: Option<u32>,
    /// Together with `leases`: not before a task is this old.
    pub age: Option<Duration>,
}

/// A task that is to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTask {
    /// The name that the caller chose; `None`: one is made that nobody can guess.
    pub name: Option<String>,
    /// The payload.
    pub body: Bytes,
    /// What it can be selected by.
    pub tag: Option<String>,
    /// From when it can be leased; `None`: from now.
    pub eta: Option<DateTime<Utc>>,
    /// Limits of its own, in place of the queue's.
    pub limits: Option<RetryLimits>,
}

/// A task in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Names it in its queue.
    pub name: String,
    /// The payload; empty where only the head was asked for.
    pub body: Bytes,
    /// What it can be selected by.
    pub tag: Option<String>,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// From when it can be leased, in microseconds since 1970; of a leased one: when the lease ends.
    /// Two leases of one task never have the same: this proves a lease.
    pub eta: i64,
    /// Somebody has it leased now.
    pub leased: bool,
    /// How often it was leased, this time included.
    pub leases: u32,
    /// Limits of its own, in place of the queue's.
    pub limits: Option<RetryLimits>,
}

/// What became of a task that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// The task is in the queue, durably.
    Added(Task),
    /// A task of this name is in the queue.
    Exists,
    /// A task of this name was deleted, and the name still counts.
    Deleted,
    /// The queue has no room for so many bytes.
    NoRoom,
    /// No queue can hold it; the reason.
    Refused(String),
}

/// Which tasks to lease, and for how long.
#[derive(Debug, Clone)]
pub struct TaskLease {
    /// At most so many tasks.
    pub max: usize,
    /// At most so many bytes of payload, and one task however large.
    pub max_bytes: usize,
    /// How long the lease is, from the moment at which they are taken; zero leases for no time.
    pub time: Duration,
    /// How long to wait for the first one; zero looks once.
    pub wait: Duration,
    /// Which ones.
    pub select: Select,
}

/// What is to become of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The lease ends so long from now; after no time, the task can be leased at once, behind those
    /// that could be before.
    Extend(Duration),
    /// The work is done: the task is deleted.
    Acknowledge,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The change is made; the task as it is now, or was, without its payload.
    Done(Task),
    /// The lease had ended, or was another one: nothing is changed.
    Expired,
    /// There is no such task.
    Unknown,
}

/// What became of a task that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The task is gone.
    Done,
    /// There is no such task.
    Unknown,
    /// The task was deleted before, and its name still counts.
    Before,
}

/// How much is in a queue, and what happened in it of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskStats {
    /// All tasks, leased or not.
    pub tasks: u64,
    /// Those that could be leased now.
    pub ready: u64,
    /// Those whose time has not come.
    pub scheduled: u64,
    /// Those that are leased now.
    pub leased: u64,
    /// Dead letters, which are none of the tasks.
    pub dead: u64,
    /// The smallest `eta` of any task to the millisecond, in microseconds since 1970; `None` where
    /// there is none.
    pub oldest_eta: Option<i64>,
    /// Leases that were given in the last minute.
    pub leased_last_minute: u64,
    /// Leases that were given in the last hour.
    pub leased_last_hour: u64,
}

/// What a queue of tasks is set to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskSettings {
    /// How often a task may be leased; a task may have limits of its own.
    pub limits: RetryLimits,
    /// Nothing is leased from it, by anybody.
    pub paused: bool,
}

/// One queue of tasks.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Adds tasks, all in one step that is on disk when this returns; answers per task in their
    /// order.
    async fn add(&self, tasks: Vec<NewTask>) -> Result<Vec<Added>>;

    /// Leases what can be had, the smallest `eta` first and then the order of adding; where nothing
    /// can, as soon as something comes. [`Select::OldestTag`] means the tag of the first of these;
    /// if that has none, tasks without one. What a call has leased that was dropped comes back when
    /// its time is over. A paused queue gives nothing.
    async fn lease(&self, request: TaskLease) -> Result<Vec<Task>>;

    /// A task by its name, with its payload.
    async fn get(&self, name: &str) -> Result<Option<Task>>;

    /// The first tasks behind a place in the order of adding (0: from the beginning), leased or not,
    /// without their payloads, each with its place.
    async fn list(&self, after: i64, max: usize) -> Result<Vec<(i64, Task)>>;

    /// Changes the lease of a task that ends at `eta` (`None`: whichever it has).
    async fn change(&self, name: &str, eta: Option<i64>, change: Change) -> Result<Changed>;

    /// Deletes tasks by their names, whoever has them leased; answers per name in their order.
    async fn delete(&self, names: Vec<String>) -> Result<Vec<Deleted>>;

    /// Deletes all that the queue holds, in steps between which others work; gives how many.
    async fn purge(&self) -> Result<u64>;

    /// How much there is.
    async fn stats(&self) -> Result<TaskStats>;

    /// What the queue is set to.
    async fn settings(&self) -> Result<TaskSettings>;

    /// Sets a queue that is set to `from`; `false` where somebody has set it otherwise meanwhile, and
    /// nothing is changed.
    async fn set(&self, from: TaskSettings, to: TaskSettings) -> Result<bool>;
}

/// The queues of tasks of one place.
#[async_trait]
pub trait TaskQueues: Send + Sync {
    /// The names of all queues, sorted.
    async fn names(&self) -> Result<Vec<String>>;

    /// A queue by its name; `None` where there is none of that name.
    async fn find(&self, name: &str) -> Result<Option<Arc<dyn Tasks>>>;

    /// Makes a queue. `false`: it was there already, and is as it was.
    async fn create(&self, name: &str, settings: TaskSettings) -> Result<bool>;

    /// Lets the place hold so many bytes in all, as long as these are open: beyond them nothing is
    /// added, and the answer is [`Added::NoRoom`]. `None`: as much as there is room for.
    async fn set_storage_limit(&self, bytes: Option<u64>) -> Result<()>;

    /// Closes what was opened; what was answered stays.
    async fn close(&self) -> Result<()>;
}
