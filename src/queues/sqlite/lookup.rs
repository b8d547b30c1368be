//! Which queue of a file a name means.

use super::codec::lossy;
use super::error::no_queue;
use super::options::SqliteOptions;
use crate::clients::sqlite::Reader;
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension as _};

/// The number of a queue that is there.
pub async fn number_of(reader: &Reader, place: &SqliteOptions) -> Result<i64> {
    let name = place.name.clone();
    let look = move |c: &Connection| Ok((find(c, &name)?, names(c)?));
    let (found, names) = reader.read(look).await?;
    if let Some((number, topic)) = found {
        return place.expect_topic(topic.as_deref()).map(|()| number);
    }
    Err(no_queue(place, &names))
}

fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM queues ORDER BY name")?;
    statement.query_map([], |row| Ok(lossy(row.get_ref(0))))?.collect()
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

const FIND: &str = "SELECT id, topic FROM queues WHERE name = ?1";
const FIND_WITHOUT_TOPIC: &str = "SELECT id, NULL FROM queues WHERE name = ?1";
