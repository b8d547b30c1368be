//! The time that a row tells, as an instant: purely.

use crate::times;
use crate::zone::instant;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use chrono_tz::Tz;

/// The forms of a time of day, and of a date with one.
const TIMES: [&str; 2] = ["%H:%M:%S%.f", "%H:%M"];
const DATES: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

/// The instant of a time of day on this day, of a date and time in this zone, or of a time with an
/// offset.
///
/// # Errors
/// Why it is none, without the text itself.
pub(super) fn moment(
    text: &str,
    date: Option<NaiveDate>,
    zone: Tz,
) -> Result<DateTime<Tz>, &'static str> {
    let has_date = matches!(text.as_bytes().get("2026-11-26".len()), Some(b'T' | b' '));
    let moment = match has_date.then(|| DateTime::parse_from_rfc3339(text)) {
        None => in_zone(time_of_day(text, date)?, zone)?,
        Some(Ok(instant)) => instant.with_timezone(&zone),
        Some(Err(_)) => in_zone(date_and_time(text)?, zone)?,
    };
    match times::is_carried(moment.to_utc()) {
        true => Ok(moment),
        false => Err("is not in the years 0000 to 9999"),
    }
}

fn time_of_day(text: &str, date: Option<NaiveDate>) -> Result<NaiveDateTime, &'static str> {
    let time = TIMES.iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
    let time = time.ok_or("is no time of day, as `18:53:00`, and no date with one")?;
    let date = date.ok_or("is a time without a date: have the query take `:from` and `:to`")?;
    Ok(date.and_time(time))
}

fn date_and_time(text: &str) -> Result<NaiveDateTime, &'static str> {
    let whole = DATES.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    whole.ok_or("is no date with a time")
}

/// The instant of a time that a zone's clocks may show.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Result<DateTime<Tz>, &'static str> {
    let has_year = times::is_carried(local.and_utc());
    let is_whole = local.nanosecond() < 1_000_000_000;
    match has_year && is_whole {
        true => Ok(instant(local, zone)),
        false => Err("is no time that clocks show"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, date: Option<&str>) -> Result<String, &'static str> {
        let date = date.map(|date| date.parse().unwrap());
        moment(text, date, Tz::Asia__Tokyo).map(|moment| moment.to_rfc3339())
    }

    #[test]
    fn a_time_of_day_is_one_of_its_day() {
        for (text, expected) in [
            ("18:53:00", "2026-11-26T18:53:00+09:00"),
            ("18:53", "2026-11-26T18:53:00+09:00"),
            ("00:00:00", "2026-11-26T00:00:00+09:00"),
            ("18:53:00.250000", "2026-11-26T18:53:00.250+09:00"),
            ("2026-11-27 18:53:00", "2026-11-27T18:53:00+09:00"),
            ("2026-11-27T18:53:00", "2026-11-27T18:53:00+09:00"),
            ("2026-11-26T09:53:00+00:00", "2026-11-26T18:53:00+09:00"),
            ("2026-11-26T09:53:00Z", "2026-11-26T18:53:00+09:00"),
        ] {
            assert_eq!(told(text, Some("2026-11-26")).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        for text in ["", "soon", "838:59:59", "-01:00:00", "24:00:00", "1853", "2026-11-26"] {
            let why = told(text, Some("2026-11-26")).unwrap_err();
            assert!(why.starts_with("is no time of day"), "{text}: {why}");
        }
        assert!(told("18:53:00", None).unwrap_err().contains("a time without a date"));
        for text in ["23:59:60", "+12000-01-01 00:00:00", "0000-00-00 00:00:00"] {
            assert!(told(text, Some("2026-11-26")).is_err(), "{text}");
        }
        let why = told("0000-01-01T00:00:00+01:00", None).unwrap_err();
        assert_eq!(why, "is not in the years 0000 to 9999");
    }
}
