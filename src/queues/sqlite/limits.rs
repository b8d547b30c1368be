//! How often, and for how long, a message may be leased, as the file keeps it.

use crate::queues::RetryLimits;
use rusqlite::{Connection, OptionalExtension as _, Row};
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
        retry_limits(self.leases, self.age).unwrap_or_default()
    }
}

/// Limits as two columns have them: how many leases, and milliseconds.
pub fn retry_limits(leases: Option<i64>, age: Option<i64>) -> Option<RetryLimits> {
    let leases = leases.and_then(|it| u32::try_from(it).ok());
    let age = age.and_then(|it| u64::try_from(it).ok()).map(Duration::from_millis);
    (leases.is_some() || age.is_some()).then_some(RetryLimits { leases, age })
}

/// Limits as two columns keep them.
pub fn columns(limits: RetryLimits) -> (Option<u32>, Option<i64>) {
    let millis = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    (limits.leases, limits.age.map(millis))
}

const LIMITS: &str = "SELECT retry_limit, age_limit, paused FROM queues WHERE id = ?1";

#[cfg(test)]
pub const HOT: &[&str] = &[LIMITS];
