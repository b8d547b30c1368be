//! Single messages of an embedded queue, by their ids: looked at, or removed.

use super::clock;
use super::codec::Group;
use super::inspector::Inspector;
use super::peek::{looked_at, peeked};
use super::settle::Ending;
use crate::error::Result;
use crate::queues::{MessagesById, Peeked};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

#[async_trait]
impl MessagesById for Inspector {
    async fn get(&self, id: &str) -> Result<Option<Peeked>> {
        let (queue, clock, id) = (self.number, self.clock.clone(), id.to_owned());
        let look = move |c: &Connection| {
            let now = clock::look(c, &clock)?;
            let mut statement = c.prepare_cached(GET)?;
            statement.query_row(params![queue, id], |row| peeked(row, now)).optional()
        };
        self.reader.read(look).await
    }

    async fn delete(&self, ids: Vec<String>) -> Result<Vec<bool>> {
        let (queue, clock) = (self.number, self.clock.clone());
        self.write(move |c| delete(c, queue, clock.millis(), &ids)).await
    }
}

/// Removes these in one transaction, and lets those groups go on of which one was the first.
fn delete(
    connection: &Connection,
    queue: i64,
    now: i64,
    ids: &[String],
) -> rusqlite::Result<Vec<bool>> {
    let mut ending = Ending::new(connection, queue, now)?;
    let mut find = connection.prepare_cached(FIND)?;
    let mut remove = |id: &String| {
        let place = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<Group>>(1)?));
        match find.query_row(params![queue, id], place).optional()? {
            Some((seq, group)) => ending.remove(seq, group),
            None => Ok(false),
        }
    };
    let removed = ids.iter().map(&mut remove).collect::<rusqlite::Result<_>>()?;
    ending.finish()?;
    Ok(removed)
}

const GET: &str = looked_at!("FROM messages WHERE queue = ?1 AND id = ?2");
const FIND: &str = "SELECT seq, grp FROM messages WHERE queue = ?1 AND id = ?2";

#[cfg(test)]
pub const HOT: &[&str] = &[GET, FIND];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::sqlite::schema::SCHEMA;

    /// A file with messages of one queue: each a state, an id and a group.
    fn file(messages: &[(i64, &str, Option<&str>)]) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        for (state, id, group) in messages {
            let insert = "INSERT INTO messages
                          (queue, state, id, grp, digest, published_at, remember, due, span, token)
                          VALUES (1, ?1, ?2, ?3, x'', 0, 0, 10, 10, 7)";
            connection.execute(insert, params![state, id, group]).unwrap();
        }
        connection
    }

    fn left(connection: &Connection) -> Vec<(String, i64)> {
        let mut statement =
            connection.prepare("SELECT id, state FROM messages ORDER BY seq").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn what_is_deleted_is_gone_and_its_group_goes_on() {
        let group = Some("g");
        let connection = file(&[
            (3, "leased", group),
            (1, "waits", group),
            (1, "last", group),
            (0, "free", None),
        ]);
        let ids = ["free", "leased", "nobody"].map(str::to_owned);
        assert_eq!(delete(&connection, 1, 20, &ids).unwrap(), [true, true, false]);
        let expected = [("waits".to_owned(), 0), ("last".to_owned(), 1)];
        assert_eq!(left(&connection), expected, "the next of the group is offered");
    }

    #[test]
    fn what_waits_behind_others_is_deleted_without_moving_them() {
        let group = Some("g");
        let connection = file(&[(3, "leased", group), (1, "waits", group), (1, "last", group)]);
        assert_eq!(delete(&connection, 1, 20, &["waits".to_owned()]).unwrap(), [true]);
        let expected = [("leased".to_owned(), 3), ("last".to_owned(), 1)];
        assert_eq!(left(&connection), expected);
        assert_eq!(delete(&connection, 2, 20, &["last".to_owned()]).unwrap(), [false]);
    }
}
