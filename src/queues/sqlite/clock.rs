//! The time that leases of an embedded queue are measured by.
//!
//! The time of day may jump while leases run; the monotonic clock never does, and all processes of
//! this machine read the same one until its next start. So a lease is measured by that, and the
//! file says how far it is ahead of it: what a lease's `due` says is the time of day all the same,
//! as long as that does not jump. When it has jumped, the first process that writes moves the
//! leases along with it, all in one transaction: each lasts as long as it would have.
//!
//! The time is read where it decides, inside a transaction: what others have leased while this
//! process waited for its turn would look as if it had begun in the future.

use crate::clock::Clock;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::time::Duration;

/// No lease lasts longer, in milliseconds: a thousand years. No sum of times overflows.
const LONGEST: i64 = 1000 * 366 * 24 * 60 * 60 * 1000;

/// Up to here the two may differ before the leases are moved, and a lease may seem to begin in the
/// future, in milliseconds.
pub const TOLERATED: i64 = 1000;

/// One moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The time of day.
    pub day: i64,
    /// The time that leases are measured by: what an end of a lease is compared with.
    pub lease: i64,
}

impl Now {
    /// By how much whoever writes next moves the leases: the time of day has jumped so far.
    pub fn jump(self) -> i64 {
        let jump = self.day.saturating_sub(self.lease);
        if jump.saturating_abs() <= TOLERATED { 0 } else { jump }
    }

    /// An end of a lease as a time of day.
    pub fn to_day(self, lease_end: i64) -> i64 {
        lease_end.saturating_add(self.day.saturating_sub(self.lease))
    }
}

/// How long a lease is that shall last so long, in milliseconds.
pub fn length(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// The time now, inside a transaction that writes. Moves the leases of the file where the time of
/// day has jumped.
///
/// A lease that begins in the future even so was given before a start of the machine, by a clock
/// that has since been set back: no process holds it, and it has ended.
pub fn now(connection: &Connection, clock: &Clock) -> rusqlite::Result<Now> {
    let (day, monotonic) = (clock.millis(), clock.monotonic());
    let known = ahead(connection, clock)?.map(|ahead| monotonic.saturating_add(ahead));
    if let Some(lease) = known
        && day.saturating_sub(lease).saturating_abs() <= TOLERATED
    {
        return Ok(Now { day, lease });
    }
    let jump = known.map_or(0, |lease| day.saturating_sub(lease));
    connection.execute(MOVE, [jump])?;
    connection.execute(FROM_THE_FUTURE, [day, day.saturating_add(TOLERATED)])?;
    connection.execute("DELETE FROM lease_time", [])?;
    connection.execute(NOTE, params![clock.epoch(), day.saturating_sub(monotonic)])?;
    Ok(Now { day, lease: day })
}

/// The time now, to look at leases; changes nothing.
pub fn look(connection: &Connection, clock: &Clock) -> rusqlite::Result<Now> {
    let day = clock.millis();
    // Older versions have measured leases by the time of day.
    let known = match connection.table_exists(None, "lease_time")? {
        true => ahead(connection, clock)?,
        false => None,
    };
    Ok(Now { day, lease: known.map_or(day, |ahead| clock.monotonic().saturating_add(ahead)) })
}

/// How far leases are ahead of the monotonic clock; `None` where nobody has noted it since the
/// machine was started.
fn ahead(connection: &Connection, clock: &Clock) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(AHEAD)?.query_row([clock.epoch()], |row| row.get(0)).optional()
}

const AHEAD: &str = "SELECT ahead FROM lease_time WHERE epoch = ?1 AND typeof(ahead) = 'integer'";
const NOTE: &str = "INSERT INTO lease_time (epoch, ahead) VALUES (?1, ?2)";
const MOVE: &str = "UPDATE messages SET due = due + ?1 WHERE state = 3";
const FROM_THE_FUTURE: &str = "UPDATE messages SET due = ?1 WHERE state = 3 AND due - span > ?2";

#[cfg(test)]
pub const HOT: &[&str] = &[AHEAD];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::sqlite::schema::SCHEMA;
    use chrono::{DateTime, TimeDelta};

    /// A file with one lease that begins at 1000 and lasts 30 seconds.
    fn file(now: &Now) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        let lease = "INSERT INTO messages (queue, state, id, digest, published_at, remember, due, span, token)
                     VALUES (1, 3, 'a', x'', 0, 0, ?1 + 30000, 30000, 7)";
        connection.execute(lease, [now.lease]).unwrap();
        connection
    }

    /// How long the lease still lasts.
    fn left(connection: &Connection, now: Now) -> i64 {
        let due: i64 =
            connection.query_row("SELECT due FROM messages", [], |row| row.get(0)).unwrap();
        due - now.lease
    }

    #[test]
    fn a_lease_lasts_as_long_whatever_the_time_of_day_does() {
        let (clock, hand) = Clock::manual(DateTime::from_timestamp(1_000_000_000, 0).unwrap());
        let start = Now { day: clock.millis(), lease: clock.millis() };
        let connection = file(&start);
        assert_eq!(now(&connection, &clock).unwrap(), start);
        for (at, jump) in
            [-3, 3, -900, 1000, 3_600_000, -7_200_000, 86_400_000].into_iter().enumerate()
        {
            hand.jump(TimeDelta::milliseconds(jump));
            hand.advance(TimeDelta::seconds(1));
            let expected = 29_000 - 1000 * at as i64;
            let seen = look(&connection, &clock).unwrap();
            assert_eq!(left(&connection, seen), expected, "looked at, {jump}");
            let now = now(&connection, &clock).unwrap();
            assert_eq!(left(&connection, now), expected, "{jump}");
            assert!((now.day - now.lease).abs() <= TOLERATED, "{jump}: {now:?}");
            assert_eq!(now.to_day(now.lease), clock.millis());
        }
    }

    #[test]
    fn after_a_start_of_the_machine_the_time_of_day_decides_and_no_lease_is_from_the_future() {
        let (before, _) = Clock::manual(DateTime::from_timestamp(1_000_000_000, 0).unwrap());
        let start = Now { day: before.millis(), lease: before.millis() };
        for (seconds, expected) in [(-3600, 0), (0, 30_000), (10, 20_000), (3600, -3_570_000)] {
            let connection = file(&start);
            now(&connection, &before).unwrap();
            let day = before.now() + TimeDelta::seconds(seconds);
            let (clock, _) = Clock::manual(day);
            let now = now(&connection, &clock).unwrap();
            assert_eq!(left(&connection, now), expected, "{seconds}");
        }
    }
}
