//! Days, nights and ticks of a time axis, as the clocks of one zone show them: purely.

mod ticks;

pub use ticks::{Tick, ticks};

use super::Range;
use crate::zone::{instant, start_of_day};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// The hours of a day at which its night begins, and at which the night before it has ended.
const NIGHT: (u32, u32) = (18, 6);

/// A day as a zone's clocks show it: 23 or 25 hours long where they are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day's name.
    pub date: NaiveDate,
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The moment at which the next day begins.
    pub to: DateTime<Utc>,
}

/// The days of a zone that a range has a part in, whole and in order; each begins where the one before
/// it ends. A day that the zone leaves out is not among them.
pub fn days(range: &Range, zone: Tz) -> impl Iterator<Item = Day> + use<> {
    let (from, to) = (range.from(), range.to());
    let days = dates(range, zone).filter_map(move |date| day(date, zone));
    days.skip_while(move |day| day.to <= from).take_while(move |day| day.from < to)
}

/// The days' names around a range, with room for clocks that were set back over midnight.
fn dates(range: &Range, zone: Tz) -> impl Iterator<Item = NaiveDate> + use<> {
    let first = range.from().with_timezone(&zone).date_naive();
    first.pred_opt().unwrap_or(first).iter_days()
}

fn day(date: NaiveDate, zone: Tz) -> Option<Day> {
    let next = date.checked_add_days(Days::new(1))?;
    let (from, to) = (start_of_day(date, zone), start_of_day(next, zone));
    (from < to).then_some(Day { date, from, to })
}

/// The nights of a zone in a range, from 18 to 6 o'clock, cut to the range and in order.
pub fn nights(range: &Range, zone: Tz) -> Vec<Range> {
    let night = |date: NaiveDate| {
        let next = date.checked_add_days(Days::new(1))?;
        let (evening, morning) =
            (date.and_hms_opt(NIGHT.0, 0, 0)?, next.and_hms_opt(NIGHT.1, 0, 0)?);
        let from = instant(evening, zone).to_utc().max(range.from());
        Range::new(from, instant(morning, zone).to_utc().min(range.to()))
    };
    let last = range.to().with_timezone(&zone).date_naive();
    dates(range, zone).take_while(|date| *date <= last).filter_map(night).collect()
}

/// How a moment is told beside others of a range: by the clock where the range is a few days, with the
/// day where it is longer, with the year where it is longer than one.
pub fn told(at: DateTime<Utc>, range: &Range, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    let form = match range.length() {
        length if length <= TimeDelta::hours(26) => "%H:%M",
        length if length <= TimeDelta::days(366) && same_year(range, zone) => "%-d %b %H:%M",
        _ => "%-d %b %Y %H:%M",
    };
    local.format(form).to_string()
}

fn same_year(range: &Range, zone: Tz) -> bool {
    let year = |at: DateTime<Utc>| at.with_timezone(&zone).year();
    year(range.from()) == year(range.to())
}

#[cfg(test)]
mod tests;
