//! A connection that is opened when it is needed, reused while it works, and watched.

use super::options::Timeouts;
use super::outlet::{Outlet, Sent};
use super::row::{Columns, RowBatch};
use super::statement::{Dialect, Statement};
use super::{Connection, Database};
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

type Idle = Arc<Mutex<Option<Box<dyn Connection>>>>;

/// A database, and a connection to it while one is used.
pub struct Client {
    database: Box<dyn Database>,
    timeouts: Timeouts,
    idle: Idle,
}

impl Client {
    pub(super) fn new(database: Box<dyn Database>, timeouts: Timeouts) -> Self {
        Self { database, timeouts, idle: Idle::default() }
    }

    /// How statements are written for it.
    pub fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    /// What the database is called, without a secret.
    pub fn name(&self) -> String {
        self.database.name()
    }

    /// What the database is, for what is locked.
    pub fn identity(&self) -> Result<Identity> {
        self.database.identity()
    }

    /// Has the database compile a statement; nothing is run. Gives its columns.
    ///
    /// # Errors
    /// `Unreachable` where nobody answers in time, `Credentials` where we are refused,
    /// `Configuration` where the statement is.
    pub async fn prepare(&self, statement: &Statement) -> Result<Columns> {
        let mut connection = self.connection().await?;
        let limit = self.timeouts.query;
        let columns = timeout(limit, connection.prepare(statement)).await;
        let columns = columns.map_err(|_| silent(&self.name(), limit))??;
        put_back(&self.idle, connection);
        Ok(columns)
    }

    /// Runs a statement with a value for each of its names. What it gives comes as it is read; who
    /// drops the stream ends the statement.
    ///
    /// # Errors
    /// What [`Client::prepare`] tells; what goes wrong later, the stream tells.
    pub async fn query(
        &self,
        statement: &Statement,
        values: &[(&str, String)],
    ) -> Result<RowStream> {
        let (statement, values) = (statement.clone(), statement.bind(values)?);
        let connection = self.connection().await?;
        let (sender, batches) = mpsc::channel(1);
        let seen = Arc::new(AtomicU64::new(0));
        let outlet = Outlet::new(sender.clone(), seen.clone());
        let idle = self.idle.clone();
        let task = tokio::spawn(async move {
            let end = run(connection, &statement, values, outlet, &idle).await;
            let _ = sender.send(end).await; // nobody may want it any more
        });
        let (name, limit) = (self.name(), self.timeouts.query);
        let task = AbortOnDropHandle::new(task);
        Ok(RowStream { batches, seen, known: 0, name, limit, task })
    }

    /// Ends the connection, where there is one: the next statement opens another.
    pub async fn close(&self) {
        if let Some(connection) = take(&self.idle) {
            let _ = timeout(self.timeouts.connect, connection.close()).await;
        }
    }

    async fn connection(&self) -> Result<Box<dyn Connection>> {
        if let Some(idle) = take(&self.idle) {
            return Ok(idle);
        }
        let limit = self.timeouts.connect;
        match timeout(limit, self.database.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(unreachable(&self.name(), "no connection came about", limit)
                .hint("check that it runs and that this is its address: `connect-timeout=TIME`")),
        }
    }
}

/// Runs a statement to its end, and keeps the connection where that went well.
async fn run(
    mut connection: Box<dyn Connection>,
    statement: &Statement,
    values: Vec<String>,
    outlet: Outlet,
    idle: &Idle,
) -> Sent {
    let outlet = connection.run(statement, values, outlet).await?;
    outlet.finish().await;
    put_back(idle, connection);
    Ok(None)
}

fn take(idle: &Idle) -> Option<Box<dyn Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn put_back(idle: &Idle, connection: Box<dyn Connection>) {
    *idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
}

fn unreachable(name: &str, what: &str, limit: Duration) -> Error {
    Error::new(Kind::Unreachable, format!("cannot reach {name}"))
        .because_of(format!("{what} within {}", humantime::format_duration(limit)))
}

fn silent(name: &str, limit: Duration) -> Error {
    unreachable(name, "it did not answer", limit).hint(
        "check that it is well and that an index serves the query, or give it longer: \
         `query-timeout=TIME`",
    )
}

/// The rows of a statement that runs.
pub struct RowStream {
    batches: mpsc::Receiver<Sent>,
    seen: Arc<AtomicU64>,
    /// How many rows were seen when we looked last.
    known: u64,
    name: String,
    limit: Duration,
    task: AbortOnDropHandle<()>,
}

impl RowStream {
    /// The next rows; `None` when all were given. Cancel-safe.
    ///
    /// # Errors
    /// `Unreachable` where the database is gone, or gives no row for as long as `query-timeout`.
    pub async fn next(&mut self) -> Result<Option<RowBatch>> {
        loop {
            match timeout(self.limit, self.batches.recv()).await {
                Ok(Some(sent)) => return sent,
                Ok(None) => return Err(self.broken().await),
                Err(_) if self.has_moved() => {}
                Err(_) => return Err(silent(&self.name, self.limit)),
            }
        }
    }

    /// Whether any row came since we looked last.
    fn has_moved(&mut self) -> bool {
        let before = std::mem::replace(&mut self.known, self.seen.load(Ordering::Relaxed));
        self.known != before
    }

    /// Nobody sends any more, and no end was told.
    async fn broken(&mut self) -> Error {
        match (&mut self.task).await {
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            _ => Error::new(Kind::Bug, format!("{} ended without an end", self.name)),
        }
    }
}
