//! Looks into an embedded queue, through a connection that cannot write.

use super::clock::{self, Now, TOLERATED};
use super::codec::integer;
use super::error::no_file;
use super::lookup::{find, number_of};
use super::options::SqliteOptions;
use super::schema::SCHEMA;
use crate::clients::sqlite::{Database, Reader, beside};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::queues::{
    DeadLetterStore, Inspect, MessagesById, Options, Peek, Purge, Receipts, Stats, Tags, Tail,
};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Opens a queue that is there.
pub async fn open(url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
    let place = SqliteOptions::of(url, options)?;
    let Some(reader) = Reader::open_if_there(&place.path, &SCHEMA).await? else {
        return Err(no_file(&place));
    };
    let number = number_of(&reader, &place).await?;
    Ok(Box::new(Inspector::new(reader, number, place.remember, options.clock.clone())))
}

/// Opens a queue; `None` where there is none of this name, or no such file.
pub async fn open_if_there(url: Location, options: &Options) -> Result<Option<Box<dyn Inspect>>> {
    let SqliteOptions { path, name, remember, .. } = SqliteOptions::of(url, options)?;
    let Some(reader) = Reader::open_if_there(&path, &SCHEMA).await? else { return Ok(None) };
    let clock = options.clock.clone();
    let found = reader.read(move |c| find(c, &name)).await?;
    let inspector = |(number, _)| Box::new(Inspector::new(reader, number, remember, clock));
    Ok(found.map(|found| inspector(found) as Box<dyn Inspect>))
}

/// The inside of one queue of a file.
pub struct Inspector {
    /// The file, to look.
    pub reader: Reader,
    /// The queue's number in it.
    pub number: i64,
    /// How long an id counts after its message is done.
    pub remember: Duration,
    /// The time of day.
    pub clock: Clock,
    /// The file, to write, once somebody has.
    database: Mutex<Option<Arc<Database>>>,
}

impl Inspector {
    fn new(reader: Reader, number: i64, remember: Duration, clock: Clock) -> Self {
        Self { reader, number, remember, clock, database: Mutex::default() }
    }

    /// The file, opened to be written: once, when it is first needed. As long as we look into it,
    /// nobody deletes the queue.
    pub async fn database(&self) -> Result<Arc<Database>> {
        let mut kept = self.database.lock().await;
        if let Some(database) = &*kept {
            return Ok(database.clone());
        }
        let database = Database::open(self.reader.path(), &SCHEMA).await?;
        Ok(kept.insert(database).clone())
    }

    /// Does this work in a transaction.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.database().await?.write(work).await
    }
}

#[async_trait]
impl Inspect for Inspector {
    async fn stats(&self) -> Result<Stats> {
        let (number, clock) = (self.number, self.clock.clone());
        let look = move |c: &_| stats(c, number, clock::look(c, &clock)?);
        let stats = self.reader.read(look).await?;
        let path = self.reader.path();
        let (file_bytes, wal_bytes) = (size(path)?, size(&beside(path, "-wal"))?);
        Ok(Stats { file_bytes: Some(file_bytes), wal_bytes: Some(wal_bytes), ..stats })
    }

    fn peek(&self) -> Option<&dyn Peek> {
        Some(self)
    }

    fn tail(&self) -> Option<&dyn Tail> {
        Some(self)
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }

    fn purge(&self) -> Option<&dyn Purge> {
        Some(self)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }

    fn by_id(&self) -> Option<&dyn MessagesById> {
        Some(self)
    }

    fn tags(&self) -> Option<&dyn Tags> {
        Some(self)
    }

    /// Gives the disk back what was removed, too.
    async fn close(&self) -> Result<()> {
        let Some(database) = self.database.lock().await.take() else { return Ok(()) };
        database.give_back_pages().await;
        database.close().await
    }
}

/// The size of a file, in bytes; one that is not there has none.
fn size(path: &Path) -> Result<u64> {
    match std::fs::metadata(path) {
        Ok(facts) => Ok(facts.len()),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(cause) => {
            let what = format!("cannot look at `{}`", path.display());
            Err(Error::new(Kind::Configuration, what).because_of_file(cause, path))
        }
    }
}

/// Counts one queue. Each count walks one index of its state and no message: a million cost
/// some hundredths of a second. Only what is leased is looked at row by row.
///
/// Nobody has brought back yet what has become due, nor what was leased by one who never came
/// back: it is counted as what the next `receive` will find.
pub fn stats(connection: &Connection, queue: i64, now: Now) -> rusqlite::Result<Stats> {
    let all = Count::of(connection, ALL, queue)?;
    let count = |sql| Ok::<_, rusqlite::Error>(Count::of(connection, sql, queue)?.count);
    let (ready, tagged) = (count(READY)?, count(READY_TAGGED)?);
    let (scheduled, leased, dead) = (count(SCHEDULED)?, count(LEASED)?, count(DEAD)?);
    let waiting = all.count.saturating_sub(ready + tagged + scheduled + leased);
    let ended = Ended::of(connection, queue, now)?;
    let due: u64 = connection
        .query_row(DUE, params![queue, now.day], |row| row.get::<_, i64>(0))?
        .unsigned_abs();
    let oldest = match all.first {
        Some(seq) => connection.query_row(PUBLISHED, [seq], |row| Ok(integer(row.get_ref(0)?)))?,
        None => None,
    };
    Ok(Stats {
        ready: Some(ready + tagged + due + ended.single + ended.freed - ended.delayed),
        waiting: Some(waiting + ended.all - ended.single - ended.freed),
        scheduled: Some(scheduled - due + ended.delayed),
        leased: Some(leased - ended.all),
        dead: Some(dead),
        oldest_seconds: oldest.map(|at| now.day.saturating_sub(at).max(0).unsigned_abs() / 1000),
        ..Stats::default()
    })
}

