//! Dead letters of an embedded queue: listed, put back, dropped.

use super::codec::{Reading, integer, lossy};
use super::enqueue::{Entry, Row as Entering, insert};
use super::inspector::Inspector;
use super::peek::page;
use crate::error::Result;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterOutcome, DeadLetterStore, Published, Which,
};
use crate::times;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::Duration;

#[async_trait]
impl DeadLetterStore for Inspector {
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

    async fn names(
        &self,
        which: &Which,
        places: (i64, i64),
        max: usize,
    ) -> Result<Vec<DeadLetterHead>> {
        let (queue, ids, (after, upto)) = (self.number, ids(which), places);
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let look = move |c: &Connection| {
            let mut statement = c.prepare_cached(if ids.is_some() { NAMES_IDS } else { NAMES })?;
            statement.query_map(params![queue, ids, after, upto, max], head)?.collect()
        };
        self.reader.read(look).await
    }

    async fn last(&self) -> Result<i64> {
        let queue = self.number;
        self.reader.read(move |c| c.query_row(LAST, [queue], |row| row.get(0))).await
    }

    async fn redrive(&self, heads: Vec<DeadLetterHead>) -> Result<Vec<DeadLetterOutcome>> {
        let (queue, remember) = (self.number, self.remember);
        self.write(move |c| heads.iter().map(|it| redrive(c, queue, remember, it)).collect()).await
    }

    async fn drop(&self, heads: Vec<DeadLetterHead>) -> Result<Vec<DeadLetterOutcome>> {
        let queue = self.number;
        self.write(move |c| heads.iter().map(|it| drop_one(c, queue, it)).collect()).await
    }
}

/// The ids as a JSON array, where there are any to choose by.
fn ids(which: &Which) -> Option<String> {
    match which {
        Which::All => None,
        Which::Ids(ids) => Some(serde_json::json!(ids).to_string()),
    }
}

fn head(row: &Row<'_>) -> rusqlite::Result<DeadLetterHead> {
    head_from(row, 2)
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let Reading { message, fault, .. } = Reading::of(row)?;
    Ok(DeadLetter { head: head_from(row, 9)?, message, unreadable: fault })
}

/// Why a dead letter is not put back of which this cannot be read.
pub fn not_put_back(fault: &str) -> String {
    format!("it cannot be read: {fault}; publish anew what is left of it, and drop it")
}

/// Place and id stand first; first_at, died_at, reason and attempts from this column on. What cannot
/// be read is left out.
fn head_from(row: &Row<'_>, at: usize) -> rusqlite::Result<DeadLetterHead> {
    let number = |at| Ok::<_, rusqlite::Error>(integer(row.get_ref(at)?));
    Ok(DeadLetterHead {
        place: row.get(0)?,
        id: lossy(row.get_ref(1)),
        first_at: number(at)?.and_then(times::from_millis),
        died_at: number(at + 1)?.and_then(times::from_millis),
        reason: lossy(row.get_ref(at + 2)),
        attempts: number(at + 3)?.and_then(|attempts| attempts.try_into().ok()),
        from: None,
    })
}

/// Publishes it once more, through the door that every message takes, so that its group, its time
/// and the ids that are there count as they do for others.
fn redrive(
    connection: &Connection,
    queue: i64,
    remember: Duration,
    head: &DeadLetterHead,
) -> rusqlite::Result<DeadLetterOutcome> {
    let Some(letter) = find(connection, queue, head)? else { return Ok(DeadLetterOutcome::Gone) };
    if let Some(fault) = letter.unreadable {
        return Ok(DeadLetterOutcome::Kept(not_put_back(&fault)));
    }
    let message = letter.message;
    // The time of publishing stays what it was. That a message which was scheduled then may be due
    // by now is found out by whoever receives, as for all that are scheduled.
    let now = message.published_at.map_or(0, |time| time.timestamp_millis());
    let entering = [Entering::of(&message)];
    let answer = insert(connection, Entry { queue, now, remember, hold: true }, &entering)?.pop();
    match answer {
        Some(Published::Accepted) => {
            connection.prepare_cached(DROP)?.execute(params![head.place, queue])?;
            Ok(DeadLetterOutcome::Done)
        }
        Some(Published::Duplicate) => Ok(DeadLetterOutcome::Kept(
            "the same message is in the queue, or was acknowledged".to_owned(),
        )),
        Some(Published::Retry(why) | Published::Refused(why)) => Ok(DeadLetterOutcome::Kept(why)),
        None => Ok(DeadLetterOutcome::Kept("the queue did not answer".to_owned())),
    }
}

fn drop_one(
    connection: &Connection,
    queue: i64,
    head: &DeadLetterHead,
) -> rusqlite::Result<DeadLetterOutcome> {
    if find(connection, queue, head)?.is_none() {
        return Ok(DeadLetterOutcome::Gone);
    }
    connection.prepare_cached(DROP)?.execute(params![head.place, queue])?;
    Ok(DeadLetterOutcome::Done)
}

/// A dead letter by its name. Its place alone does not name it: a place that was left is taken
/// again.
fn find(
    connection: &Connection,
    queue: i64,
    head: &DeadLetterHead,
) -> rusqlite::Result<Option<DeadLetter>> {
    let mut statement = connection.prepare_cached(FIND)?;
    let found = statement.query_row(params![head.place, queue], dead_letter).optional()?;
    Ok(found.filter(|it| it.head.id == head.id && it.head.died_at == head.died_at))
}

/// The columns of a dead letter, in the order of `message` and then of `head_from`.
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
const FIND: &str = dead!("seq = ?1 AND queue = ?2");
const NAMES: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 AND ?2 IS NULL AND seq > ?3 AND seq <= ?4 ORDER BY seq LIMIT ?5";
const NAMES_IDS: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 AND id IN (SELECT value FROM json_each(?2)) AND seq > ?3 AND seq <= ?4
ORDER BY seq LIMIT ?5";
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM dead WHERE queue = ?1";
const DROP: &str = "DELETE FROM dead WHERE seq = ?1 AND queue = ?2";
