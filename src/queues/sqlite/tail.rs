//! Follows the end of an embedded queue through a connection that cannot write.
//!
//! A number of the table is given again once it and all behind it are gone: in a queue that is
//! drained as fast as it is filled, each message has the number of the one before. So the newest
//! messages of the file, whichever queue they are of, are known by number, queue, id and time, and
//! what stands behind the newest of these that is still there is new. A look walks over what has
//! come since the last one, and no further.

use super::clock;
use super::inspector::Inspector;
use super::peek::{looked_at, page, peeked};
use crate::error::Result;
use crate::queues::{Peeked, Tail, Tailing};
use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};
use std::collections::VecDeque;
use std::time::Duration;

/// How often the file is looked at. Where nothing has changed, a look costs some microseconds.
const INTERVAL: Duration = Duration::from_millis(50);

/// How many of the newest messages are known by more than their number.
const KNOWN: usize = 256;

/// At most so many messages are told at once.
const PAGE: usize = 200;

#[async_trait]
impl Tail for Inspector {
    async fn tail(&self, newest: usize) -> Result<Box<dyn Tailing + '_>> {
        let (queue, clock) = (self.number, self.clock.clone());
        let begin = move |c: &Connection| {
            let now = clock::look(c, &clock)?;
            let mut statement = c.prepare_cached(NEWEST)?;
            let rows = statement.query(params![queue, limit(newest)])?;
            let mut found = page(rows, |row| peeked(row, now), |it| it.message.size())?;
            found.reverse();
            Ok((found, Seen::all(c, now.day)?))
        };
        let (newest, seen) = self.reader.read(begin).await?;
        Ok(Box::new(SqliteTail { inspector: self, newest: Some(newest), seen }))
    }
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The end of one queue.
struct SqliteTail<'i> {
    inspector: &'i Inspector,
    /// What was there at first; `None`: it was told.
    newest: Option<Vec<Peeked>>,
    seen: Seen,
}

#[async_trait]
impl Tailing for SqliteTail<'_> {
    async fn next(&mut self) -> Result<Vec<Peeked>> {
        if let Some(newest) = self.newest.take() {
            return Ok(newest);
        }
        loop {
            self.inspector.reader.expect_there()?;
            let (queue, clock, seen) =
                (self.inspector.number, self.inspector.clock.clone(), self.seen.clone());
            let look = move |c: &Connection| {
                let now = clock::look(c, &clock)?;
                seen.look(c, queue, now)
            };
            let (found, seen) = self.inspector.reader.read(look).await?;
            self.seen = seen;
            if !found.is_empty() {
                return Ok(found);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// A message that was seen, by all that tells it from a later one of its number.
#[derive(Debug, Clone)]
struct Mark {
    seq: i64,
    queue: i64,
    id: Value,
    published_at: Value,
}

impl Mark {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get("seq")?,
            queue: row.get("queue")?,
            id: row.get("id")?,
            published_at: row.get("published_at")?,
        })
    }

    /// The newest messages of a file behind a number, in the order of publishing.
    fn newest(connection: &Connection, behind: i64) -> rusqlite::Result<VecDeque<Self>> {
        let mut statement = connection.prepare_cached(NEWEST_OF_ALL)?;
        let marks = statement.query_map(params![behind, limit(KNOWN)], Self::of)?;
        let mut marks = marks.collect::<rusqlite::Result<VecDeque<_>>>()?;
        marks.make_contiguous().reverse();
        Ok(marks)
    }

    fn is_there(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let found = params![self.seq, self.queue, self.id, self.published_at];
        connection.prepare_cached(IS_THERE)?.exists(found)
    }
}

/// What was seen of a file.
#[derive(Debug, Clone)]
struct Seen {
    /// The newest messages, in the order of publishing.
    known: VecDeque<Mark>,
    /// From this number on all that was there was known when it was seen.
    known_from: i64,
    /// When it was looked at, as a time of day in milliseconds.
    at: i64,
}

impl Seen {
    /// All that is there.
    fn all(connection: &Connection, at: i64) -> rusqlite::Result<Self> {
        let mut seen = Self { known: VecDeque::new(), known_from: i64::MIN, at };
        seen.add(Mark::newest(connection, i64::MIN)?);
        Ok(seen)
    }

    /// Knows these, too, and of all only the newest.
    fn add(&mut self, newer: VecDeque<Mark>) {
        // There may be more of them than are known.
        if newer.len() == KNOWN {
            self.known.clear();
            self.known_from = newer[0].seq;
        }
        self.known.extend(newer);
        while self.known.len() > KNOWN
            && let Some(forgotten) = self.known.pop_front()
        {
            self.known_from = self.known_from.max(forgotten.seq + 1);
        }
    }

