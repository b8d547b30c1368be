//! One queue of a file, whose messages are tasks.

use super::add::{self, Adding};
use super::change;
use super::delete;
use super::file::{TaskFile, number};
use super::lease;
use super::row;
use super::settings;
use super::stats;
use crate::error::Result;
use crate::queues::sqlite::admin;
use crate::queues::sqlite::clock;
use crate::queues::sqlite::waiting::{LONGEST_WAIT, Looked};
use crate::queues::{
    Added, Change, Changed, Deleted, NewTask, Task, TaskLease, TaskSettings, TaskStats, Tasks,
};
use async_trait::async_trait;
use rusqlite::Connection;
use std::sync::Arc;
use tokio::time::Instant;

/// A queue by its name: its number is looked up each time, as a file may be replaced.
pub(super) struct SqliteTasks {
    pub(super) file: Arc<TaskFile>,
    pub(super) name: String,
}

impl SqliteTasks {
    /// Does this work on the queue in a transaction, which is on disk then.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = self.name.clone();
        let work = move |c: &Connection| number(c, &name)?.map(|queue| work(c, queue)).transpose();
        let written = self.file.database().await?.write(work).await?;
        written.ok_or_else(|| self.file.missing(&self.name))
    }

    /// Looks at the queue at one moment.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = self.name.clone();
        let look = move |c: &Connection| number(c, &name)?.map(|queue| look(c, queue)).transpose();
        let seen = self.file.database().await?.look(look).await?;
        seen.ok_or_else(|| self.file.missing(&self.name))
    }

    async fn lease_now(&self, request: TaskLease) -> Result<(Vec<Task>, Looked)> {
        let clock = self.file.clock.clone();
        let lease = move |c: &Connection, queue| {
            let (now, monotonic) = (clock::now(c, &clock)?, clock.monotonic());
            let (tasks, next) = lease::lease(c, queue, now, &request)?;
            Ok((tasks, Looked::of(next, false, now, monotonic)))
        };
        self.write(lease).await
    }
}

#[async_trait]
impl Tasks for SqliteTasks {
    async fn add(&self, tasks: Vec<NewTask>) -> Result<Vec<Added>> {
        let (clock, bounds) = (self.file.clock.clone(), self.file.bounds());
        let now = clock.millis();
        let tasks: Vec<_> = tasks.into_iter().map(|task| Adding::of(task, now)).collect();
        self.write(move |c, queue| add::add(c, queue, clock.millis(), bounds, &tasks)).await
    }

    async fn lease(&self, request: TaskLease) -> Result<Vec<Task>> {
        if request.max == 0 {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + request.wait.min(LONGEST_WAIT);
        loop {
            // Listen before looking: what comes between the two is heard.
            let changes = self.file.database().await?.changes();
            let (tasks, looked) = self.lease_now(request.clone()).await?;
            if !tasks.is_empty() || Instant::now() >= deadline {
                return Ok(tasks);
            }
            looked.wait(changes, &self.file.clock, deadline).await;
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Task>> {
        let (clock, name) = (self.file.clock.clone(), name.to_owned());
        self.look(move |c, queue| row::find(c, queue, &name, true, clock::look(c, &clock)?)).await
    }

    async fn list(&self, after: i64, max: usize) -> Result<Vec<(i64, Task)>> {
        let clock = self.file.clock.clone();
        self.look(move |c, queue| row::list(c, queue, after, max, clock::look(c, &clock)?)).await
    }

    async fn change(&self, name: &str, eta: Option<i64>, change: Change) -> Result<Changed> {
        let (clock, name) = (self.file.clock.clone(), name.to_owned());
        let change = move |c: &Connection, queue| {
            change::change(c, queue, clock::now(c, &clock)?, &name, eta, change)
        };
        self.write(change).await
    }

    async fn delete(&self, names: Vec<String>) -> Result<Vec<Deleted>> {
        let clock = self.file.clock.clone();
        self.write(move |c, queue| delete::delete(c, queue, clock.millis(), &names)).await
    }

    async fn purge(&self) -> Result<u64> {
        let (database, clock) = (self.file.database().await?, self.file.clock.clone());
        let queue = self.look(|_, queue| Ok(queue)).await?;
        admin::purge(&database, queue, &clock).await
    }

    async fn stats(&self) -> Result<TaskStats> {
        let clock = self.file.clock.clone();
        self.look(move |c, queue| stats::of(c, queue, clock::look(c, &clock)?)).await
    }

    async fn settings(&self) -> Result<TaskSettings> {
        self.look(settings::of).await
    }

    async fn set(&self, from: TaskSettings, to: TaskSettings) -> Result<bool> {
        self.write(move |c, queue| settings::set(c, queue, from, to)).await
    }
}
