//! Dead letters of an embedded queue: listed, put back, dropped.

use super::codec::{Reading, integer, lossy};
use super::enqueue::{Entry, Row as Entering};
use super::entering::insert;
use super::inspector::Inspector;
use super::peek::page;
use crate::error::Result;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterOutcome, DeadLetterPart, DeadLetterStore,
    Published, RewriteDeadLetters, Which,
};
use crate::times;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::Duration;

#[async_trait]
impl DeadLetterStore for Inspector {
    async fn list(
        &self,
        which: &Which,
        part: DeadLetterPart<'_>,
        max: usize,
    ) -> Result<Vec<DeadLetter>> {
        let Some((after, upto)) = rows_of(part) else { return Ok(Vec::new()) };
        let (queue, ids) = (self.number, ids(which));
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let look = move |c: &Connection| {
            let mut statement = c.prepare(if ids.is_some() { LIST_IDS } else { LIST })?;
            let rows = statement.query(params![queue, ids, after, upto, max])?;
            page(rows, dead_letter, |letter| letter.message.size())
        };
        self.reader.read(look).await
    }

    async fn heads(
        &self,
        which: &Which,
        part: DeadLetterPart<'_>,
        max: usize,
    ) -> Result<Vec<DeadLetterHead>> {
        let Some((after, upto)) = rows_of(part) else { return Ok(Vec::new()) };
        let (queue, ids) = (self.number, ids(which));
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let look = move |c: &Connection| {
            let mut statement = c.prepare_cached(if ids.is_some() { HEADS_IDS } else { HEADS })?;
            statement.query_map(params![queue, ids, after, upto, max], head)?.collect()
        };
        self.reader.read(look).await
    }

    async fn last(&self) -> Result<Option<DeadLetterId>> {
        let queue = self.number;
        let look =
            move |c: &Connection| c.prepare_cached(LAST)?.query_row([queue], head).optional();
        Ok(self.reader.read(look).await?.map(|head| head.name))
    }

    async fn redrive(&self, letters: Vec<DeadLetterId>) -> Result<Vec<DeadLetterOutcome>> {
        let (queue, remember, clock) = (self.number, self.remember, self.clock.clone());
        let redrive = move |c: &_| {
            let now = clock.millis();
            letters.iter().map(|it| redrive(c, queue, now, remember, it, None)).collect()
        };
        self.write(redrive).await
    }

    fn rewriting(&self) -> Option<&dyn RewriteDeadLetters> {
        Some(self)
    }

    async fn drop(&self, letters: Vec<DeadLetterId>) -> Result<Vec<DeadLetterOutcome>> {
        let queue = self.number;
        self.write(move |c| letters.iter().map(|it| drop_one(c, queue, it)).collect()).await
    }
}

#[async_trait]
impl RewriteDeadLetters for Inspector {
    async fn redrive_as(
        &self,
        letters: Vec<(DeadLetterId, Bytes)>,
    ) -> Result<Vec<DeadLetterOutcome>> {
        let (queue, remember, clock) = (self.number, self.remember, self.clock.clone());
        let redrive = move |c: &_| {
            let now = clock.millis();
            let rewrite = |(it, body): &(_, Bytes)| rewrite(c, queue, now, remember, it, body);
            letters.iter().map(rewrite).collect()
        };
        self.write(redrive).await
    }
}

/// The name of a dead letter: its row, when it died and its message's id. A row that was left is
/// taken again, so the row alone does not name it.
fn name_of(row: i64, died_at: Option<DateTime<Utc>>, id: &str) -> DeadLetterId {
    let died_at = died_at.map(|time| time.timestamp_millis().to_string()).unwrap_or_default();
    DeadLetterId(format!("{row}:{died_at}:{id}"))
}

/// The row that a name begins with; `None` where it is no name of ours.
fn row_of(name: &DeadLetterId) -> Option<i64> {
    name.0.split_once(':')?.0.parse().ok()
}

