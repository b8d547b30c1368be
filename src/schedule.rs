//! A cron expression or a descriptor such as `@every 90m`, and the next time that it means.

use crate::error::{Error, Kind, Result};
use crate::units;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// The fields of a cron expression behind the seconds, which may be left out.
const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];
const HINT: &str = "write five fields, or six with the seconds first: `0 */5 * * * *`; or \
                    `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, or `@every 90m`";
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// When to repeat: five cron fields, or six with the seconds first, in a time zone; or a descriptor.
#[derive(Debug, Clone)]
pub struct Schedule {
    expression: String,
    rule: Rule,
    zone: Tz,
}

/// What an expression means.
#[derive(Debug, Clone)]
enum Rule {
    /// The times that fit.
    Cron(Box<Cron>),
    /// Each time that so many seconds are over, counted from 1970: alike on every machine, and however
    /// often a program starts anew.
    Every(i64),
}

impl Schedule {
    /// Parses `*/5 * * * *`, `0 */5 * * * *`, `@hourly` or `@every 90m`.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self> {
        let (expression, trimmed) = (expression.to_owned(), expression.trim());
        let rule = match trimmed.strip_prefix("@every") {
            Some(length) => Rule::Every(seconds(trimmed, length)?),
            None => Rule::Cron(Box::new(fields(&expression)?)),
        };
        Ok(Self { expression, rule, zone })
    }

    /// The first time after `now`; `None` where the expression has no more.
    pub fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.rule {
            Rule::Every(seconds) => {
                let next = now.timestamp().div_euclid(*seconds).checked_add(1)?;
                DateTime::from_timestamp(next.checked_mul(*seconds)?, 0)
            }
            Rule::Cron(cron) => {
                let now = now.with_timezone(&self.zone);
                cron.find_next_occurrence(&now, false).ok().map(|next| next.with_timezone(&Utc))
            }
        }
    }

    /// The first time after `now`.
    ///
    /// # Errors
    /// `Usage` where there is none: no day of any year is meant, or all of them are past.
    pub fn first(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        self.next(now).ok_or_else(|| {
            Error::new(Kind::Usage, format!("the schedule `{}` never comes", self.expression))
                .because_of(why_never(&self.expression))
                .hint("name a day that comes: `0 0 7 * * *` is every morning at seven")
        })
    }
}

/// The seconds of `@every 90m`.
fn seconds(expression: &str, length: &str) -> Result<i64> {
    let failed = || {
        Error::new(Kind::Usage, format!("`{expression}` is not a schedule"))
            .hint("write whole seconds or more: `@every 90m`, `@every 1h30m`")
    };
    if !length.starts_with(char::is_whitespace) {
        return Err(failed().because_of("a length of time stands behind `@every`"));
    }
    let time = units::duration(length.trim()).map_err(|why| failed().because_of(why))?;
    let seconds = i64::try_from(time.as_secs()).ok().filter(|seconds| *seconds > 0);
    let whole = seconds.filter(|_| time.subsec_nanos() == 0);
    whole.ok_or_else(|| failed().because_of("it is no number of whole seconds"))
}

/// The times that five or six fields, or a word, mean.
fn fields(expression: &str) -> Result<Cron> {
    let failed = || Error::new(Kind::Usage, format!("`{expression}` is not a cron expression"));
    if let Some(missing) = missing(expression) {
        return Err(failed().because_of(missing).hint(HINT));
    }
    // gocraft/work and others know both words.
    let known =
        if expression.trim().eq_ignore_ascii_case("@midnight") { "@daily" } else { expression };
    cron(known).map_err(|cause| failed().because(cause).hint(HINT))
}

fn cron(expression: &str) -> Result<Cron, croner::errors::CronError> {
    CronParser::builder().seconds(Seconds::Optional).build().parse(expression)
}

/// What an expression of too few fields leaves out, by name.
fn missing(expression: &str) -> Option<String> {
    let given = expression.split_whitespace().count();
    if given == 0 || given >= FIELDS.len() || expression.trim_start().starts_with('@') {
        return None;
    }
    let (there, missing) = FIELDS.split_at(given);
    Some(format!("it has {} only; missing: {}", there.join(" and "), missing.join(", ")))
}

