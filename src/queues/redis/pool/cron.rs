//! When the clock enqueues a job: six fields with the seconds first, or a descriptor, as both readers
//! of the original understand them.
//!
//! The original has two: one reads five fields as seconds to months, the other as minutes to days of
//! the week. What they do not agree on is refused.

use crate::error::{Error, Kind, Result};
use chrono::{DateTime, Datelike as _, Timelike as _};
use chrono_tz::Tz;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field: what it is called, its least and greatest value, and names for values from the least.
struct Field {
    noun: &'static str,
    least: u32,
    greatest: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field { noun: "second", least: 0, greatest: 59, names: &[] },
    Field { noun: "minute", least: 0, greatest: 59, names: &[] },
    Field { noun: "hour", least: 0, greatest: 23, names: &[] },
    Field { noun: "day of the month", least: 1, greatest: 31, names: &[] },
    Field { noun: "month", least: 1, greatest: 12, names: &MONTHS },
    Field { noun: "day of the week", least: 0, greatest: 6, names: &DAYS },
];

/// The values of a field that are meant, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::queues::redis) struct Values {
    bits: u64,
    /// Whether they were written `*` or `?`.
    star: bool,
    /// Whether they were written with a star and a step above 1, which one reader takes for a star.
    stepped: bool,
}

/// When a job is enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::queues::redis) enum Cron {
    /// At the times that six fields mean, from the second to the day of the week.
    Fields(Box<[Values; 6]>),
    /// Whenever so many seconds are over, counted from 1970.
    Every(i64),
}

impl Cron {
    /// Reads `0 30 2 * * *` or `@hourly`.
    ///
    /// # Errors
    /// `Usage`, with the reason.
    pub(in crate::queues::redis) fn parse(text: &str) -> Result<Self> {
        read(text).map_err(|why| {
            Error::new(
                Kind::Usage,
                format!("`{text}` says no time that both versions of gocraft/work agree on"),
            )
            .because_of(why)
            .hint("write six fields, the seconds first: `0 30 2 * * *`, or `@hourly`")
        })
    }

    /// Whether this second of a zone is meant. One that the clock leaps over never comes.
    pub(super) fn means(&self, time: DateTime<Tz>) -> bool {
        let fields = match self {
            Self::Every(seconds) => return time.timestamp().rem_euclid(*seconds) == 0,
            Self::Fields(fields) => fields,
        };
        let day_of_week = time.weekday().num_days_from_sunday();
        let values =
            [time.second(), time.minute(), time.hour(), time.day(), time.month(), day_of_week];
        let [second, minute, hour, day, month, weekday] =
            std::array::from_fn(|at| fields[at].bits >> values[at] & 1 == 1);
        let days = match fields[3].star || fields[5].star {
            true => day && weekday,
            false => day || weekday,
        };
        second && minute && hour && month && days
    }
}

fn read(text: &str) -> Result<Cron, String> {
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        return Err("version 0.5.1 knows no time zone here".to_owned());
    }
    if let Some(name) = text.strip_prefix('@') {
        return descriptor(name);
    }
    let fields: Vec<_> = text.split_whitespace().collect();
    let Ok(fields) = <[&str; 6]>::try_from(fields.as_slice()) else {
        let five = "five fields are seconds to months for one of them, and minutes to days of the week for the other";
        return Err(match fields.len() {
            5 => five.to_owned(),
            count => format!("it has {count} fields"),
        });
    };
    let mut values = [Values { bits: 0, star: false, stepped: false }; 6];
    for ((value, field), text) in values.iter_mut().zip(&FIELDS).zip(fields) {
        *value = field.read(text)?;
    }
    let (day, weekday) = (values[3], values[5]);
    if !day.star && !weekday.star && (day.stepped || weekday.stepped) {
        let why = "a star with a step is any day for one of them, beside a day of the other kind";
        return Err(why.to_owned());
    }
    Ok(Cron::Fields(Box::new(values)))
}

fn descriptor(name: &str) -> Result<Cron, String> {
    let fields = match name {
        "yearly" | "annually" => "0 0 0 1 1 *",
        "monthly" => "0 0 0 1 * *",
        "weekly" => "0 0 0 * * 0",
        "daily" | "midnight" => "0 0 0 * * *",
        "hourly" => "0 0 * * * *",
        other => {
            let every = other.strip_prefix("every ").and_then(go_seconds);
            return every.map(Cron::Every).ok_or_else(|| format!("`@{other}` is not known"));
        }
    };
    read(fields)
}

/// The whole seconds of Go's `1h30m`, at least one; `None` where it is none.
fn go_seconds(text: &str) -> Option<i64> {
    let (mut rest, mut seconds) = (text, 0.0_f64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| end + at);
        seconds += number * of_unit(&rest[end..unit])?;
        rest = &rest[unit..];
    }
    // Go's own are 292 years at most.
    let whole = (seconds.is_finite() && seconds < 9e9 && !text.is_empty()).then(|| seconds.floor());
    whole.map(|seconds| (seconds as i64).max(1))
}

