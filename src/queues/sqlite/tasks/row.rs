//! A row of an embedded queue as a task.

use super::eta;
use crate::queues::Task;
use crate::queues::sqlite::clock::{Now, TOLERATED};
use crate::queues::sqlite::codec::{Reading, integer};
use crate::queues::sqlite::limits::retry_limits;
use crate::times;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// A task by its name; without its payload where that is not asked for.
pub fn find(
    connection: &Connection,
    queue: i64,
    name: &str,
    with_body: bool,
    now: Now,
) -> rusqlite::Result<Option<Task>> {
    let mut statement = connection.prepare_cached(if with_body { GET } else { HEAD })?;
    statement.query_row(params![queue, name], |row| task(row, now)).optional()
}

/// The first tasks behind a place, without their payloads.
pub fn list(
    connection: &Connection,
    queue: i64,
    after: i64,
    max: usize,
    now: Now,
) -> rusqlite::Result<Vec<(i64, Task)>> {
    let mut statement = connection.prepare_cached(LIST)?;
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![queue, after, max], |row| Ok((row.get(0)?, task(row, now)?)))?;
    rows.collect()
}

/// The task of a row with these columns. What cannot be read of it is left out.
fn task(row: &Row<'_>, now: Now) -> rusqlite::Result<Task> {
    let Reading { message, attempts, .. } = Reading::of(row)?;
    let number = |at| Ok::<_, rusqlite::Error>(integer(row.get_ref(at)?));
    let published_at = number(5)?.unwrap_or_default();
    let end = eta::of_row(row, 10, now)?.filter(|_| is_leased(row, now).unwrap_or(false));
    let ended = number(10)?.filter(|_| end.is_none() && number(9).is_ok_and(|it| it == Some(3)));
    let available_at = match ended {
        Some(due) => eta::of_ended(due, now),
        None => number(13)?.filter(|available_at| *available_at != 0).unwrap_or(published_at),
    };
    let not_before = message.not_before.map(|time| time.timestamp_micros());
    let leases = number(14)?.and_then(|it| u32::try_from(it).ok()).unwrap_or_default();
    Ok(Task {
        name: message.id,
        body: message.body,
        tag: message.tag,
        added_at: times::from_millis(published_at).unwrap_or_default(),
        eta: end.unwrap_or_else(|| eta::of_availability(available_at, not_before)),
        leased: end.is_some(),
        leases: leases.saturating_add(attempts),
        limits: retry_limits(number(15)?, number(16)?),
    })
}

/// Whether a row is leased at this time; a lease that begins in the future was given by a clock that
/// has since been set back.
fn is_leased(row: &Row<'_>, now: Now) -> rusqlite::Result<bool> {
    let number = |at| Ok::<_, rusqlite::Error>(integer(row.get_ref(at)?));
    let (state, due, span) = (number(9)?, number(10)?, number(12)?);
    let runs = due.zip(span).is_some_and(|(due, span)| {
        due > now.lease && due.saturating_sub(span) <= now.lease.saturating_add(TOLERATED)
    });
    Ok(state == Some(3) && runs)
}

/// The columns of a task, of which the first nine are those of a message.
macro_rules! task {
    ($body:literal, $rest:literal) => {
        concat!(
            "SELECT seq, id, grp, tag, attributes, published_at, not_before, attempts, ",
            $body,
            ", state, due, token, span, available_at, leases, retry_limit, age_limit FROM messages ",
            $rest
        )
    };
}

const GET: &str = task!(
    "(SELECT body FROM bodies WHERE bodies.seq = messages.seq)",
    "WHERE queue = ?1 AND id = ?2"
);
const HEAD: &str = task!("x''", "WHERE queue = ?1 AND id = ?2");
/// In the order of adding, which is the table's own. Tasks of other queues in the same file that were
/// added earlier are walked over.
const LIST: &str = task!("x''", "NOT INDEXED WHERE queue = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");

#[cfg(test)]
pub const HOT: &[&str] = &[GET, HEAD];