/// Why no time fits: the first month that is meant has no such day, as far as that is it.
fn why_never(expression: &str) -> String {
    let fields: Vec<_> = expression.split_whitespace().collect();
    let at = usize::from(fields.len() > FIELDS.len());
    let never = || "no day that is still to come fits it".to_owned();
    let (Some(days), Some(months)) = (fields.get(at + 2), fields.get(at + 3)) else {
        return never();
    };
    // A leap year, so that each month has all its days.
    let date = |month, day| NaiveDate::from_ymd_opt(2000, month, day);
    let fits = |expression: String, date: Option<NaiveDate>| {
        let time = date.and_then(|date| date.and_hms_opt(0, 0, 0)).map(|time| time.and_utc());
        let cron = cron(&expression).ok().zip(time);
        cron.is_some_and(|(cron, time)| cron.is_time_matching(&time).unwrap_or(false))
    };
    let month = (1..=12).find(|month| fits(format!("* * * {months} *"), date(*month, 1)));
    let day = (1..=31).find(|day| fits(format!("* * {days} * *"), date(1, *day)));
    match month.zip(day) {
        Some((month, day)) if date(month, day).is_none() => {
            format!(
                "{} has no {day}{}",
                MONTHS[month as usize - 1],
                ["st", "th"][usize::from(day == 30)]
            )
        }
        _ => never(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, now: &str) -> String {
        let schedule = Schedule::parse(expression, Tz::Asia__Tokyo).unwrap();
        schedule.next(now.parse().unwrap()).unwrap().to_rfc3339()
    }

    fn refusal(expression: &str) -> String {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let refused = Schedule::parse(expression, Tz::UTC).and_then(|it| it.first(now));
        let error = refused.expect_err(expression);
        assert_eq!(error.kind(), Kind::Usage, "{expression:?}");
        error.one_line()
    }

    #[test]
    fn five_and_six_fields_are_understood() {
        assert_eq!(next("*/5 * * * *", "2026-01-01T00:01:00Z"), "2026-01-01T00:05:00+00:00");
        assert_eq!(next("30 */5 * * * *", "2026-01-01T00:00:00Z"), "2026-01-01T00:00:30+00:00");
    }

    #[test]
    fn the_hour_is_that_of_the_time_zone() {
        assert_eq!(next("0 0 7 * * *", "2026-01-01T00:00:00Z"), "2026-01-01T22:00:00+00:00");
    }

    #[test]
    fn a_descriptor_is_understood() {
        for (descriptor, time) in [
            ("@hourly", "2026-01-01T02:00:00+00:00"),
            ("@daily", "2026-01-01T15:00:00+00:00"),
            ("@midnight", "2026-01-01T15:00:00+00:00"),
            ("@weekly", "2026-01-03T15:00:00+00:00"),
            ("@monthly", "2026-01-31T15:00:00+00:00"),
            ("@yearly", "2026-12-31T15:00:00+00:00"),
            ("@annually", "2026-12-31T15:00:00+00:00"),
            ("@every 1h30m", "2026-01-01T01:30:00+00:00"),
            (" @every  90m ", "2026-01-01T01:30:00+00:00"),
            ("@every 7s", "2026-01-01T01:00:05+00:00"),
        ] {
            assert_eq!(next(descriptor, "2026-01-01T01:00:00.5Z"), time, "{descriptor}");
        }
    }

    #[test]
    fn a_descriptor_that_means_nothing_is_refused() {
        for (descriptor, why) in [
            ("@every", "a length of time stands behind"),
            ("@every5m", "a length of time stands behind"),
            ("@every soon", "is not a schedule: "),
            ("@every 0s", "no number of whole seconds"),
            ("@every 1500ms", "no number of whole seconds"),
            ("@every 300000000000y", "is not a schedule: "),
            ("@every -5m", "is not a schedule: "),
            ("@fortnightly", "is not a cron expression"),
        ] {
            let told = refusal(descriptor);
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn the_present_is_not_the_next_time() {
        assert_eq!(next("0 * * * * *", "2026-01-01T00:01:00Z"), "2026-01-01T00:02:00+00:00");
    }

    #[test]
    fn rubbish_is_a_usage_error() {
        for text in ["", " ", "* *", "61 * * * *", "every minute", "* * * * * * * * *", "@never"] {
            assert!(refusal(text).contains("is not a cron expression"), "{text:?}");
        }
    }

    #[test]
    fn a_schedule_that_lacks_fields_is_told_which() {
        assert_eq!(
            refusal("30 2"),
            "`30 2` is not a cron expression: it has minute and hour only; missing: day of the \
             month, month, day of the week"
        );
        assert!(refusal("30 2 * *").ends_with("missing: day of the week"));
    }

    #[test]
    fn a_schedule_that_never_comes_is_told_why() {
        for (expression, why) in [
            ("0 0 31 2 *", "February has no 31st"),
            ("0 0 0 30 2 *", "February has no 30th"),
            ("0 0 31 4,6,9,11 *", "April has no 31st"),
            ("0 0 30,31 FEB *", "February has no 30th"),
        ] {
            let expected = format!("the schedule `{expression}` never comes: {why}");
            assert_eq!(refusal(expression), expected);
        }
        assert!(refusal("0 0 0 1 1 * 2020").ends_with("no day that is still to come fits it"));
    }

    #[test]
    fn a_schedule_that_comes_seldom_comes() {
        let schedule = Schedule::parse("0 0 29 2 *", Tz::UTC).unwrap();
        let first = schedule.first("2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(first.to_rfc3339(), "2028-02-29T00:00:00+00:00");
    }
}
