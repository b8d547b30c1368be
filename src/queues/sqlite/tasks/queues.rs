//! The queues of tasks of one file.

use super::add::Bounds;
use super::file::{TaskFile, number};
use super::queue::SqliteTasks;
use super::settings;
use crate::error::Result;
use crate::location::Location;
use crate::queues::sqlite::codec::lossy;
use crate::queues::sqlite::options::SqliteOptions;
use crate::queues::sqlite::schema::queue_number;
use crate::queues::{Options, TaskQueues, TaskSettings, Tasks};
use async_trait::async_trait;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// How long the name of a deleted task counts where the URL does not say so.
const DEDUPE: Duration = Duration::from_secs(60 * 60);

/// Opens the queues of a file, which is made where it is missing: all of them, or the one that the
/// URL names.
pub async fn open(url: Location, options: &Options) -> Result<Arc<dyn TaskQueues>> {
    let only = url.get("queue").map(str::to_owned);
    let dedupe = url.get("dedupe").is_none().then_some(DEDUPE);
    let file_options = SqliteOptions::of(url, options)?;
    let dedupe = dedupe.unwrap_or(file_options.remember);
    let bounds = Bounds { dedupe, storage: None };
    let file = TaskFile::open(file_options, bounds, options.clock.clone()).await?;
    Ok(Arc::new(SqliteTaskQueues { file: Arc::new(file), only }))
}

struct SqliteTaskQueues {
    file: Arc<TaskFile>,
    /// The one queue that is shown.
    only: Option<String>,
}

#[async_trait]
impl TaskQueues for SqliteTaskQueues {
    async fn names(&self) -> Result<Vec<String>> {
        let look = |c: &Connection| {
            let mut statement = c.prepare_cached(NAMES)?;
            let names = statement.query_map([], |row| Ok(lossy(row.get_ref(0))))?;
            names.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut names = self.file.database().await?.look(look).await?;
        names.retain(|name| self.shows(name));
        Ok(names)
    }

    async fn find(&self, name: &str) -> Result<Option<Arc<dyn Tasks>>> {
        if !self.shows(name) {
            return Ok(None);
        }
        let tasks = SqliteTasks { file: self.file.clone(), name: name.to_owned() };
        let name = name.to_owned();
        let there = self.file.database().await?.look(move |c| number(c, &name)).await?;
        Ok(there.map(|_| Arc::new(tasks) as Arc<dyn Tasks>))
    }

    async fn create(&self, name: &str, settings: TaskSettings) -> Result<bool> {
        let name = name.to_owned();
        let make = move |c: &Connection| {
            if number(c, &name)?.is_some() {
                return Ok(false);
            }
            let queue = queue_number(c, &name)?;
            settings::set(c, queue, settings::of(c, queue)?, settings)
        };
        self.file.database().await?.write(make).await
    }

    async fn set_storage_limit(&self, bytes: Option<u64>) -> Result<()> {
        self.file.limit_storage(bytes);
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.file.close().await
    }
}

impl SqliteTaskQueues {
    fn shows(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}

const NAMES: &str = "SELECT name FROM queues ORDER BY name";
