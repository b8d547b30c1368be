//! Where a time axis has its ticks, and what stands at them.

use super::{Day, days};
use crate::readings::Range;
use crate::zone::instant;
use chrono::{DateTime, Datelike as _, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;

/// A tick of a time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Where it is: a round time of the zone's clocks.
    pub at: DateTime<Utc>,
    /// What stands at it: `06:00`, `27 Nov`, `Nov`, `2026`. At a local midnight it is the day.
    pub label: String,
    /// Whether a larger unit begins here than at the others: a day among hours, a year among months.
    pub major: bool,
}

/// How far ticks lie from each other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Minutes(u32),
    /// Days, counted from a Monday.
    Days(i32),
    Months(u32),
    Years(i32),
}

const STEPS: &[Step] = &[
    Step::Minutes(1),
    Step::Minutes(5),
    Step::Minutes(10),
    Step::Minutes(15),
    Step::Minutes(30),
    Step::Minutes(60),
    Step::Minutes(2 * 60),
    Step::Minutes(3 * 60),
    Step::Minutes(6 * 60),
    Step::Minutes(12 * 60),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Years(1),
    Step::Years(2),
    Step::Years(5),
    Step::Years(10),
    Step::Years(50),
    Step::Years(100),
    Step::Years(500),
    Step::Years(1000),
];

/// The ticks of a range: as many as fit, and no more than so many, in order. Steps of hours and less
/// begin anew at each local midnight; days and longer ones are at local midnights. Where clocks are set
/// back, a time that comes twice has one tick.
pub fn ticks(range: &Range, zone: Tz, at_most: usize) -> Vec<Tick> {
    let steps = STEPS.iter().filter(|step| step.may_fit(range, at_most));
    let mut ticks = steps.map(|step| step.ticks(range, zone));
    ticks.find(|ticks| ticks.len() <= at_most).unwrap_or_default()
}

impl Step {
    /// Whether so many ticks could be enough, by what is known without the zone: no day is longer than
    /// 27 hours. Saves the counting of a century's minutes.
    fn may_fit(self, range: &Range, at_most: usize) -> bool {
        let longest = match self {
            Self::Minutes(minutes) => TimeDelta::minutes(minutes.into()) + TimeDelta::hours(3),
            Self::Days(days) => TimeDelta::days(i64::from(days) + 2),
            Self::Months(months) => TimeDelta::days(i64::from(months) * 31 + 2),
            Self::Years(years) => TimeDelta::days(i64::from(years) * 366 + 2),
        };
        let fewest = range.length().num_minutes() / longest.num_minutes().max(1);
        usize::try_from(fewest).is_ok_and(|fewest| fewest <= at_most + 1)
    }

    fn ticks(self, range: &Range, zone: Tz) -> Vec<Tick> {
        let days = days(range, zone);
        let ticks: Vec<_> = match self {
            Self::Minutes(minutes) => days.flat_map(|day| of_day(&day, minutes, zone)).collect(),
            _ => days.filter(|day| self.begins(day)).map(|day| self.tick(&day)).collect(),
        };
        ticks.into_iter().filter(|tick| range.holds(tick.at)).collect()
    }

    fn begins(self, day: &Day) -> bool {
        let date = day.date;
        match self {
            Self::Minutes(_) => true,
            // Day 1 of the common era was a Monday.
            Self::Days(step) => (date.num_days_from_ce() - 1).rem_euclid(step) == 0,
            Self::Months(step) => date.day() == 1 && date.month0().is_multiple_of(step),
            Self::Years(step) => date.ordinal() == 1 && date.year().rem_euclid(step) == 0,
        }
    }

    fn tick(self, day: &Day) -> Tick {
        let new_year = day.date.ordinal() == 1;
        let (form, major) = match self {
            Self::Minutes(_) => ("%-d %b", true),
            Self::Days(_) => ("%-d %b", new_year),
            Self::Months(_) if !new_year => ("%b", false),
            Self::Months(_) => ("%Y", true),
            Self::Years(_) => ("%Y", false),
        };
        Tick { at: day.from, label: day.date.format(form).to_string(), major }
    }
}

/// The ticks of one day, so many minutes from each other on the clock.
fn of_day(day: &Day, minutes: u32, zone: Tz) -> Vec<Tick> {
    let day_begins = Step::Minutes(minutes).tick(day);
    let times = (1..24 * 60 / minutes).map(|step| step * minutes);
    let ticks = times.filter_map(|minute| {
        let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)?;
        tick_at(day.date.and_time(time), zone).filter(|tick| day.from < tick.at)
    });
    std::iter::once(day_begins).chain(ticks).collect()
}

/// A tick at a time that the clocks show; `None` for one that they leave out.
fn tick_at(local: NaiveDateTime, zone: Tz) -> Option<Tick> {
    let at = instant(local, zone);
    let shown = at.naive_local() == local;
    let label = format!("{:02}:{:02}", local.hour(), local.minute());
    shown.then(|| Tick { at: at.to_utc(), label, major: false })
}
