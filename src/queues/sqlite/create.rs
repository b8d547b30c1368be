//! Makes queues of a file, with their topics, and opens those that are to be received from.

use super::error::no_file;
use super::lookup::{find, number_of};
use super::options::SqliteOptions;
use super::schema::{SCHEMA, queue_number};
use crate::clients::sqlite::{Database, Reader, write_alone};
use crate::error::{Error, Kind, Result};
use crate::queues::Options;
use rusqlite::{Connection, params};
use std::sync::Arc;

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
    /// The queue was there before, with this topic.
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
    let number = number_of(&reader, place).await?;
    let database = Database::open_if_there(&place.path, &SCHEMA).await?;
    database.map(|database| (database, number)).ok_or_else(|| no_file(place))
}
