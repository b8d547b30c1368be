//! Tasks are leased.

use super::eta;
use crate::message::Message;
use crate::queues::sqlite::claim::expiry::Next;
use crate::queues::sqlite::claim::selection::Taken;
use crate::queues::sqlite::claim::{Look, Suspects};
use crate::queues::sqlite::clock::{self, Now};
use crate::queues::sqlite::lease::token;
use crate::queues::{Receive, Task, TaskLease};
use rusqlite::{Connection, params};

/// How long leases are counted that were given, in seconds.
pub(super) const COUNTED: i64 = 60 * 60;

/// Leases what can be had now, and tells what time alone will change.
pub fn lease(
    connection: &Connection,
    queue: i64,
    now: Now,
    request: &TaskLease,
) -> rusqlite::Result<(Vec<Task>, Next)> {
    let TaskLease { max, max_bytes, time, wait, select } = request.clone();
    let look = Look {
        queue,
        lease: clock::length(time),
        token: token(),
        suspects: Suspects::Last,
        counts_leases: true,
        request: Receive { max, max_bytes, wait, select },
        group: None,
    };
    let found = look.run_until_found(connection, now)?;
    note_leases(connection, queue, now.day, found.deliveries.len())?;
    let end = now.lease.saturating_add(look.lease);
    let tasks = found.deliveries.into_iter().map(|taken| task(taken, end)).collect();
    Ok((tasks, found.next))
}

fn task(taken: Taken, end: i64) -> Task {
    let Taken { claim, delivery, leases, limits, .. } = taken;
    let Message { id, body, tag, published_at, .. } = delivery.message;
    Task {
        name: id,
        body,
        tag,
        added_at: published_at.unwrap_or_default(),
        eta: eta::of_lease(end, claim.token),
        leased: true,
        leases: leases.saturating_add(1),
        limits,
    }
}

/// Counts leases that were given now, and forgets those that count no more.
fn note_leases(
    connection: &Connection,
    queue: i64,
    now: i64,
    count: usize,
) -> rusqlite::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let (second, count) = (now.div_euclid(1000), i64::try_from(count).unwrap_or(i64::MAX));
    connection.prepare_cached(NOTE)?.execute(params![queue, second, count])?;
    connection.prepare_cached(FORGET)?.execute(params![queue, second - COUNTED]).map(drop)
}

const NOTE: &str = "
INSERT INTO leases_given (queue, second, count) VALUES (?1, ?2, ?3)
ON CONFLICT (queue, second) DO UPDATE SET count = count + ?3";
const FORGET: &str = "DELETE FROM leases_given WHERE queue = ?1 AND second <= ?2";

#[cfg(test)]
pub const HOT: &[&str] = &[NOTE, FORGET];
