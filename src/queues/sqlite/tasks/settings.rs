//! What a queue of tasks is set to, as its file keeps it.

use crate::queues::TaskSettings;
use crate::queues::sqlite::limits::{Limits, columns};
use rusqlite::{Connection, params};

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

/// Whether the file holds so many bytes. Its pages are counted, and no message is looked at.
pub fn is_full(connection: &Connection, most: Option<u64>) -> rusqlite::Result<bool> {
    let Some(most) = most else { return Ok(false) };
    let used: i64 = connection.prepare_cached(IN_USE)?.query_row([], |row| row.get(0))?;
    Ok(used.unsigned_abs() >= most)
}

const SET: &str = "UPDATE queues SET retry_limit = ?2, age_limit = ?3, paused = ?4 WHERE id = ?1";
const IN_USE: &str = "
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

#[cfg(test)]
pub const HOT: &[&str] = &[SET];
