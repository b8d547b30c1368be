//! Fan-out: a queue may have a topic, the name of another queue of its file. Whatever is published
//! to that one from then on comes to both, in one transaction.
//!
//! A message reaches the queues of its topic if, and only if, its own queue has accepted it. One
//! that its own queue answers with `Duplicate` has reached them when it was accepted: a publisher
//! that was killed and repeats itself loses nothing and doubles nothing. What such a queue cannot
//! take, because it holds another message with the same id, becomes a dead letter there: one
//! reader that lags behind never stops the others.

use super::bury::Story;
use super::enqueue::{Entry, Row};
use super::entering::enter;
use super::entering::insert;
use crate::queues::Published;
use rusqlite::Connection;

/// Puts messages into a queue and into those whose topic it is; answers for the queue itself.
pub fn publish(
    connection: &Connection,
    entry: Entry,
    rows: &[Result<Row, String>],
) -> rusqlite::Result<Vec<Published>> {
    let answers = insert(connection, entry, rows)?;
    let accepted = rows.iter().zip(&answers).filter(|(_, it)| **it == Published::Accepted);
    let accepted: Vec<&Row> = accepted.filter_map(|(row, _)| row.as_ref().ok()).collect();
    pass_on(connection, entry, &accepted)?;
    Ok(answers)
}

/// Puts one message into a queue and into those whose topic it is; answers for the queue itself.
pub fn publish_one(
    connection: &Connection,
    entry: Entry,
    row: &Row,
) -> rusqlite::Result<Published> {
    let answer = enter(connection, entry, &[row])?.remove(0);
    if answer == Published::Accepted {
        pass_on(connection, entry, &[row])?;
    }
    Ok(answer)
}

/// Puts what a queue has accepted into those whose topic it is.
fn pass_on(connection: &Connection, entry: Entry, accepted: &[&Row]) -> rusqlite::Result<()> {
    for queue in receivers(connection, entry.queue)? {
        let entry = Entry { queue, ..entry };
        let entered = enter(connection, entry, accepted)?;
        for (row, answer) in accepted.iter().zip(entered) {
            if let Published::Refused(reason) = answer {
                let Entry { queue, now, .. } = entry;
                let story =
                    Story { published_at: now, attempts: 0, first_at: None, died_at: now, reason };
                story.insert(connection, queue, row)?;
            }
        }
    }
    Ok(())
}

fn receivers(connection: &Connection, queue: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(RECEIVERS)?;
    statement.query_map([queue], |row| row.get(0))?.collect()
}

const RECEIVERS: &str = "
SELECT receiver.id FROM queues AS own JOIN queues AS receiver ON receiver.topic = own.name
WHERE own.id = ?1 ORDER BY receiver.id";
#[cfg(test)]
pub const HOT: &[&str] = &[RECEIVERS];
