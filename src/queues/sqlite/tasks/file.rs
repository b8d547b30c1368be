//! The queues of tasks of one file.

use super::add::Bounds;
use super::queue::SqliteTasks;
use super::settings;
use crate::clients::sqlite::Database;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::queues::sqlite::codec::lossy;
use crate::queues::sqlite::error::no_queue;
use crate::queues::sqlite::options::SqliteOptions;
use crate::queues::sqlite::schema::{SCHEMA, queue_number};
use crate::queues::{Options, TaskQueues, TaskSettings, Tasks};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long the name of a deleted task counts where the URL does not say so.
const DEDUPE: Duration = Duration::from_secs(60 * 60);

/// Opens the queues of a file, which is made where it is missing: all of them, or the one that the
/// URL names.
pub async fn open(url: Location, options: &Options) -> Result<Arc<dyn TaskQueues>> {
    let only = url.get("queue").map(str::to_owned);
    let dedupe = url.get("dedupe").is_none().then_some(DEDUPE);
    let file_options = SqliteOptions::of(url, options)?;
    let dedupe = dedupe.unwrap_or(file_options.remember);
    let file = TaskFile {
        bounds: StdMutex::new(Bounds { dedupe, storage: None }),
        clock: options.clock.clone(),
        database: Mutex::new(Some(Database::open(&file_options.path, &SCHEMA).await?)),
        options: file_options,
    };
    Ok(Arc::new(SqliteTaskQueues { file: Arc::new(file), only }))
}

struct SqliteTaskQueues {
    file: Arc<TaskFile>,
    /// The one queue that is shown.
    only: Option<String>,
}

/// A file of which queues are served.
pub(super) struct TaskFile {
    options: SqliteOptions,
    bounds: StdMutex<Bounds>,
    pub(super) clock: Clock,
    database: Mutex<Option<Arc<Database>>>,
}

impl TaskFile {
    /// What bounds the tasks that are added now.
    pub(super) fn bounds(&self) -> Bounds {
        *self.bounds.lock().expect("no holder of the bounds panics")
    }

    /// The open file; the one that is at its path now, where it was replaced.
    pub(super) async fn database(&self) -> Result<Arc<Database>> {
        let mut database = self.database.lock().await;
        if let Some(open) = database.as_ref().filter(|it| it.is_there()) {
            return Ok(open.clone());
        }
        let open = Database::open(&self.options.path, &SCHEMA).await?;
        *database = Some(open.clone());
        Ok(open)
    }

    /// The error for a queue that is not there.
    pub(super) fn missing(&self, name: &str) -> Error {
        no_queue(&SqliteOptions { name: name.to_owned(), ..self.options.clone() }, &[])
    }
}

/// The number of a queue that is there.
pub(super) fn number(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(NUMBER)?.query_row([name], |row| row.get(0)).optional()
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
        self.file.bounds.lock().expect("no holder of the bounds panics").storage = bytes;
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        let Some(database) = self.file.database.lock().await.take() else { return Ok(()) };
        database.give_back_pages().await;
        database.close().await
    }
}

impl SqliteTaskQueues {
    fn shows(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}

const NUMBER: &str = "SELECT id FROM queues WHERE name = ?1";
const NAMES: &str = "SELECT name FROM queues ORDER BY name";
