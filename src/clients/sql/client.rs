//! A connection that is opened when it is needed, reused while it works, and watched.

use super::options::Timeouts;
use super::outlet::{Outlet, Sent};
use super::row::{Columns, RowBatch};
use super::statement::{Dialect, Statement};
use super::{Cancel, Connection, Database};
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
        let canceller = connection.canceller();
        let (sender, batches) = mpsc::channel(1);
        let seen = Arc::new(AtomicU64::new(0));
        let outlet = Outlet::new(sender.clone(), seen.clone());
        let idle = self.idle.clone();
        let task = tokio::spawn(async move {
            let end = run(connection, &statement, values, outlet, &idle).await;
            let _ = sender.send(end).await; // nobody may want it any more
        });
        let (name, timeouts) = (self.name(), self.timeouts);
        let task = AbortOnDropHandle::new(task);
        Ok(RowStream { batches, seen, known: 0, name, timeouts, canceller, task })
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
    timeouts: Timeouts,
    canceller: Option<Box<dyn Cancel>>,
    task: AbortOnDropHandle<()>,
}

impl RowStream {
    /// The next rows; `None` when all were given. Cancel-safe.
    ///
    /// # Errors
    /// `Unreachable` where the database is gone, or gives no row for as long as `query-timeout`.
    pub async fn next(&mut self) -> Result<Option<RowBatch>> {
        loop {
            match timeout(self.timeouts.query, self.batches.recv()).await {
                Ok(Some(sent)) => return sent,
                Ok(None) => return Err(self.broken().await),
                Err(_) if self.has_moved() => {}
                Err(_) => return Err(self.give_up().await),
            }
        }
    }

    /// Whether any row came since we looked last.
    fn has_moved(&mut self) -> bool {
        let before = std::mem::replace(&mut self.known, self.seen.load(Ordering::Relaxed));
        self.known != before
    }

    /// No row came in time: a server that only works on one need not go on.
    async fn give_up(&mut self) -> Error {
        if let Some(canceller) = self.canceller.take() {
            let _ = timeout(self.timeouts.connect, canceller.cancel()).await; // it may be frozen
        }
        silent(&self.name, self.timeouts.query)
    }

    /// Nobody sends any more, and no end was told.
    async fn broken(&mut self) -> Error {
        match (&mut self.task).await {
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            _ => Error::new(Kind::Bug, format!("{} ended without an end", self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::sql::Cell;
    use async_trait::async_trait;
    use std::future::pending;
    use std::sync::atomic::AtomicUsize;

    /// What a connection of the fake does with a query.
    #[derive(Debug, Clone, Copy)]
    enum Play {
        /// That many rows, each after a pause of that many seconds.
        Rows(usize, u64),
        /// Some rows, and then silence.
        Freeze,
        /// A row, and then an error.
        Fail,
        /// A panic.
        Panic,
    }

    #[derive(Default)]
    struct Counts {
        opened: AtomicUsize,
        closed: AtomicUsize,
        cancelled: AtomicUsize,
    }

    struct Canceller(Arc<Counts>);

    #[async_trait]
    impl Cancel for Canceller {
        async fn cancel(&self) {
            self.0.cancelled.fetch_add(1, Ordering::Relaxed);
            pending().await
        }
    }

    struct Fake {
        play: Play,
        /// No connection comes about.
        hangs: bool,
        counts: Arc<Counts>,
    }

    struct FakeConnection(Play, Arc<Counts>);

    #[async_trait]
    impl Database for Fake {
        fn dialect(&self) -> Dialect {
            Dialect::Sqlite
        }

        fn name(&self) -> String {
            "`fake`".to_owned()
        }

        fn identity(&self) -> Result<Identity> {
            Ok(Identity::named("fake"))
        }

        async fn connect(&self) -> Result<Box<dyn Connection>> {
            if self.hangs {
                pending::<()>().await;
            }
            self.counts.opened.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(FakeConnection(self.play, self.counts.clone())))
        }
    }

    #[async_trait]
    impl Connection for FakeConnection {
        async fn prepare(&mut self, _statement: &Statement) -> Result<Columns> {
            Columns::new(["n"])
        }

        async fn run(
            &mut self,
            _statement: &Statement,
            _values: Vec<String>,
            mut outlet: Outlet,
        ) -> Result<Outlet> {
            outlet.begin(Columns::new(["n"])?);
            let (count, pause) = match self.0 {
                Play::Rows(count, pause) => (count, pause),
                Play::Freeze => (1500, 0),
                Play::Fail | Play::Panic => (1, 0),
            };
            for n in 0..count {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                outlet.push(vec![Cell::whole(n)]).await;
            }
            match self.0 {
                Play::Rows(..) => Ok(outlet),
                Play::Freeze => pending().await,
                Play::Fail => Err(Error::new(Kind::Unreachable, "gone")),
                Play::Panic => panic!("on purpose"),
            }
        }

        fn canceller(&self) -> Option<Box<dyn Cancel>> {
            Some(Box::new(Canceller(self.1.clone())))
        }

        async fn close(self: Box<Self>) {
            self.1.closed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn client(play: Play, hangs: bool) -> (Client, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let timeouts = Timeouts { connect: Duration::from_secs(5), query: Duration::from_secs(30) };
        let fake = Fake { play, hangs, counts: counts.clone() };
        (Client::new(Box::new(fake), timeouts), counts)
    }

    fn statement() -> Statement {
        Statement::parse("select 1", Dialect::Sqlite, &[]).unwrap()
    }

    /// How many rows there are, or why not all of them.
    async fn count(client: &Client) -> Result<usize> {
        let mut stream = client.query(&statement(), &[]).await?;
        let mut count = 0;
        while let Some(batch) = stream.next().await? {
            count += batch.rows.len();
        }
        Ok(count)
    }

    fn opened(counts: &Counts) -> usize {
        counts.opened.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_used_again_until_it_is_closed() {
        let (client, counts) = client(Play::Rows(2500, 0), false);
        assert_eq!(count(&client).await.unwrap(), 2500);
        assert_eq!(count(&client).await.unwrap(), 2500);
        assert!(client.prepare(&statement()).await.is_ok());
        assert_eq!(opened(&counts), 1);
        client.close().await;
        assert_eq!(counts.closed.load(Ordering::Relaxed), 1);
        assert_eq!(count(&client).await.unwrap(), 2500);
        assert_eq!(opened(&counts), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn rows_that_come_slowly_are_waited_for() {
        let (client, _) = client(Play::Rows(10, 20), false);
        assert_eq!(count(&client).await.unwrap(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_database_is_unreachable() {
        let (client, counts) = client(Play::Freeze, false);
        for _ in 0..2 {
            let error = count(&client).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unreachable);
            assert!(error.to_string().contains("did not answer within 30s"), "{error}");
        }
        assert_eq!(opened(&counts), 2, "a frozen connection is not used again");
        assert_eq!(counts.cancelled.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_come_about_is_unreachable() {
        let (client, _) = client(Play::Rows(1, 0), true);
        let error = client.prepare(&statement()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains("within 5s"), "{error}");
    }

    #[tokio::test]
    async fn an_error_is_told_and_its_connection_not_used_again() {
        let (client, counts) = client(Play::Fail, false);
        assert_eq!(count(&client).await.unwrap_err().to_string(), "gone");
        assert_eq!(count(&client).await.unwrap_err().to_string(), "gone");
        assert_eq!(opened(&counts), 2);
    }

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn a_panic_is_not_taken_for_the_end() {
        let (client, _) = client(Play::Panic, false);
        let _ = count(&client).await;
    }
}
