//! Dead letters that come from elsewhere: kept by an embedded queue that never delivered them.

use super::enqueue::Row;
use super::options::SqliteOptions;
use super::schema::{SCHEMA, queue_number};
use crate::clients::sqlite::Database;
use crate::dead_letter::Death;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Message;
use crate::queues::Options;
use crate::times;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

/// Puts messages among the dead letters of a queue, which is made where it is missing. All of them
/// are on disk when this returns, or none. One that is there already, with the same id and content,
/// is not doubled.
pub async fn bury(url: Location, options: &Options, letters: &[(Message, Death)]) -> Result<()> {
    let SqliteOptions { path, name, .. } = SqliteOptions::of(url, options)?;
    let letters = letters
        .iter()
        .map(|(message, death)| Ok((row(message)?, message.published_at, death.clone())))
        .collect::<Result<Vec<_>>>()?;
    let database = Database::open(&path, &SCHEMA).await?;
    let clock = options.clock.clone();
    let keep = move |c: &Connection| {
        let (queue, now) = (queue_number(c, &name)?, clock.millis());
        letters.iter().try_for_each(|(row, published_at, death)| {
            Story::of(*published_at, death, now).insert(c, queue, row)
        })
    };
    let kept = database.write(keep).await;
    kept.and(database.close().await)
}

fn row(message: &Message) -> Result<Row> {
    // It is not delivered from here: a time that no queue carries must not keep it out.
    let mut message = message.clone();
    message.not_before = message.not_before.filter(|time| times::is_carried(*time));
    Row::of(&message).map_err(|why| {
        let what = format!("cannot keep `{}` as a dead letter", message.id);
        Error::new(Kind::Failed, what).because_of(why)
    })
}

/// What a dead letter tells beside the message; times are milliseconds.
pub struct Story {
    /// When the message was published.
    pub published_at: i64,
    /// How often it was delivered.
    pub attempts: u32,
    /// When it was first delivered.
    pub first_at: Option<i64>,
    /// When it was given up.
    pub died_at: i64,
    /// Why.
    pub reason: String,
}

impl Story {
    fn of(published_at: Option<DateTime<Utc>>, death: &Death, now: i64) -> Self {
        let millis = |time: DateTime<Utc>| time.timestamp_millis();
        Self {
            published_at: published_at.map_or(now, millis),
            attempts: death.attempts.unwrap_or_default(),
            first_at: death.first_at.map(millis),
            died_at: death.at.map_or(now, millis),
            reason: death.reason.clone(),
        }
    }

    /// Keeps the message as a dead letter of this queue, unless the queue has the same one.
    pub fn insert(&self, connection: &Connection, queue: i64, row: &Row) -> rusqlite::Result<()> {
        let Self { published_at, attempts, first_at, died_at, reason } = self;
        let not_before = row.not_before.as_ref().map(|(text, _)| text);
        connection.prepare_cached(INSERT)?.execute(params![
            queue,
            row.id,
            row.group,
            row.tag,
            row.attributes,
            &row.body[..],
            not_before,
            published_at,
            attempts,
            first_at,
            died_at,
            reason,
            row.digest
        ])?;
        Ok(())
    }
}

const INSERT: &str = "
INSERT INTO dead (queue, id, grp, tag, attributes, body, not_before, published_at, attempts,
                  first_at, died_at, reason, digest)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
WHERE NOT EXISTS (
  SELECT 1 FROM dead WHERE queue = ?1 AND id = ?2
  AND grp IS ?3 AND tag IS ?4 AND attributes IS ?5 AND body = ?6)";

#[cfg(test)]
pub const HOT: &[&str] = &[INSERT];
