//! A cron expression, and the next time that it means.

use crate::error::{Error, Kind, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// When to repeat: five cron fields, or six with the seconds first, in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

impl Schedule {
    /// Parses `*/5 * * * *` or `0 */5 * * * *`.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self> {
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(expression).map_err(|cause| {
            Error::new(Kind::Usage, format!("`{expression}` is not a cron expression"))
                .because(cause)
                .hint("write five fields, or six with the seconds first: `0 */5 * * * *`")
        })?;
        Ok(Self { cron, zone })
    }

    /// The first time after `now`; `None` where the expression has no more.
    pub fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let now = now.with_timezone(&self.zone);
        self.cron.find_next_occurrence(&now, false).ok().map(|next| next.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, now: &str) -> String {
        let schedule = Schedule::parse(expression, Tz::Asia__Tokyo).unwrap();
        schedule.next(now.parse().unwrap()).unwrap().to_rfc3339()
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
    fn the_present_is_not_the_next_time() {
        assert_eq!(next("0 * * * * *", "2026-01-01T00:01:00Z"), "2026-01-01T00:02:00+00:00");
    }

    #[test]
    fn rubbish_is_a_usage_error() {
        for text in ["", "* *", "61 * * * *", "every minute", "* * * * * * * * *"] {
            assert_eq!(Schedule::parse(text, Tz::UTC).unwrap_err().kind(), Kind::Usage, "{text:?}");
        }
    }
}