    /// What came to a queue since, and what has been seen with that; where nothing came, the newest of
    /// the other queues.
    fn look(
        mut self,
        connection: &Connection,
        queue: i64,
        now: clock::Now,
    ) -> rusqlite::Result<(Vec<Peeked>, Self)> {
        while let Some(newest) = self.known.back()
            && !newest.is_there(connection)?
        {
            self.known.pop_back();
        }
        // Where none is left, what has an older number is new only if it was published since.
        let behind = self.known.back().map_or(i64::MIN, |newest| newest.seq);
        let mut statement = connection.prepare_cached(BEHIND)?;
        let rows =
            statement.query(params![queue, behind, self.known_from, self.at, limit(PAGE)])?;
        let found = page(
            rows,
            |row| Ok((peeked(row, now)?, Mark::of(row)?)),
            |(peeked, _)| peeked.message.size(),
        )?;
        let (found, marks): (Vec<_>, VecDeque<_>) = found.into_iter().unzip();
        self.add(match found.is_empty() {
            true => Mark::newest(connection, behind)?,
            false => marks,
        });
        self.at = now.day;
        Ok((found, self))
    }
}

const IS_THERE: &str =
    "SELECT 1 FROM messages WHERE seq = ?1 AND queue = ?2 AND id IS ?3 AND published_at IS ?4";

const NEWEST: &str =
    looked_at!("FROM messages NOT INDEXED WHERE queue = ?1 ORDER BY seq DESC LIMIT ?2");

const NEWEST_OF_ALL: &str = "
SELECT seq, queue, id, published_at
FROM messages NOT INDEXED WHERE seq > ?1 ORDER BY seq DESC LIMIT ?2";

const BEHIND: &str = looked_at!(
    ", queue FROM messages NOT INDEXED
     WHERE queue = ?1 AND seq > ?2 AND (seq >= ?3 OR published_at >= ?4) ORDER BY seq LIMIT ?5"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::sqlite::schema::SCHEMA;
    use proptest::prelude::*;

    /// What happens to a queue between two looks.
    #[derive(Debug, Clone)]
    enum Change {
        Publish(u16),
        /// How many are published to another queue of the file.
        PublishElsewhere(u16),
        /// How many of the oldest are acknowledged.
        Oldest(u16),
        /// How many of the newest are removed.
        Newest(u16),
        Look,
    }

    /// One queue among others of its file.
    struct File {
        connection: Connection,
        published: i64,
    }

    impl File {
        fn new() -> Self {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(SCHEMA.tables).unwrap();
            Self { connection, published: 0 }
        }

        fn publish(&mut self, queue: i64, count: u16) {
            for _ in 0..count {
                self.published += 1;
                let insert =
                    "INSERT INTO messages (queue, state, id, digest, published_at, remember)
                              VALUES (?1, 0, ?2, x'', ?3, 0)";
                let message = params![queue, self.published.to_string(), self.published];
                self.connection.execute(insert, message).unwrap();
            }
        }

        fn remove(&self, order: &str, count: u16) {
            let sql = format!(
                "DELETE FROM messages WHERE seq IN
                 (SELECT seq FROM messages ORDER BY seq {order} LIMIT {count})"
            );
            self.connection.execute(&sql, []).unwrap();
        }

        /// The ids that are there, as numbers in the order of publishing.
        fn ids(&self) -> Vec<i64> {
            let mut ids = self
                .connection
                .prepare("SELECT id FROM messages WHERE queue = 1 ORDER BY seq")
                .unwrap();
            let ids = ids.query_map([], |row| row.get::<_, String>(0)).unwrap();
            ids.map(|id| id.unwrap().parse().unwrap()).collect()
        }

        /// Looks until nothing more is told.
        fn told(&self, mut seen: Seen) -> (Vec<i64>, Seen) {
            let now = clock::Now { day: self.published + 1, lease: 0 };
            let mut told = Vec::new();
            loop {
                let (found, next) = seen.look(&self.connection, 1, now).unwrap();
                seen = next;
                if found.is_empty() {
                    return (told, seen);
                }
                told.extend(found.iter().map(|it| it.message.id.parse::<i64>().unwrap()));
            }
        }
    }

    fn change() -> impl Strategy<Value = Change> {
        let count = || prop_oneof![4 => 0u16..4, 1 => 0u16..400];
        prop_oneof![
            count().prop_map(Change::Publish),
            count().prop_map(Change::PublishElsewhere),
            count().prop_map(Change::Oldest),
            count().prop_map(Change::Newest),
            Just(Change::Look),
        ]
    }

    proptest! {
        #[test]
        fn each_message_that_is_there_at_a_look_is_told_once(
            before in prop_oneof![Just(0u16), 0u16..400],
            changes in prop::collection::vec(change(), 0..12),
        ) {
            let mut file = File::new();
            file.publish(1, before);
            let mut newest = file.published;
            let mut seen = Seen::all(&file.connection, newest + 1).unwrap();
            for change in changes.into_iter().chain([Change::Look]) {
                match change {
                    Change::Publish(count) => file.publish(1, count),
                    Change::PublishElsewhere(count) => file.publish(2, count),
                    Change::Oldest(count) => file.remove("ASC", count),
                    Change::Newest(count) => file.remove("DESC", count),
                    Change::Look => {
                        let expected: Vec<_> =
                            file.ids().into_iter().filter(|id| *id > newest).collect();
                        let (told, next) = file.told(seen);
                        prop_assert_eq!(told, expected);
                        (newest, seen) = (file.published, next);
                    }
                }
            }
        }
    }
}
