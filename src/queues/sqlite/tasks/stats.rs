//! How many tasks there are, and how many were leased of late.

use super::eta;
use super::lease::COUNTED;
use crate::queues::sqlite::clock::Now;
use crate::queues::sqlite::codec::integer;
use crate::queues::sqlite::inspector::stats;
use crate::queues::{Stats, TaskStats};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Counts the tasks of a queue.
pub fn of(connection: &Connection, queue: i64, now: Now) -> rusqlite::Result<TaskStats> {
    let Stats { ready, waiting, scheduled, leased, dead, .. } = stats(connection, queue, now)?;
    let [ready, waiting, scheduled, leased, dead] =
        [ready, waiting, scheduled, leased, dead].map(Option::unwrap_or_default);
    let second = now.day.div_euclid(1000);
    let given = |since: i64| count(connection, GIVEN, params![queue, second - since]);
    Ok(TaskStats {
        tasks: ready + waiting + scheduled + leased,
        ready,
        scheduled,
        leased,
        dead,
        oldest_eta: oldest(connection, queue, now)?,
        leased_last_minute: given(60)?,
        leased_last_hour: given(COUNTED)?,
    })
}

fn count(
    connection: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<u64> {
    let count = connection.prepare_cached(sql)?.query_row(params, |row| row.get::<_, i64>(0))?;
    Ok(count.unsigned_abs())
}

/// The first entry of each index has the smallest time of its state.
fn oldest(connection: &Connection, queue: i64, now: Now) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(FIRST)?;
    let places = statement.query_row([queue], |row: &Row<'_>| {
        let first = [integer(row.get_ref(0)?), integer(row.get_ref(1)?), integer(row.get_ref(2)?)];
        Ok(first.into_iter().flatten().min())
    })?;
    let places = places.map(|available_at| eta::of_availability(available_at, None));
    let mut statement = connection.prepare_cached(FIRST_LEASED)?;
    let leased = statement.query_row([queue], |row| leased_eta(row, now)).optional()?.flatten();
    Ok(places.into_iter().chain(leased).min())
}

/// When the lease of a row ends, or when it ended.
fn leased_eta(row: &Row<'_>, now: Now) -> rusqlite::Result<Option<i64>> {
    let ended = integer(row.get_ref(0)?).filter(|due| *due <= now.lease);
    match ended {
        Some(due) => Ok(Some(eta::of_availability(eta::of_ended(due, now), None))),
        None => eta::of_row(row, 0, now),
    }
}

const GIVEN: &str =
    "SELECT coalesce(sum(count), 0) FROM leases_given WHERE queue = ?1 AND second > ?2";
const FIRST: &str = "
SELECT (SELECT min(available_at) FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NULL),
       (SELECT min(available_at) FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL),
       (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 2)";
const FIRST_LEASED: &str = "
SELECT due, token FROM messages WHERE queue = ?1 AND state = 3 ORDER BY due LIMIT 1";

#[cfg(test)]
pub const HOT: &[&str] = &[GIVEN, FIRST, FIRST_LEASED];