/// How many seconds a unit of Go's is.
fn of_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

impl Field {
    fn read(&self, text: &str) -> Result<Values, String> {
        let mut all = Values { bits: 0, star: false, stepped: false };
        for part in text.split(',') {
            let read = self.part(part);
            let part = read.ok_or_else(|| format!("`{text}` is no {}", self.noun))?;
            all.bits |= part.bits;
            all.star |= part.star;
            all.stepped |= part.stepped;
        }
        Ok(all)
    }

    /// Reads `*`, `a`, `a-b`, each with or without `/step`.
    fn part(&self, text: &str) -> Option<Values> {
        let (range, step) = match text.split_once('/') {
            None => (text, None),
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
        };
        let star = matches!(range, "*" | "?");
        let (first, last) = match range.split_once('-') {
            _ if star => (self.least, self.greatest),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let value = self.value(range)?;
                (value, if step.is_some() { self.greatest } else { value })
            }
        };
        let step = step.unwrap_or(1);
        let values = (first..=last).step_by(usize::try_from(step).ok()?);
        let bits = values.fold(0, |bits, value| bits | 1 << value);
        let stepped = star && step > 1;
        (first <= last).then_some(Values { bits, star: star && !stepped, stepped })
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + self.least);
        let value = named.or_else(|| number(text))?;
        (self.least..=self.greatest).contains(&value).then_some(value)
    }
}

/// Digits only: no sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    /// The seconds after a time that are meant, up to another.
    fn times(text: &str, zone: Tz, from: i64, until: i64) -> Vec<i64> {
        let cron = Cron::parse(text).unwrap();
        let means = |at: &i64| cron.means(zone.timestamp_opt(*at, 0).unwrap());
        (from + 1..until).filter(means).collect()
    }

    #[test]
    fn the_originals_own_examples_come_out() {
        let now = 1_468_359_453;
        let seconds = |text| -> Vec<_> {
            times(text, Tz::UTC, now, now + 240).iter().map(|at| at - 1_468_359_000).collect()
        };
        let foo = [478, 480, 509, 538, 540, 569, 598, 600, 629, 658, 660, 689];
        assert_eq!(seconds("0/29 * * * * *"), foo);
        assert_eq!(seconds("3/49 * * * * *"), [472, 483, 532, 543, 592, 603, 652, 663]);
        assert_eq!(
            times("0 */2 * * * *", Tz::UTC, 1_795_289_862, 1_795_290_102),
            [1_795_289_880, 1_795_290_000]
        );
    }

    #[test]
    fn both_days_count_where_one_is_a_star_and_either_where_none_is() {
        let start = Tz::UTC.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap().timestamp() - 1;
        let days = |text| -> Vec<_> {
            let times = times(text, Tz::UTC, start, start + 86_400 * 16);
            times.into_iter().map(|at| (at - start) / 86_400 + 1).collect()
        };
        assert_eq!(days("0 0 0 * * mon"), [1, 8, 15]);
        assert_eq!(days("0 0 0 3,4 * ?"), [3, 4]);
        assert_eq!(days("0 0 0 3 JUN Tue-wed"), [2, 3, 9, 10, 16]);
        assert_eq!(days("@weekly"), [7, 14]);
        assert_eq!(days("0 0 0 */5 * *"), [1, 6, 11, 16]);
    }

    #[test]
    fn an_hour_that_the_clock_leaps_over_is_left_out() {
        let start = Tz::Europe__Berlin.with_ymd_and_hms(2026, 3, 29, 0, 0, 0).unwrap().timestamp();
        let that_day = times("0 30 2 * * *", Tz::Europe__Berlin, start, start + 86_400 - 3600);
        assert!(that_day.is_empty(), "{that_day:?}");
        let all = times("0 30 2 * * *", Tz::Europe__Berlin, start, start + 2 * 86_400);
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, seconds) in
            [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("1ms", 1), ("2m0.9s", 120), ("10us", 1)]
        {
            let every = Cron::parse(&format!("@every {text}")).unwrap();
            assert_eq!(every, Cron::Every(seconds), "{text}");
        }
        assert_eq!(times("@every 1m", Tz::UTC, 59, 181), [60, 120, 180]);
    }

    #[test]
    fn what_both_do_not_agree_on_is_refused() {
        for text in [
            "30 2 * * *",
            "TZ=UTC 0 30 2 * * *",
            "CRON_TZ=UTC 0 30 2 * * *",
            "0 0 0 */2 * mon",
            "0 0 0 1 * */2",
            "0 0 0 * * 7",
            "60 * * * * *",
            "* * * *",
            "0 0 0 5-2 * *",
            "0 0 0 * foo *",
            "*/0 * * * * *",
            "+1 * * * * *",
            "@never",
            "@every",
            "@every 5",
            "@every m",
            "",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }
}
