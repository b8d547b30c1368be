//! The stretch of time that a page of readings shows, and into how many cells it is divided.

use crate::error::{Error, Kind, Result};
use crate::readings::Range;
use crate::times;
use crate::zone::instant;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, Utc};
use chrono_tz::Tz;

/// How people write a time of day in an address; a browser's field leaves the seconds out.
const LOCAL_FORMS: [&str; 3] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"];

/// How many cells a chart has at most: about as many as a screen has pixels for.
const MOST_CELLS: i64 = 400;

/// How long a cell may be, in seconds: what divides hours, days or weeks.
const CELLS: [i64; 17] = [
    1,
    5,
    10,
    30,
    60,
    2 * 60,
    5 * 60,
    10 * 60,
    30 * 60,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    28 * DAY,
];
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A range that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preset {
    /// What it is called in an address.
    pub(super) key: &'static str,
    /// What a person calls it.
    pub(super) name: &'static str,
    /// How long it is, and how long each of its cells is.
    seconds: i64,
    cell: i64,
}

/// The ranges that end now; the first is shown where none is named.
pub(super) const PRESETS: [Preset; 4] = [
    Preset { key: "24h", name: "24 h", seconds: DAY, cell: 5 * 60 },
    Preset { key: "7d", name: "7 d", seconds: 7 * DAY, cell: 30 * 60 },
    Preset { key: "30d", name: "30 d", seconds: 30 * DAY, cell: 2 * HOUR },
    Preset { key: "1y", name: "1 y", seconds: 365 * DAY, cell: DAY },
];

impl Preset {
    /// The range by this name.
    ///
    /// # Errors
    /// `Usage` with the names that there are.
    pub(super) fn named(key: &str) -> Result<Self> {
        PRESETS.into_iter().find(|preset| preset.key == key).ok_or_else(|| {
            let known = PRESETS.map(|preset| format!("`{}`", preset.key)).join(", ");
            Error::new(Kind::Usage, format!("there is no range `{}`", shown(key))).hint(format!(
                "`range=` is one of {known}; any other one is told by `from=` and `to=`"
            ))
        })
    }

    /// The range at this moment. It ends with the cell of the zone's clocks that runs now, so that
    /// cells are round times.
    pub(super) fn ending(&self, now: DateTime<Utc>, zone: Tz) -> Option<Span> {
        let offset = i64::from(now.with_timezone(&zone).offset().fix().local_minus_utc());
        let local = now.timestamp() + offset;
        let end = (local.div_euclid(self.cell) + 1) * self.cell - offset;
        let to = DateTime::from_timestamp(end, 0)?;
        let range = Range::back_from(to, TimeDelta::seconds(self.seconds))?;
        Some(Span { range, cells: (self.seconds / self.cell) as usize })
    }
}

/// A range of time, and into how many cells it is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range,
    pub(super) cells: usize,
}

impl Span {
    /// What lies between two times as people write them.
    ///
    /// # Errors
    /// `Usage` for what is no time, or is not the later one.
    pub(super) fn between(from: &str, to: &str, zone: Tz) -> Result<Self> {
        let (start, end) = (moment("from", from, zone)?, moment("to", to, zone)?);
        let range = Range::new(start, end).ok_or_else(|| {
            let what = format!("`{}` is not before `{}`", shown(from), shown(to));
            Error::new(Kind::Usage, what).hint("the first time is the earlier one: change both")
        })?;
        Ok(Self { range, cells: cells(range) })
    }
}

/// As many cells as there is room for, each of a round length.
fn cells(range: Range) -> usize {
    let seconds = range.length().num_seconds().max(1);
    let cell = CELLS.into_iter().find(|cell| seconds / cell <= MOST_CELLS);
    cell.map_or(MOST_CELLS, |cell| (seconds / cell).max(1)) as usize
}

/// A moment as people write it: by the clocks of the zone, with an offset of its own, or as a day.
fn moment(field: &str, text: &str, zone: Tz) -> Result<DateTime<Utc>> {
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let local = LOCAL_FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let local = local.or_else(|| Some(day()?.and_time(NaiveTime::MIN)));
    let local = local.map(|local| instant(local, zone).to_utc());
    local
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()))
        .filter(|at| times::is_carried(*at))
        .ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{field}={}` is no time", shown(text)))
                .hint("a time is written as 2026-03-01T06:00, or as a day, 2026-03-01")
        })
}

/// What somebody has written in an address, as it may stand in an error.
fn shown(text: &str) -> String {
    crate::text::one_line(text, 40)
}
