//! One file of which tasks are served.

use super::add::Bounds;
use crate::clients::sqlite::Database;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::queues::sqlite::error::no_queue;
use crate::queues::sqlite::options::SqliteOptions;
use crate::queues::sqlite::schema::SCHEMA;
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::{Arc, Mutex as StdMutex};
use tokio::sync::Mutex;

/// A file of which queues are served.
pub(super) struct TaskFile {
    options: SqliteOptions,
    bounds: StdMutex<Bounds>,
    pub(super) clock: Clock,
    database: Mutex<Option<Arc<Database>>>,
}

impl TaskFile {
    /// Opens a file, which is made where it is missing.
    pub(super) async fn open(options: SqliteOptions, bounds: Bounds, clock: Clock) -> Result<Self> {
        let database = Mutex::new(Some(Database::open(&options.path, &SCHEMA).await?));
        Ok(Self { options, bounds: StdMutex::new(bounds), clock, database })
    }

    /// What bounds the tasks that are added now.
    pub(super) fn bounds(&self) -> Bounds {
        *self.bounds.lock().expect("no holder of the bounds panics")
    }

    /// Bounds what all tasks of the file may take from now on.
    pub(super) fn limit_storage(&self, bytes: Option<u64>) {
        self.bounds.lock().expect("no holder of the bounds panics").storage = bytes;
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

    /// Closes it, unless that was done.
    pub(super) async fn close(&self) -> Result<()> {
        let Some(database) = self.database.lock().await.take() else { return Ok(()) };
        database.give_back_pages().await;
        database.close().await
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

const NUMBER: &str = "SELECT id FROM queues WHERE name = ?1";
