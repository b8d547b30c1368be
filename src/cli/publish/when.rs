//! When `publish` reads: once, as if at a time, or at the times of a schedule.

use super::Publish;
use crate::cli::timezone;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::schedule::Schedule;
use crate::{sources, times};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

impl Publish {
    /// The times of `--every`, where the source can be asked again.
    pub(super) fn schedule(
        &self,
        source: &Location,
        environment: &Environment,
    ) -> Result<Option<Schedule>> {
        let Some(expression) = &self.every else { return Ok(None) };
        let scheme = source.scheme();
        if !sources::repeats(source) {
            return Err(Error::new(Kind::Usage, format!("`--every` does not go with `{scheme}:`"))
                .because_of(format!("{scheme} is read once, to its end"))
                .hint("give a source that can be asked again, or leave `--every` out"));
        }
        if sources::watches(source) {
            let what = format!("`--every` does not go with a `{scheme}:` that watches");
            return Err(Error::new(Kind::Usage, what)
                .because_of("such a source stays by itself")
                .hint("leave one of the two out"));
        }
        let schedule = Schedule::parse(expression, self.zone())?;
        let first = schedule.first(Clock::system().now())?;
        self.tell_zone(expression, first, timezone::of(None, environment)?);
        Ok(Some(schedule))
    }

    /// The zone of readings and of times.
    pub(super) fn zone(&self) -> Tz {
        self.timezone.unwrap_or(Tz::Asia__Tokyo)
    }

    /// Says in which zone the times are, where nobody said it and this machine's own would give others.
    fn tell_zone(&self, expression: &str, first: DateTime<Utc>, machine: Tz) {
        let zone = self.zone();
        let Ok(there) = Schedule::parse(expression, machine) else { return };
        let same = there.next(Clock::system().now()) == Some(first);
        if self.timezone.is_none() && !same {
            tracing::warn!(
                "the times of `--every` are those of {zone}, not of this machine's zone, {machine}; \
                 `--timezone {machine}` makes them these"
            );
        }
    }

    /// Refuses `--at` where it would change nothing.
    pub(super) fn refuse_idle_time(&self, source: &Location) -> Result<()> {
        if self.at.is_none() || sources::follows_the_clock(source) {
            return Ok(());
        }
        let scheme = source.scheme();
        Err(Error::new(Kind::Usage, format!("`--at` does not go with `{scheme}:`"))
            .because_of(format!("what {scheme} gives does not depend on the time of day"))
            .hint("leave `--at` out, or read from a database: `sql:...`"))
    }

    /// Whether the run stays, and ends by a signal only.
    pub(super) fn stays(&self, source: &Location) -> bool {
        self.every.is_some() || sources::watches(source)
    }
}

/// Parses a time with its offset.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let example = "2026-11-26T17:53:00+09:00";
    times::parse(text).ok_or_else(|| format!("write it with its offset from UTC: {example}"))
}
