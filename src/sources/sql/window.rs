//! Stretches of time as the clocks of a zone show them: pure arithmetic, without a clock of its own.
//!
//! Each time of a day has one instant, whatever a zone's clocks leave out or show twice
//! ([`crate::zone`]): every time of a day lies in exactly one of the windows that follow each other.

use crate::zone::{first, instant};
use chrono::{
    DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _,
    SubsecRound as _, TimeDelta, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A stretch of time: its first instant, and the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

impl Window {
    /// Whether no instant lies in it.
    pub(super) fn is_empty(&self) -> bool {
        self.since >= self.until
    }

    /// Whether this instant lies in it.
    pub(super) fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.since <= instant && instant < self.until
    }

    /// What lies in both.
    fn within(self, since: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self { since: self.since.max(since), until: self.until.min(until) }
    }
}

/// The times of one day that lie in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayPart {
    pub(super) date: NaiveDate,
    /// The first of these times.
    pub(super) from: NaiveTime,
    /// The first time after them; `None` where they last to the day's end.
    pub(super) to: Option<NaiveTime>,
    /// The instants of these times.
    pub(super) window: Window,
}

impl DayPart {
    /// The first time as SQL has it: `18:53:00`.
    pub(super) fn begin_text(&self) -> String {
        self.from.to_string()
    }

    /// The first time after them as SQL has it: `18:54:00`, and `24:00:00` at the day's end.
    pub(super) fn end_text(&self) -> String {
        self.to.map_or_else(|| "24:00:00".to_owned(), |to| to.to_string())
    }
}

/// The times of a window by the days of a zone, in their order.
pub(super) fn day_parts(window: Window, zone: Tz) -> Vec<DayPart> {
    let (from, to) = (shown(window.since, zone), shown(window.until, zone));
    if from >= to {
        return Vec::new();
    }
    let days = from.date().iter_days().take_while(|date| date.and_time(NaiveTime::MIN) < to);
    days.filter_map(|date| day_part(date, from, to, window, zone)).collect()
}

/// The part of a window on this day; `None` where the zone leaves the day out.
fn day_part(
    date: NaiveDate,
    from: NaiveDateTime,
    to: NaiveDateTime,
    window: Window,
    zone: Tz,
) -> Option<DayPart> {
    let (begin, end) = (midnight(date), midnight(date.checked_add_days(Days::new(1))?));
    let day = (instant(begin, zone).to_utc(), instant(end, zone).to_utc());
    (day.0 < day.1).then(|| DayPart {
        date,
        from: from.max(begin).time(),
        to: (to < end).then(|| to.time()),
        window: window.within(day.0, day.1),
    })
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

/// The first time of a zone's clocks whose instant is this one or comes after it.
fn shown(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    let at = at.trunc_subsecs(0);
    let local = naive(at, zone);
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Ambiguous(one, _) if one.to_utc() < at => {
            end_of_doubled(one.to_utc(), at, zone)
        }
        // Right behind a gap: what it leaves out comes now.
        _ => local.min(after_second_before(at, zone)),
    }
}

/// The end of the times that come twice, of which one came at the first of these instants and again
/// at the second.
fn end_of_doubled(one: DateTime<Utc>, again: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    let set_back = offset(again, zone);
    let change = first(one, again, |at| offset(at, zone) == set_back);
    after_second_before(change, zone)
}

/// What the clocks would show if nothing changed them at this instant.
fn after_second_before(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    naive(at - TimeDelta::seconds(1), zone) + TimeDelta::seconds(1)
}

fn naive(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// Seconds that a zone's clocks lead UTC by.
fn offset(at: DateTime<Utc>, zone: Tz) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The minute in which an instant lies, by its first instant.
pub(super) fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    let at = at.trunc_subsecs(0);
    at - TimeDelta::seconds(i64::from(at.second()))
}

#[cfg(test)]
mod tests;
