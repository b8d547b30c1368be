//! A glance into the embedded queue: whether a look could find anything, without the lock that
//! writing needs. Of many who wait for one message only those write who may win it.

use super::expiry::Next;
use crate::clock::Clock;
use crate::queues::sqlite::clock::{self, Now, TOLERATED};
use crate::queues::sqlite::codec::integer;
use rusqlite::{Connection, params};

/// What a glance saw.
pub struct Glance {
    /// There may be something to lease, to be offered again, or to be put right.
    pub promising: bool,
    /// What time alone will change next.
    pub next: Next,
    /// When it was.
    pub now: Now,
}

impl Glance {
    /// Looks at a queue now, and writes nothing.
    pub fn at(connection: &Connection, queue: i64, clock: &Clock) -> rusqlite::Result<Self> {
        let now = clock::look(connection, clock)?;
        let mut statement = connection.prepare_cached(GLANCE)?;
        let (ready, due, lease_end): (bool, _, _) = statement.query_row(params![queue], |row| {
            Ok((row.get(0)?, integer(row.get_ref(1)?), integer(row.get_ref(2)?)))
        })?;
        let is_due = due.is_some_and(|due| due <= now.day);
        let has_ended = lease_end.is_some_and(|end| end <= now.lease);
        let has_jumped = now.day.saturating_sub(now.lease).saturating_abs() > TOLERATED;
        let promising = ready || is_due || has_ended || has_jumped;
        Ok(Self { promising, next: Next { due, lease_end }, now })
    }
}

// Each part looks at the first entry of one index.
const GLANCE: &str = "
SELECT EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NULL)
       OR EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL)
       -- What nobody can tell the end of is buried by a look.
       OR EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = 2 AND due IS NULL)
       OR EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = 2 AND due >= '')
       OR EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = 3 AND due IS NULL)
       OR EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = 3 AND due >= ''),
       (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 2),
       (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 3)";

#[cfg(test)]
pub const HOT: &[&str] = &[GLANCE];
