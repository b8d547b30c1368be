//! The one time that a task shows: from when it can be leased, and then when its lease ends.
//!
//! Clients prove their lease by it, so no two leases of one task may have the same. The file keeps
//! milliseconds; the microseconds are the lease's own, from the end of its token.

use crate::queues::sqlite::clock::Now;
use crate::queues::sqlite::codec::integer;
use crate::queues::sqlite::lease::ENDINGS;
use rusqlite::Row;

/// How many parts of a millisecond a lease may end at: one for each ending of a token.
const PARTS: i64 = ENDINGS;

/// The end of a lease as clients see it, in microseconds: its millisecond, and the token's part.
pub fn of_lease(due: i64, token: i64) -> i64 {
    due.saturating_mul(PARTS).saturating_add(token.rem_euclid(PARTS))
}

/// From when what is not leased can be had, in microseconds: exactly what the caller said, where that
/// is the time which the file keeps.
pub fn of_availability(available_at: i64, not_before: Option<i64>) -> i64 {
    let is_it = |micros: &i64| {
        micros.div_euclid(PARTS) + i64::from(micros.rem_euclid(PARTS) > 0) == available_at
    };
    not_before.filter(is_it).unwrap_or_else(|| available_at.saturating_mul(PARTS))
}

/// From when what was leased can be had: since its lease ended, in milliseconds.
pub fn of_ended(due: i64, now: Now) -> i64 {
    now.to_day(due).min(now.day)
}

/// The `due` and `token` of a leased row, from this column on, as the end in microseconds that whoever
/// proves the lease now must name.
pub fn of_row(row: &Row<'_>, at: usize, now: Now) -> rusqlite::Result<Option<i64>> {
    let (due, token) = (integer(row.get_ref(at)?), integer(row.get_ref(at + 1)?));
    Ok(due.zip(token).map(|(due, token)| of_lease(due.saturating_add(now.jump()), token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leases_that_end_at_one_millisecond_end_apart() {
        assert_eq!(of_lease(5, 1_007), 5_007);
        assert_eq!(of_lease(5, 8), 5_008);
        assert_eq!(of_lease(-3, 999), -2_001);
        assert_eq!(of_lease(i64::MAX, 1), i64::MAX);
    }

    #[test]
    fn a_time_that_was_rounded_up_is_shown_as_it_was_given() {
        assert_eq!(of_availability(2, Some(1_001)), 1_001);
        assert_eq!(of_availability(2, Some(2_000)), 2_000);
        assert_eq!(of_availability(2, Some(2_001)), 2_000);
        assert_eq!(of_availability(3, None), 3_000);
        assert_eq!(of_availability(0, Some(-999)), -999);
    }
}
