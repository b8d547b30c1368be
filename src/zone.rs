//! The times that a zone's clocks show, and their instants: pure arithmetic.
//!
//! A zone's clocks leave some times out and show others twice. Here each time of a day has one
//! instant: one that is left out has the first instant after the gap, one that comes twice has the
//! first of both. A day that a zone leaves out as a whole has no instant at all.

use chrono::{
    DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _, TimeDelta,
    TimeZone as _, Utc,
};
use chrono_tz::Tz;

/// How far a zone's clocks are from UTC at most, with room: they lead by 14 hours somewhere, and
/// trailed by nearly 16 once.
const FARTHEST: TimeDelta = TimeDelta::hours(26);

/// The instant of a time that a zone's clocks show.
pub fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Tz> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(one) | MappedLocalTime::Ambiguous(one, _) => one,
        MappedLocalTime::None => end_of_gap(local, zone),
    }
}

/// The instant at which a day begins: usually that of its midnight.
pub fn start_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    instant(date.and_time(NaiveTime::MIN), zone).to_utc()
}

/// The first instant after the gap in which this time is left out.
fn end_of_gap(local: NaiveDateTime, zone: Tz) -> DateTime<Tz> {
    let (before, after) = (local.and_utc() - FARTHEST, local.and_utc() + FARTHEST);
    let passed = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local() >= local;
    first(before, after, passed).with_timezone(&zone)
}

/// The first second after `before` at which this holds; from then on it holds up to `after`.
pub fn first(
    before: DateTime<Utc>,
    after: DateTime<Utc>,
    holds: impl Fn(DateTime<Utc>) -> bool,
) -> DateTime<Utc> {
    let (mut no, mut yes) = (before, after);
    while yes - no > TimeDelta::seconds(1) {
        let middle = (no + (yes - no) / 2).trunc_subsecs(0);
        match holds(middle) {
            true => yes = middle,
            false => no = middle,
        }
    }
    yes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_its_clocks_begin_it() {
        for (zone, date, start) in [
            ("Asia/Tokyo", "2026-05-01", "2026-04-30T15:00:00Z"),
            // Midnight is left out.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            // Midnight comes twice.
            ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z"),
            // The whole day is left out.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            // Half an hour is left out.
            ("Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30:00Z"),
        ] {
            let zone: Tz = zone.parse().unwrap();
            let start: DateTime<Utc> = start.parse().unwrap();
            assert_eq!(start_of_day(date.parse().unwrap(), zone), start, "{zone} {date}");
        }
    }
}