/// The rows behind which, and up to which, a part goes; `None` where its names are not ours:
/// nothing is there.
fn rows_of(part: DeadLetterPart<'_>) -> Option<(i64, i64)> {
    let after = part.after.map_or(Some(0), row_of)?;
    let upto = part.upto.map_or(Some(i64::MAX), row_of)?;
    Some((after, upto))
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

/// Position and id stand first; first_at, died_at, reason and attempts from this column on. What cannot
/// be read is left out.
fn head_from(row: &Row<'_>, at: usize) -> rusqlite::Result<DeadLetterHead> {
    let number = |at| Ok::<_, rusqlite::Error>(integer(row.get_ref(at)?));
    let id = lossy(row.get_ref(1));
    let died_at = number(at + 1)?.and_then(times::from_millis);
    Ok(DeadLetterHead {
        name: name_of(row.get(0)?, died_at, &id),
        id,
        first_at: number(at)?.and_then(times::from_millis),
        died_at,
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
    available_at: i64,
    remember: Duration,
    name: &DeadLetterId,
    body: Option<&Bytes>,
) -> rusqlite::Result<DeadLetterOutcome> {
    let Some((row, letter)) = find(connection, queue, name)? else {
        return Ok(DeadLetterOutcome::Gone);
    };
    if let Some(fault) = letter.unreadable {
        return Ok(DeadLetterOutcome::Kept(not_put_back(&fault)));
    }
    let mut message = letter.message;
    message.body = body.cloned().unwrap_or(message.body);
    // The time of publishing stays what it was. That a message which was scheduled then may be due
    // by now is found out by whoever receives, as for all that are scheduled.
    let now = message.published_at.map_or(0, |time| time.timestamp_millis());
    let entering = [Entering::of(&message)];
    let entry = Entry { queue, now, available_at, remember, hold: true };
    let answer = insert(connection, entry, &entering)?.pop();
    match answer {
        Some(Published::Accepted) => {
            connection.prepare_cached(DROP)?.execute(params![row, queue])?;
            Ok(DeadLetterOutcome::Done)
        }
        Some(Published::Duplicate) => Ok(DeadLetterOutcome::Kept(
            "the same message is in the queue, or was acknowledged".to_owned(),
        )),
        Some(Published::Retry(why) | Published::Refused(why)) => Ok(DeadLetterOutcome::Kept(why)),
        None => Ok(DeadLetterOutcome::Kept("the queue did not answer".to_owned())),
    }
}

/// Publishes it once more with another body. What is remembered of its id is of the body that it had: it
/// is forgotten, unless the letter stays.
fn rewrite(
    connection: &Connection,
    queue: i64,
    available_at: i64,
    remember: Duration,
    name: &DeadLetterId,
    body: &Bytes,
) -> rusqlite::Result<DeadLetterOutcome> {
    connection.execute_batch("SAVEPOINT rewritten")?;
    if let Some((_, letter)) = find(connection, queue, name)? {
        let id = &letter.message.id;
        connection.prepare_cached(FORGET_ID)?.execute(params![queue, id])?;
    }
    fail::fail_point!("redrive-forgotten");
    let outcome = redrive(connection, queue, available_at, remember, name, Some(body))?;
    if outcome != DeadLetterOutcome::Done {
        connection.execute_batch("ROLLBACK TO rewritten")?;
    }
    connection.execute_batch("RELEASE rewritten")?;
    Ok(outcome)
}

fn drop_one(
    connection: &Connection,
    queue: i64,
    name: &DeadLetterId,
) -> rusqlite::Result<DeadLetterOutcome> {
    let Some((row, _)) = find(connection, queue, name)? else {
        return Ok(DeadLetterOutcome::Gone);
    };
    connection.prepare_cached(DROP)?.execute(params![row, queue])?;
    Ok(DeadLetterOutcome::Done)
}

/// A dead letter by its name, and its row; `None` where another one has that row by now, or none.
fn find(
    connection: &Connection,
    queue: i64,
    name: &DeadLetterId,
) -> rusqlite::Result<Option<(i64, DeadLetter)>> {
    let Some(row) = row_of(name) else { return Ok(None) };
    let mut statement = connection.prepare_cached(FIND)?;
    let found = statement.query_row(params![row, queue], dead_letter).optional()?;
    Ok(found.filter(|it| it.head.name == *name).map(|it| (row, it)))
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

const LIST: &str =
    dead!("queue = ?1 AND ?2 IS NULL AND seq > ?3 AND seq <= ?4 ORDER BY seq LIMIT ?5");
const LIST_IDS: &str = dead!(
    "queue = ?1 AND id IN (SELECT value FROM json_each(?2)) AND seq > ?3 AND seq <= ?4
     ORDER BY seq LIMIT ?5"
);
const FIND: &str = dead!("seq = ?1 AND queue = ?2");
const HEADS: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 AND ?2 IS NULL AND seq > ?3 AND seq <= ?4 ORDER BY seq LIMIT ?5";
const HEADS_IDS: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 AND id IN (SELECT value FROM json_each(?2)) AND seq > ?3 AND seq <= ?4
ORDER BY seq LIMIT ?5";
const LAST: &str = "
SELECT seq, id, first_at, died_at, reason, attempts FROM dead
WHERE queue = ?1 ORDER BY seq DESC LIMIT 1";
const FORGET_ID: &str = "DELETE FROM remembered WHERE queue = ?1 AND id = ?2";
const DROP: &str = "DELETE FROM dead WHERE seq = ?1 AND queue = ?2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_a_letter_from_one_that_took_its_place() {
        let time = times::from_millis(5);
        let name = name_of(7, time, "a:b");
        assert_eq!(row_of(&name), Some(7));
        for other in [name_of(7, None, "a:b"), name_of(7, time, "a"), name_of(8, time, "a:b")] {
            assert_ne!(name, other);
        }
        for foreign in ["", "7", ":5:a", "x:5:a"] {
            assert_eq!(row_of(&DeadLetterId(foreign.to_owned())), None, "{foreign:?}");
        }
    }

    #[test]
    fn a_part_of_names_that_are_not_ours_is_empty() {
        let foreign = DeadLetterId("receipt".to_owned());
        let ours = name_of(7, None, "a");
        let part = |after, upto| rows_of(DeadLetterPart { after, upto });
        assert_eq!(part(None, None), Some((0, i64::MAX)));
        assert_eq!(part(Some(&ours), Some(&ours)), Some((7, 7)));
        assert_eq!(part(Some(&foreign), None), None);
    }
}
