//! Dead letters of an embedded queue: listed, put back, dropped.

use super::sqlite_claim::message;
use super::sqlite_inspect::Inspector;
use super::sqlite_peek::page;
use super::sqlite_publish::{Entry, Row as Entering, insert};
use super::{DeadLetter, Grave, Graves, Mended, Published, Which};
use crate::error::Result;
use crate::message::Message;
use async_trait::async_trait;
use chrono::DateTime;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::Duration;

#[async_trait]
impl Graves for Inspector {
    async fn list(&self, which: &Which, after: i64, max: usize) -> Result<Vec<DeadLetter>> {
        let (queue, ids) = (self.number, ids(which));
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let look = move |c: &Connection| {
            let mut statement = c.prepare(if ids.is_some() { LIST_IDS } else { LIST })?;
            let rows = statement.query(params![queue, after, max, ids])?;
            page(rows, dead_letter, |letter| letter.message.size())
        };
        self.reader.read(look).await
    }

    async fn names(&self, which: &Which, places: (i64, i64), max: usize) -> Result<Vec<Grave>> {
        let (queue, ids, (after, upto)) = (self.number, ids(which), places);
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let look = move |c: &Connection| {
            let mut statement = c.prepare_cached(if ids.is_some() { NAMES_IDS } else { NAMES })?;
            statement.query_map(params![queue, ids, after, upto, max], grave)?.collect()
        };
        self.reader.read(look).await
    }

    async fn last(&self) -> Result<i64> {
        let queue = self.number;
        self.reader.read(move |c| c.query_row(LAST, [queue], |row| row.get(0))).await
    }

    async fn redrive(&self, graves: Vec<Grave>) -> Result<Vec<Mended>> {
        let (queue, remember) = (self.number, self.remember);
        self.write(move |c| graves.iter().map(|it| redrive(c, queue, remember, it)).collect()).await
    }

    async fn drop(&self, graves: Vec<Grave>) -> Result<Vec<Mended>> {
        let queue = self.number;
        self.write(move |c| graves.iter().map(|it| drop_one(c, queue, it)).collect()).await
    }
}

/// The ids as a JSON array, where there are any to choose by.
fn ids(which: &Which) -> Option<String> {
    match which {
        Which::All => None,
        Which::Ids(ids) => Some(serde_json::json!(ids).to_string()),
    }
}

fn grave(row: &Row<'_>) -> rusqlite::Result<Grave> {
    grave_from(row, 2)
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter { grave: grave_from(row, 9)?, message: message(row)? })
}

/// Place and id stand first; first_at, died_at, reason and attempts from this column on.
fn grave_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Grave> {
    Ok(Grave {
        place: row.get(0)?,
        id: row.get(1)?,
        first_at: row.get::<_, Option<_>>(at)?.and_then(DateTime::from_timestamp_millis),
        died_at: DateTime::from_timestamp_millis(row.get(at + 1)?),
        reason: row.get(at + 2)?,
        attempts: Some(row.get(at + 3)?),
        from: None,
    })
}

/// Publishes it once more, through the door that every message takes, so that its group, its time
/// and the ids that are there count as they do for others.
fn redrive(
    connection: &Connection,
    queue: i64,
    remember: Duration,
    grave: &Grave,
) -> rusqlite::Result<Mended> {
    let Some(message) = find(connection, queue, grave)? else { return Ok(Mended::Gone) };
    // The time of publishing stays what it was. That a message which was scheduled then may be due
    // by now is found out by whoever receives, as for all that are scheduled.
    let now = message.published_at.map_or(0, |time| time.timestamp_millis());
    let entering = [Entering::of(&message)];
    let answer = insert(connection, Entry { queue, now, remember, hold: true }, &entering)?.pop();
    match answer {
        Some(Published::Accepted) => {
            connection.prepare_cached(DROP)?.execute(params![grave.place, queue])?;
            Ok(Mended::Done)
        }
        Some(Published::Duplicate) => {
            Ok(Mended::Kept("the same message is in the queue, or was acknowledged".to_owned()))
        }
        Some(Published::Retry(why) | Published::Refused(why)) => Ok(Mended::Kept(why)),
        None => Ok(Mended::Kept("the queue did not answer".to_owned())),
    }
}

fn drop_one(connection: &Connection, queue: i64, grave: &Grave) -> rusqlite::Result<Mended> {
    let dead = connection.prepare_cached(DROP_NAMED)?.execute(params![
        grave.place,
        queue,
        grave.id,
        grave.died_at.map(|time| time.timestamp_millis())
    ])?;
    Ok(if dead == 0 { Mended::Gone } else { Mended::Done })
}

/// The message of a dead letter. Its place alone does not name it: a place that was left is taken
/// again.
fn find(connection: &Connection, queue: i64, grave: &Grave) -> rusqlite::Result<Option<Message>> {
    let died_at = grave.died_at.map(|time| time.timestamp_millis());
    connection
        .prepare_cached(FIND)?
        .query_row(params![grave.place, queue, grave.id, died_at], message)
        .optional()
}

/// The columns of a dead letter, in the order of `message` and then of `grave_from`.
macro_rules! dead {
    ($condition:literal) => {
        concat!(
            "SELECT seq, id, grp, tag, attributes, published_at, not_before, attempts, body,
                    first_at, died_at, reason, attempts FROM dead WHERE ",
            $condition
        )
    };
}

const LIST: &str = dead!("queue = ?1 AND seq > ?2 AND ?4 IS NULL ORDER BY seq LIMIT ?3");
const LIST_IDS: &str = dead!(
    "queue = ?1 AND id IN (SELECT value FROM json_each(?4)) AND seq > ?2 ORDER BY seq LIMIT ?3"
);
const FIND: &str = dead!("seq = ?1 AND queue = ?2 AND id = ?3 AND died_at = ?4");
const NAMES: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 AND ?2 IS NULL AND seq > ?3 AND seq <= ?4 ORDER BY seq LIMIT ?5";
const NAMES_IDS: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 AND id IN (SELECT value FROM json_each(?2)) AND seq > ?3 AND seq <= ?4
ORDER BY seq LIMIT ?5";
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM dead WHERE queue = ?1";
const DROP: &str = "DELETE FROM dead WHERE seq = ?1 AND queue = ?2";
const DROP_NAMED: &str =
    "DELETE FROM dead WHERE seq = ?1 AND queue = ?2 AND id = ?3 AND died_at = ?4";
