//! When `publish` reads: once, as if at a time, or at the times of a schedule.

use super::Publish;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::schedule::Schedule;
use crate::{sources, times};
use chrono::{DateTime, Utc};

impl Publish {
    /// The times of `--every`, where the source can be asked again.
    pub(super) fn schedule(&self, source: &Location) -> Result<Option<Schedule>> {
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
        let schedule = Schedule::parse(expression, self.timezone)?;
        schedule.first(Clock::system().now())?;
        Ok(Some(schedule))
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
