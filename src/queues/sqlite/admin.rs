//! Empties an embedded queue, or deletes it.

use super::codec::Group;
use super::inspector::{self, Inspector};
use super::lookup::find;
use super::options::SqliteOptions;
use super::schema::SCHEMA;
use super::settle::Ending;
use crate::clients::sqlite::{Database, write_alone};
use crate::clock::Clock;
use crate::error::Result;
use crate::location::Location;
use crate::queues::{Deletion, Options, Purge};
use async_trait::async_trait;
use rusqlite::{Connection, params};

/// At most this many messages are removed in one transaction, so that others can write meanwhile.
const AT_ONCE: usize = 2000;

#[async_trait]
impl Purge for Inspector {
    async fn purge(&self) -> Result<Option<u64>> {
        let database = self.database().await?;
        purge(&database, self.number, &self.clock).await.map(Some)
    }
}

/// Removes what a queue holds now, in steps between which others write; gives how much.
pub async fn purge(database: &Database, queue: i64, clock: &Clock) -> Result<u64> {
    let last = database.look(|c| c.query_row(LAST, [], |row| row.get(0))).await?;
    let (mut removed, mut after) = (0, 0);
    loop {
        let clock = clock.clone();
        let step = database.write(move |c| remove_some(c, queue, after, last, clock.millis()));
        let step = step.await?;
        let Some(seq) = step.last else { return Ok(removed) };
        after = seq;
        removed += step.removed;
    }
}

/// What one transaction has done.
struct Step {
    removed: u64,
    last: Option<i64>,
}

/// Removes the oldest messages between two places, and lets those groups go on that lost their
/// first ones.
fn remove_some(
    connection: &Connection,
    queue: i64,
    after: i64,
    upto: i64,
    now: i64,
) -> rusqlite::Result<Step> {
    let mut statement = connection.prepare_cached(OLDEST)?;
    let oldest: Vec<(i64, Option<Group>)> = statement
        .query_map(params![queue, after, upto, AT_ONCE as i64], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let step = Step { removed: oldest.len() as u64, last: oldest.last().map(|(seq, _)| *seq) };
    let mut ending = Ending::new(connection, queue, now)?;
    for (seq, group) in oldest {
        ending.remove(seq, group)?;
    }
    ending.finish()?;
    Ok(step)
}

/// Deletes a queue and all that it holds; its file stays.
///
/// Another process that has the file open knows the queue by its number and would go on publishing
/// to it, so this is done only while none has.
pub async fn delete(url: Location, options: &Options, yes: bool) -> Result<Deletion> {
    let place = SqliteOptions::of(url.clone(), options)?;
    // Tells what is missing and what is there instead.
    let inspector = inspector::open(url, options).await?;
    if !yes {
        let stats = inspector.stats().await?;
        return Ok(Deletion { messages: stats.messages(), dead: stats.dead, stays: None });
    }
    drop(inspector);
    let name = place.name;
    write_alone(&place.path, &SCHEMA, move |c| {
        let Some((queue, _)) = find(c, &name)? else { return Ok(Deletion::default()) };
        let mut removed = [0; DELETE.len()];
        for (count, sql) in removed.iter_mut().zip(DELETE) {
            *count = c.execute(sql, [queue])? as u64;
        }
        let [_, messages, dead, ..] = removed;
        Ok(Deletion { messages: Some(messages), dead: Some(dead), stays: None })
    })
    .await
}

const LAST: &str = "SELECT coalesce(max(seq), 0) FROM messages";
const OLDEST: &str = "
SELECT seq, grp FROM messages NOT INDEXED
WHERE queue = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4";
const DELETE: [&str; 7] = [
    "DELETE FROM bodies WHERE seq IN (SELECT seq FROM messages WHERE queue = ?1)",
    "DELETE FROM messages WHERE queue = ?1",
    "DELETE FROM dead WHERE queue = ?1",
    "DELETE FROM remembered WHERE queue = ?1",
    "DELETE FROM runs WHERE queue = ?1",
    "DELETE FROM leases_given WHERE queue = ?1",
    "DELETE FROM queues WHERE id = ?1",
];
