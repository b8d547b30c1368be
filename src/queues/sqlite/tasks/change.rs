//! A lease of a task is changed by whoever can prove it.

use super::eta;
use super::row;
use crate::queues::sqlite::begun;
use crate::queues::sqlite::clock::{self, Now, TOLERATED};
use crate::queues::sqlite::codec::{Group, integer};
use crate::queues::sqlite::lease::Claim;
use crate::queues::sqlite::settle::{Attempt, Ending, extend};
use crate::queues::{Change, Changed};
use rusqlite::{Connection, OptionalExtension as _, params};

/// A task that is leased now.
struct Leased {
    claim: Claim,
    group: Option<Group>,
    /// When the lease ends, in microseconds.
    eta: i64,
}

/// Changes the lease of a task that ends at `eta`, or whichever it has.
pub fn change(
    connection: &Connection,
    queue: i64,
    now: Now,
    name: &str,
    eta: Option<i64>,
    change: Change,
) -> rusqlite::Result<Changed> {
    let Some(before) = row::find(connection, queue, name, false, now)? else {
        return Ok(Changed::Unknown);
    };
    let Some(leased) = leased(connection, queue, name, now)? else { return Ok(Changed::Expired) };
    if eta.is_some_and(|eta| eta != leased.eta) {
        return Ok(Changed::Expired);
    }
    match change {
        Change::Acknowledge => {
            begun::end(connection, &[leased.claim])?;
            let mut ending = Ending::new(connection, queue, now.day)?;
            ending.acknowledge(leased.claim, 0)?;
            ending.finish()?;
            return Ok(Changed::Done(before));
        }
        Change::Extend(time) if time.is_zero() => give_back(connection, queue, now, leased)?,
        Change::Extend(time) => {
            extend(connection, queue, now, clock::length(time), &[leased.claim])?;
        }
    }
    let after = row::find(connection, queue, name, false, now)?;
    Ok(after.map_or(Changed::Unknown, Changed::Done))
}

/// Ends the lease now: the task can be leased at once, behind those that could be before.
fn give_back(
    connection: &Connection,
    queue: i64,
    now: Now,
    leased: Leased,
) -> rusqlite::Result<()> {
    let Leased { claim, group, .. } = leased;
    begun::end(connection, &[claim])?;
    let mut ending = Ending::new(connection, queue, now.day)?;
    ending.offer(claim.seq, group, Attempt::Uncounted, None, Some(now.day))?;
    ending.finish()
}

fn leased(
    connection: &Connection,
    queue: i64,
    name: &str,
    now: Now,
) -> rusqlite::Result<Option<Leased>> {
    let live = params![queue, name, now.lease, now.lease.saturating_add(TOLERATED)];
    let mut statement = connection.prepare_cached(LEASED)?;
    let found = statement.query_row(live, |row| {
        let token = integer(row.get_ref(3)?).unwrap_or_default();
        let claim = Claim { seq: row.get(0)?, token };
        let eta = eta::of_lease(integer(row.get_ref(2)?).unwrap_or_default(), token);
        Ok(Leased { claim, group: row.get(1)?, eta })
    });
    found.optional()
}

const LEASED: &str = "
SELECT seq, grp, due, token FROM messages
WHERE queue = ?1 AND id = ?2 AND state = 3 AND due > ?3 AND due - span <= ?4";

#[cfg(test)]
pub const HOT: &[&str] = &[LEASED];
