//! What was to wait comes back into an embedded queue: leases end, and what was scheduled is due.

use super::selection::Passed;
use crate::queues::sqlite::begun;
use crate::queues::sqlite::claim::{Look, Suspects};
use crate::queues::sqlite::clock::Now;
use crate::queues::sqlite::codec::{Group, integer, lossy};
use crate::queues::sqlite::lease::Claim;
use crate::queues::sqlite::settle::{Attempt, Ending};
use rusqlite::{Connection, Row, ToSql, params};

/// At most this many messages come back in one transaction, so that a million that are due at once
/// hold nobody up; the next transactions bring the others.
const AT_ONCE: i64 = 2000;

/// When something may come by time alone, in milliseconds; `None`: not before somebody acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Next {
    /// When the next message is due, as a time of day.
    pub due: Option<i64>,
    /// When the next lease ends, in the time of leases.
    pub lease_end: Option<i64>,
}

impl Look {
    /// Offers again what was leased or scheduled up to now. `true`: there may be more of it.
    pub fn bring_back(&self, connection: &Connection, now: Now) -> rusqlite::Result<bool> {
        let all = ended(connection, params![self.queue, now.lease, AT_ONCE])?;
        let mut count = all.len() as i64;
        self.offer_again(connection, now, all)?;
        count = count
            .max(connection.prepare_cached(DUE)?.execute(params![self.queue, now.day, AT_ONCE])?
                as i64);
        Ok(count >= AT_ONCE)
    }

    /// Offers what was leased; that counts where it was being worked on.
    fn offer_again(
        &self,
        connection: &Connection,
        now: Now,
        ended: Vec<LeaseEnded>,
    ) -> rusqlite::Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        let claims: Vec<_> = ended.iter().map(|it| it.claim).collect();
        let begun = begun::end(connection, &claims)?;
        let mut ending = Ending::new(connection, self.queue, now.day)?;
        let in_order = self.suspects == Suspects::InOrder;
        for LeaseEnded { claim, group, end } in ended {
            // It was had in its turn: what could be had by then comes first.
            let available_at = (!in_order).then(|| now.to_day(end).min(now.day));
            let lost = begun.contains(claim);
            let attempt = if lost { Attempt::Lost } else { Attempt::Uncounted };
            ending.offer(claim.seq, group, attempt, None, available_at)?;
        }
        ending.finish()?;
        begun::sweep(connection)
    }

    /// When the next message is due or the next lease ends.
    pub fn next(&self, connection: &Connection) -> rusqlite::Result<Next> {
        let mut statement = connection.prepare_cached(NEXT)?;
        let next = |row: &Row<'_>| {
            Ok(Next { due: integer(row.get_ref(0)?), lease_end: integer(row.get_ref(1)?) })
        };
        statement.query_row([self.queue], next)
    }
}

/// A message whose lease has ended.
struct LeaseEnded {
    claim: Claim,
    group: Option<Group>,
    /// When, in the time of leases.
    end: i64,
}

fn ended(connection: &Connection, params: &[&dyn ToSql]) -> rusqlite::Result<Vec<LeaseEnded>> {
    let mut statement = connection.prepare_cached(EXPIRED)?;
    let rows = statement.query_map(params, |row| {
        let token = integer(row.get_ref(2)?).unwrap_or_default();
        let end = integer(row.get_ref(3)?).unwrap_or_default();
        Ok(LeaseEnded { claim: Claim { seq: row.get(0)?, token }, group: row.get(1)?, end })
    })?;
    rows.collect()
}

/// What is leased or scheduled, and nobody can tell until when: time would never bring it back.
pub fn without_an_end(connection: &Connection, queue: i64) -> rusqlite::Result<Vec<Passed>> {
    let mut statement = connection.prepare_cached(WITHOUT_AN_END)?;
    let rows = statement.query_map(params![queue, AT_ONCE], |row| {
        Ok(Passed::unreadable(row.get(0)?, lossy(row.get_ref(2)), row.get(1)?, "its `due`"))
    })?;
    rows.collect()
}

const EXPIRED: &str = "
SELECT seq, grp, token, due FROM messages WHERE queue = ?1 AND state = 3 AND due <= ?2
ORDER BY due LIMIT ?3";
/// What is no whole number sorts before all numbers, or behind them.
const WITHOUT_AN_END: &str = "
SELECT seq, grp, id FROM messages WHERE queue = ?1 AND state = 3 AND due IS NULL UNION ALL
SELECT seq, grp, id FROM messages WHERE queue = ?1 AND state = 3 AND due >= '' UNION ALL
SELECT seq, grp, id FROM messages WHERE queue = ?1 AND state = 2 AND due IS NULL UNION ALL
SELECT seq, grp, id FROM messages WHERE queue = ?1 AND state = 2 AND due >= '' LIMIT ?2";
const DUE: &str = "
UPDATE messages SET state = 0, due = NULL WHERE seq IN
  (SELECT seq FROM messages WHERE queue = ?1 AND state = 2 AND due <= ?2 ORDER BY due LIMIT ?3)";
const NEXT: &str = "
SELECT (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 2),
       (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 3)";

#[cfg(test)]
pub const HOT: &[&str] = &[EXPIRED, WITHOUT_AN_END, DUE, NEXT];
