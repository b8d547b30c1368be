//! Fan-out: a queue may have a topic, the name of another queue of its file. Whatever is published
//! to that one from then on comes to both, in one transaction.
//!
//! A message reaches the queues of its topic if, and only if, its own queue has accepted it. One
//! that its own queue answers with `Duplicate` has reached them when it was accepted: a publisher
//! that was killed and repeats itself loses nothing and doubles nothing. What such a queue cannot
//! take, because it holds another message with the same id, becomes a dead letter there: one
//! reader that lags behind never stops the others.

use super::bury::Story;
use super::enqueue::{Entry, Row, enter, insert};
use super::error::no_file;
use super::inspector;
use super::options::SqliteOptions;
use super::schema::{SCHEMA, queue_number};
use crate::clients::sqlite::{Database, Reader, write_alone};
use crate::error::{Error, Kind, Result};
use crate::queues::{Options, Published};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::sync::Arc;

/// Puts messages into a queue and into those whose topic it is; answers for the queue itself.
pub fn publish(
    connection: &Connection,
    entry: Entry,
    rows: &[Result<Row, String>],
) -> rusqlite::Result<Vec<Published>> {
    let answers = insert(connection, entry, rows)?;
    let receivers = receivers(connection, entry.queue)?;
    if receivers.is_empty() {
        return Ok(answers);
    }
    let accepted = rows.iter().zip(&answers).filter(|(_, it)| **it == Published::Accepted);
    let accepted: Vec<&Row> = accepted.filter_map(|(row, _)| row.as_ref().ok()).collect();
    for queue in receivers {
        let entry = Entry { queue, ..entry };
        let entered = enter(connection, entry, &accepted)?;
        for (row, answer) in accepted.iter().zip(entered) {
            if let Published::Refused(reason) = answer {
                let Entry { queue, now, .. } = entry;
                let story =
                    Story { published_at: now, attempts: 0, first_at: None, died_at: now, reason };
                story.insert(connection, queue, row)?;
            }
        }
    }
    Ok(answers)
}

fn receivers(connection: &Connection, queue: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(RECEIVERS)?;
    statement.query_map([queue], |row| row.get(0))?.collect()
}

/// Makes the queue of a place, and its file where that is missing. `false`: it was there already.
/// One that is there with another topic is refused.
pub async fn create(place: &SqliteOptions) -> Result<bool> {
    let database = Database::open(&place.path, &SCHEMA).await?;
    let (name, topic) = (place.name.clone(), place.topic.clone());
    let made = database.write(move |c| make(c, &name, topic.as_deref(), false)).await;
    let closed = database.close().await;
    let made = match made? {
        Made::NotYet => {
            let (name, topic) = (place.name.clone(), place.topic.clone());
            let make = move |c: &Connection| make(c, &name, topic.as_deref(), true);
            write_alone(&place.path, &SCHEMA, make).await.map_err(|error| {
                error.hint(
                    "an older version of this program may have it open, and knows no topics: the \
                     first topic is made once every program that uses the file has ended",
                )
            })?
        }
        made => made,
    };
    closed?;
    match made {
        Made::Now => Ok(true),
        Made::Before(topic) => place.expect_topic(topic.as_deref()).map(|()| false),
        Made::NotYet => Err(Error::new(Kind::Bug, "a queue was not made though it could be")),
    }
}

/// What came of making a queue.
enum Made {
    Now,
    /// With this topic.
    Before(Option<String>),
    /// A program of version 1 may have the file open, and would publish past the topic.
    NotYet,
}

fn make(
    connection: &Connection,
    name: &str,
    topic: Option<&str>,
    alone: bool,
) -> rusqlite::Result<Made> {
    if let Some((_, topic)) = find(connection, name)? {
        return Ok(Made::Before(topic));
    }
    if topic.is_some() && connection.table_exists(None, "upgraded")? {
        if !alone {
            return Ok(Made::NotYet);
        }
        connection.execute_batch("DROP TABLE upgraded")?;
    }
    let number = queue_number(connection, name)?;
    connection.execute("UPDATE queues SET topic = ?2 WHERE id = ?1", params![number, topic])?;
    Ok(Made::Now)
}

/// Opens the file and gives the number of a queue to receive from, which is made only where that is
/// asked for: a mistyped name would receive nothing, and not say so.
pub async fn open_to_receive(
    place: &SqliteOptions,
    options: &Options,
) -> Result<(Arc<Database>, i64)> {
    if options.create {
        create(place).await?;
    }
    // Looked for before the file is opened to be written: what is not meant is left as it is.
    let Some(reader) = Reader::open_if_there(&place.path, &SCHEMA).await? else {
        return Err(no_file(place));
    };
    let number = inspector::find(&reader, place).await?;
    let database = Database::open_if_there(&place.path, &SCHEMA).await?;
    database.map(|database| (database, number)).ok_or_else(|| no_file(place))
}

/// The number and the topic of a queue that is there. Files of version 1 know no topics.
pub fn find(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<(i64, Option<String>)>> {
    let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let sql = if version < 2 { FIND_WITHOUT_TOPIC } else { FIND };
    connection.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

const RECEIVERS: &str = "
SELECT receiver.id FROM queues AS own JOIN queues AS receiver ON receiver.topic = own.name
WHERE own.id = ?1 ORDER BY receiver.id";
const FIND: &str = "SELECT id, topic FROM queues WHERE name = ?1";
const FIND_WITHOUT_TOPIC: &str = "SELECT id, NULL FROM queues WHERE name = ?1";

#[cfg(test)]
pub const HOT: &[&str] = &[RECEIVERS];
