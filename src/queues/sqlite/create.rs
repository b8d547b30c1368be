//! Makes queues of a file, with their topics, and opens those that are to be received from.

use super::error::no_file;
use super::lookup::{find, number_of};
use super::options::SqliteOptions;
use super::schema::{SCHEMA, queue_number};
use crate::clients::sqlite::{Database, Reader};
use crate::error::Result;
use crate::queues::Options;
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Makes the queue of a place, and its file where that is missing. `false`: it was there already.
/// One that is there with another topic is refused.
pub async fn create(place: &SqliteOptions) -> Result<bool> {
    let database = Database::open(&place.path, &SCHEMA).await?;
    let (name, topic) = (place.name.clone(), place.topic.clone());
    let made = database.write(move |c| make(c, &name, topic.as_deref())).await;
    let closed = database.close().await;
    closed?;
    match made? {
        Made::Now => Ok(true),
        Made::Before(topic) => place.expect_topic(topic.as_deref()).map(|()| false),
    }
}

/// What came of making a queue.
enum Made {
    Now,
    /// The queue was there before, with this topic.
    Before(Option<String>),
}

fn make(connection: &Connection, name: &str, topic: Option<&str>) -> rusqlite::Result<Made> {
    if let Some((_, topic)) = find(connection, name)? {
        return Ok(Made::Before(topic));
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
