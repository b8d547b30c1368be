//! Queues of tasks that count what is done through this server.

use super::metrics::{Metrics, QueueCounters};
use crate::error::Result;
use crate::queues::{
    Added, Change, Changed, Deleted, NewTask, Task, TaskLease, TaskQueues, TaskSettings, TaskStats,
    Tasks,
};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// Queues of tasks, counted.
pub(super) struct CountedQueues {
    queues: Arc<dyn TaskQueues>,
    metrics: Arc<Metrics>,
    /// The queues that were found: no call looks for one of them again. One that is gone since then
    /// says so itself.
    found: RwLock<HashMap<String, Arc<CountedTasks>>>,
}

impl CountedQueues {
    pub(super) fn new(queues: Arc<dyn TaskQueues>, metrics: Arc<Metrics>) -> Self {
        Self { queues, metrics, found: RwLock::default() }
    }

    fn found(&self, name: &str) -> Option<Arc<CountedTasks>> {
        self.found.read().expect("no holder panics").get(name).cloned()
    }

    fn keep(&self, name: &str, tasks: Arc<dyn Tasks>) -> Arc<CountedTasks> {
        let counted = Arc::new(CountedTasks { tasks, counters: self.metrics.of_queue(name) });
        let mut found = self.found.write().expect("no holder panics");
        found.entry(name.to_owned()).or_insert(counted).clone()
    }
}

#[async_trait]
impl TaskQueues for CountedQueues {
    async fn names(&self) -> Result<Vec<String>> {
        self.queues.names().await
    }

    async fn find(&self, name: &str) -> Result<Option<Arc<dyn Tasks>>> {
        if let Some(tasks) = self.found(name) {
            return Ok(Some(tasks));
        }
        let tasks = self.queues.find(name).await?;
        Ok(tasks.map(|tasks| self.keep(name, tasks) as Arc<dyn Tasks>))
    }

    async fn create(&self, name: &str, settings: TaskSettings) -> Result<bool> {
        self.queues.create(name, settings).await
    }

    async fn set_storage_limit(&self, bytes: Option<u64>) -> Result<()> {
        self.queues.set_storage_limit(bytes).await
    }

    async fn close(&self) -> Result<()> {
        self.queues.close().await
    }
}

/// One queue of tasks, counted.
struct CountedTasks {
    tasks: Arc<dyn Tasks>,
    counters: QueueCounters,
}

#[async_trait]
impl Tasks for CountedTasks {
    async fn add(&self, tasks: Vec<NewTask>) -> Result<Vec<Added>> {
        let added = self.tasks.add(tasks).await?;
        self.counters.inserts.inc_by(count(&added, |it| matches!(it, Added::Added(_))));
        Ok(added)
    }

    async fn lease(&self, request: TaskLease) -> Result<Vec<Task>> {
        let leased = self.tasks.lease(request).await?;
        self.counters.leases.inc_by(count(&leased, |_| true));
        Ok(leased)
    }

    async fn get(&self, name: &str) -> Result<Option<Task>> {
        self.tasks.get(name).await
    }

    async fn list(&self, after: i64, max: usize) -> Result<Vec<(i64, Task)>> {
        self.tasks.list(after, max).await
    }

    async fn change(&self, name: &str, eta: Option<i64>, change: Change) -> Result<Changed> {
        let changed = self.tasks.change(name, eta, change).await?;
        if matches!((change, &changed), (Change::Acknowledge, Changed::Done(_))) {
            self.counters.deletes.inc();
        }
        Ok(changed)
    }

    async fn delete(&self, names: Vec<String>) -> Result<Vec<Deleted>> {
        let deleted = self.tasks.delete(names).await?;
        self.counters.deletes.inc_by(count(&deleted, |it| matches!(it, Deleted::Done)));
        Ok(deleted)
    }

    async fn purge(&self) -> Result<u64> {
        let purged = self.tasks.purge().await?;
        self.counters.deletes.inc_by(purged);
        Ok(purged)
    }

    async fn stats(&self) -> Result<TaskStats> {
        self.tasks.stats().await
    }

    async fn settings(&self) -> Result<TaskSettings> {
        self.tasks.settings().await
    }

    async fn set(&self, from: TaskSettings, to: TaskSettings) -> Result<bool> {
        self.tasks.set(from, to).await
    }
}

/// How many of them are meant.
fn count<T>(all: &[T], is_meant: impl Fn(&T) -> bool) -> u64 {
    all.iter().filter(|it| is_meant(it)).count().try_into().unwrap_or(u64::MAX)
}
