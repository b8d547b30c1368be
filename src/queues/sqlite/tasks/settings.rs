//! What a queue of tasks is set to, as its file keeps it.

use super::row;
use crate::queues::{RetryLimits, TaskSettings};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::Duration;

/// The limits of a queue, as whoever leases needs them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// How many leases a task has that says nothing else.
    pub leases: Option<i64>,
    /// Not before a task is so many milliseconds old.
    pub age: Option<i64>,
    /// Nothing is leased.
    pub paused: bool,
}

impl Limits {
    /// Those of a queue.
    pub fn of(connection: &Connection, queue: i64) -> rusqlite::Result<Self> {
        let limits =
            |row: &Row<'_>| Ok(Self { leases: row.get(0)?, age: row.get(1)?, paused: row.get(2)? });
        let found = connection.prepare_cached(LIMITS)?.query_row([queue], limits).optional()?;
        Ok(found.unwrap_or_default())
    }

    /// How often, and how long, a message may be leased.
    pub fn retry_limits(self) -> RetryLimits {
        row::limits(self.leases, self.age).unwrap_or_default()
    }
}

/// What a queue is set to.
pub fn of(connection: &Connection, queue: i64) -> rusqlite::Result<TaskSettings> {
    let limits = Limits::of(connection, queue)?;
    Ok(TaskSettings { limits: limits.retry_limits(), paused: limits.paused })
}

/// Sets a queue that is set to `from`; `false` where it is set otherwise, and stays so.
pub fn set(
    connection: &Connection,
    queue: i64,
    from: TaskSettings,
    to: TaskSettings,
) -> rusqlite::Result<bool> {
    if of(connection, queue)? != from {
        return Ok(false);
    }
    let (leases, age) = columns(to.limits);
    let row = params![queue, leases, age, to.paused];
    connection.prepare_cached(SET)?.execute(row).map(|_| true)
}

/// Limits as two columns keep them.
pub fn columns(limits: RetryLimits) -> (Option<u32>, Option<i64>) {
    let millis = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    (limits.leases, limits.age.map(millis))
}

/// Whether the file holds so many bytes. Its pages are counted, and no message is looked at.
pub fn is_full(connection: &Connection, most: Option<u64>) -> rusqlite::Result<bool> {
    let Some(most) = most else { return Ok(false) };
    let used: i64 = connection.prepare_cached(IN_USE)?.query_row([], |row| row.get(0))?;
    Ok(used.unsigned_abs() >= most)
}

const LIMITS: &str = "SELECT retry_limit, age_limit, paused FROM queues WHERE id = ?1";
const SET: &str = "UPDATE queues SET retry_limit = ?2, age_limit = ?3, paused = ?4 WHERE id = ?1";
const IN_USE: &str = "
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

#[cfg(test)]
pub const HOT: &[&str] = &[LIMITS, SET];