/// How many there are, and which is the oldest.
struct Count {
    count: u64,
    first: Option<i64>,
}

impl Count {
    fn of(connection: &Connection, sql: &str, queue: i64) -> rusqlite::Result<Self> {
        connection.query_row(sql, [queue], |row| {
            Ok(Self { count: row.get::<_, i64>(0)?.unsigned_abs(), first: row.get(1)? })
        })
    }
}

/// Leases that have ended while nobody received.
struct Ended {
    all: u64,
    /// How many of them are of messages without a group.
    single: u64,
    /// The groups of which nothing is leased any more: the first message of each is offered next.
    freed: u64,
    /// How many of these groups have a first message that waits to be tried again.
    delayed: u64,
}

impl Ended {
    fn of(connection: &Connection, queue: i64, now: Now) -> rusqlite::Result<Self> {
        connection.query_row(
            ENDED,
            params![queue, now.lease, now.day, now.lease + TOLERATED],
            |row| {
                let count = |at| row.get::<_, i64>(at).map(i64::unsigned_abs);
                Ok(Self { all: count(0)?, single: count(1)?, freed: count(2)?, delayed: count(3)? })
            },
        )
    }
}

const ALL: &str = "SELECT count(*), min(seq) FROM messages WHERE queue = ?1";
const READY: &str =
    "SELECT count(*), NULL FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NULL";
const READY_TAGGED: &str =
    "SELECT count(*), NULL FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL";
const SCHEDULED: &str = "SELECT count(*), NULL FROM messages WHERE queue = ?1 AND state = 2";
const LEASED: &str = "SELECT count(*), NULL FROM messages WHERE queue = ?1 AND state = 3";
const DUE: &str = "SELECT count(*) FROM messages WHERE queue = ?1 AND state = 2 AND due <= ?2";
const DEAD: &str = "SELECT count(*), NULL FROM dead WHERE queue = ?1";
const PUBLISHED: &str = "SELECT published_at FROM messages WHERE seq = ?1";
/// A lease has ended when its time is over, or when it was given by a clock that has since been
/// set back.
const ENDED: &str = "
WITH ended AS MATERIALIZED (
  SELECT seq, grp FROM messages
  WHERE queue = ?1 AND state = 3 AND (due <= ?2 OR due - span > ?4)
),
running AS MATERIALIZED (
  SELECT DISTINCT grp FROM messages
  WHERE queue = ?1 AND state = 3 AND due > ?2 AND due - span <= ?4 AND grp IS NOT NULL
),
freed AS MATERIALIZED (
  SELECT grp, min(seq) AS first FROM ended
  WHERE grp IS NOT NULL AND grp NOT IN (SELECT grp FROM running) GROUP BY grp
)
SELECT (SELECT count(*) FROM ended),
       (SELECT count(*) FROM ended WHERE grp IS NULL),
       (SELECT count(*) FROM freed),
       (SELECT count(*) FROM freed WHERE ?3 < (
          SELECT due FROM messages
          WHERE queue = ?1 AND grp = freed.grp AND state = 1 AND seq < freed.first
          ORDER BY seq LIMIT 1))";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_opened_to_write_once_and_closed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.db");
        let database = Database::open(&path, &SCHEMA).await.unwrap();
        database.close().await.unwrap();
        let reader = Reader::open(&path, &SCHEMA).await.unwrap();
        let inspector = Inspector::new(reader, 1, Duration::ZERO, Clock::system());
        assert!(inspector.database.lock().await.is_none(), "not before it is needed");
        inspector.write(|_| Ok(())).await.unwrap();
        let kept = Arc::downgrade(&inspector.database().await.unwrap());
        inspector.write(|_| Ok(())).await.unwrap();
        assert!(kept.ptr_eq(&Arc::downgrade(&inspector.database().await.unwrap())));
        inspector.close().await.unwrap();
        assert!(kept.upgrade().is_none());
        inspector.write(|_| Ok(())).await.unwrap();
        inspector.close().await.unwrap();
    }

    #[test]
    fn counting_walks_an_index_and_reads_no_message() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        let explain = |how: &str, sql: &str, column: usize| -> Vec<String> {
            let mut statement = connection.prepare(&format!("{how} {sql}")).unwrap();
            for at in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(at, 1).unwrap();
            }
            statement.raw_query().mapped(|row| row.get(column)).map(Result::unwrap).collect()
        };
        for sql in [ALL, READY, READY_TAGGED, SCHEDULED, LEASED, DUE, DEAD] {
            let plan = explain("EXPLAIN QUERY PLAN", sql, 3);
            assert!(matches!(&plan[..], [step] if step.starts_with("SEARCH")), "{plan:?}\n{sql}");
            // The index has all that is asked for: no column of a row is read.
            let code = explain("EXPLAIN", sql, 1);
            let reads = code.iter().filter(|opcode| *opcode == "Column").count();
            assert!(reads == 0 || sql == ALL, "{code:?}\n{sql}");
        }
        let plan = explain("EXPLAIN QUERY PLAN", ALL, 3);
        assert!(plan[0].contains("USING COVERING INDEX"), "{plan:?}");
    }
}
