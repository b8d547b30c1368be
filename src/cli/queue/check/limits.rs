//! What `queue check` holds a pipeline to: how old, how much, how many.

use super::super::format::time;
use crate::queues::Stats;
use crate::sinks::freshness::Newest;
use crate::spool::Spooled;
use crate::units;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// The limits that were asked for.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Limits {
    /// How old the oldest message of the queue may be that is not dead: `15m`; `10m,15m` warns first
    ///
    /// Every limit may be two: above the first it warns, and above the second it is broken.
    #[arg(long, value_name = "TIME", value_parser = Limit::of_time)]
    pub(super) max_age: Option<Limit>,

    /// How many messages may be ready
    #[arg(long, value_name = "N", value_parser = Limit::of_count)]
    pub(super) max_ready: Option<Limit>,

    /// How many dead letters there may be, in the queue and in its spool
    #[arg(long, value_name = "N", value_parser = Limit::of_count)]
    pub(super) max_dead: Option<Limit>,

    /// How many messages may wait in the spool of `publish` for the queue
    #[arg(long, value_name = "N", value_parser = Limit::of_count)]
    pub(super) max_spooled: Option<Limit>,

    /// How long ago something must have been stored in the sink, at most: `15m`
    ///
    /// The sink is `--to`. The embedded store knows when it stored what; of MongoDB it is the newest
    /// time that a key holds.
    #[arg(long, value_name = "TIME", value_parser = Limit::of_time)]
    pub(super) stored_within: Option<Limit>,

    /// The spool of `publish`, of which is counted what is meant for this queue. Default:
    /// `spool.db` in the user's data folder
    #[arg(long, value_name = "PATH")]
    pub(super) spool: Option<PathBuf>,
}

impl Limits {
    /// Whether anything is measure to a limit.
    pub(super) fn any(&self) -> bool {
        self.of_the_queue() || self.max_spooled.is_some() || self.stored_within.is_some()
    }

    /// Whether the queue must be asked.
    pub(super) fn of_the_queue(&self) -> bool {
        [self.max_age, self.max_ready, self.max_dead].iter().any(Option::is_some)
    }
}

/// A limit: a number that something may have, and one before it that is a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) warning: Option<u64>,
    pub(super) most: u64,
}

impl Limit {
    /// Whole seconds, as a time or two are written.
    fn of_time(text: &str) -> Result<Self, String> {
        Self::parse(text, |text| match units::duration(text)? {
            time if time < Duration::from_secs(1) => Err("must be at least 1s".to_owned()),
            time => Ok(time.as_secs()),
        })
    }

    /// A number, or two.
    fn of_count(text: &str) -> Result<Self, String> {
        Self::parse(text, |text| text.parse().map_err(|cause| format!("{cause}")))
    }

    fn parse(text: &str, one: impl Fn(&str) -> Result<u64, String>) -> Result<Self, String> {
        match text.split_once(',') {
            None => Ok(Self { warning: None, most: one(text.trim())? }),
            Some((warning, most)) => match (one(warning.trim())?, one(most.trim())?) {
                (warning, most) if warning <= most => Ok(Self { warning: Some(warning), most }),
                _ => Err("the warning comes first, and is the smaller one".to_owned()),
            },
        }
    }

    fn judge(self, value: u64) -> Health {
        match value {
            value if value > self.most => Health::Broken,
            value if self.warning.is_some_and(|warning| value > warning) => Health::Warning,
            _ => Health::Ok,
        }
    }
}

/// How something stands to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Health {
    /// The limit is kept, or there is none.
    Ok,
    /// The limit is kept, and the warning before it is not.
    Warning,
    /// Nobody can tell.
    Unknown,
    /// The limit is broken.
    Broken,
}

/// What is counted, and in what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    Age,
    Ready,
    Dead,
    Spooled,
    Stored,
}

impl What {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Ready => "ready",
            Self::Dead => "dead",
            Self::Spooled => "spooled",
            Self::Stored => "stored",
        }
    }

    /// Whether it is a time in seconds.
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Age | Self::Stored)
    }

    /// What is said of so many, or of so long a time.
    fn words(self, value: u64) -> String {
        let so_long = about(value);
        let (one, many) = match self {
            Self::Age => return format!("the oldest message is {so_long} old"),
            Self::Stored => return format!("something was stored {so_long} ago"),
            Self::Ready => ("message is ready", "messages are ready"),
            Self::Dead => ("dead letter", "dead letters"),
            Self::Spooled => ("message waits in the spool", "messages wait in the spool"),
        };
        format!("{value} {}", if value == 1 { one } else { many })
    }
}

/// One thing, and how it stands to its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) what: What,
    /// How many, or how many seconds; `None` where there is nothing, or nobody knows.
    pub(super) value: Option<u64>,
    pub(super) limit: Option<Limit>,
    pub(super) health: Health,
    /// How it is, for a person, on one line.
    pub(super) words: String,
}

impl Measure {
    fn new(what: What, value: u64, limit: Option<Limit>) -> Self {
        let health = limit.map_or(Health::Ok, |limit| limit.judge(value));
        Self { what, value: Some(value), limit, health, words: what.words(value) }.with_limit()
    }

    fn without_value(what: What, limit: Option<Limit>, health: Health, words: &str) -> Self {
        let health = limit.map_or(Health::Ok, |_| health);
        Self { what, value: None, limit, health, words: words.to_owned() }
    }

    /// Adds the limit to the words, where that is what matters.
    fn with_limit(mut self) -> Self {
        let most = self.limit.and_then(|limit| match self.health {
            Health::Broken => Some(("at most", limit.most)),
            Health::Warning => limit.warning.map(|warning| ("it warns above", warning)),
            _ => None,
        });
        if let Some((how, most)) = most {
            let most = match self.what.is_time() {
                true => about(most),
                false => most.to_string(),
            };
            self.words += &format!(", {how} {most}");
        }
        self
    }
}

/// A time in words, from its seconds; of what is long, the end is left out.
fn about(seconds: u64) -> String {
    let unit = match seconds {
        0..3600 => 1,
        3600..86_400 => 60,
        86_400..2_592_000 => 3600,
        _ => 86_400,
    };
    time(Duration::from_secs(seconds - seconds % unit))
}

/// How the counts of a queue stand to their limits.
pub(super) fn of_queue(stats: &Stats, spool: Spooled, limits: &Limits) -> Vec<Measure> {
    let why = stats.unknown.unwrap_or("the queue does not tell");
    let untold = |what: What, limit| {
        Measure::without_value(what, limit, Health::Unknown, &unknown(what, why))
    };
    let of = |what, value: Option<u64>, limit| match value {
        Some(value) => Measure::new(what, value, limit),
        None => untold(what, limit),
    };
    let age = match (stats.oldest_seconds, stats.messages()) {
        (None, Some(0)) => {
            Measure::without_value(What::Age, limits.max_age, Health::Ok, "no message waits")
        }
        (age, _) => of(What::Age, age, limits.max_age),
    };
    let dead = stats.dead.map(|dead| dead + spool.dead);
    vec![age, of(What::Ready, stats.ready, limits.max_ready), of(What::Dead, dead, limits.max_dead)]
}

fn unknown(what: What, why: &str) -> String {
    let of = match what {
        What::Age => "how old the oldest message is",
        What::Ready => "how many messages are ready",
        What::Dead => "how many dead letters there are",
        What::Spooled => "how many messages wait in the spool",
        What::Stored => "when something was stored",
    };
    format!("nobody knows {of}: {why}")
}

/// How the spool stands to its limit.
pub(super) fn of_spool(spool: Spooled, limits: &Limits) -> Measure {
    Measure::new(What::Spooled, spool.waiting, limits.max_spooled)
}

/// How the store stands to its limit; `ago` tells how many seconds have gone since a time.
pub(super) fn of_store(
    newest: Newest,
    limit: Limit,
    ago: impl FnOnce(chrono::DateTime<chrono::Utc>) -> u64,
) -> Measure {
    let limit = Some(limit);
    match newest {
        Newest::At(time) => Measure::new(What::Stored, ago(time), limit),
        Newest::Never => {
            Measure::without_value(What::Stored, limit, Health::Broken, "nothing was ever stored")
        }
        Newest::Unknown => {
            let why = "the documents hold no time that tells it";
            let words = unknown(What::Stored, why);
            Measure::without_value(What::Stored, limit, Health::Unknown, &words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Limit {
        Limit::of_count(text).unwrap()
    }

    #[test]
    fn a_limit_is_a_number_or_a_warning_and_a_number() {
        assert_eq!(limit("5"), Limit { warning: None, most: 5 });
        assert_eq!(limit("3,5"), Limit { warning: Some(3), most: 5 });
        assert_eq!(Limit::of_time("1m, 15m"), Ok(Limit { warning: Some(60), most: 900 }));
        for text in ["", "5,3", "-1", "1,2,3", "x"] {
            assert!(Limit::of_count(text).is_err(), "{text}");
        }
        for text in ["15", "0s", "100ms", "15m,1m", "soon"] {
            assert!(Limit::of_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_above_a_limit_breaks_it_and_what_is_at_it_does_not() {
        let health = |value| limit("3,5").judge(value);
        assert_eq!([3, 4, 5, 6].map(health), {
            [Health::Ok, Health::Warning, Health::Warning, Health::Broken]
        });
        let measure = Measure::new(What::Dead, 6, Some(limit("3,5")));
        assert_eq!(measure.words, "6 dead letters, at most 5");
        let measure = Measure::new(What::Age, 90, Limit::of_time("1m,2m").ok());
        assert_eq!(measure.words, "the oldest message is 1m 30s old, it warns above 1m");
        assert_eq!([59, 3661, 90_061].map(about), ["59s", "1h 1m", "1day 1h"]);
        let measure = Measure::new(What::Ready, 1, None);
        assert_eq!((measure.health, measure.words.as_str()), (Health::Ok, "1 message is ready"));
    }

    #[test]
    fn what_nobody_knows_is_neither_kept_nor_broken() {
        let limits =
            Limits { max_age: Some(limit("9")), max_dead: Some(limit("0")), ..Limits::default() };
        let spool = Spooled { waiting: 0, dead: 1 };
        let healths = |stats: &Stats| -> Vec<_> {
            of_queue(stats, spool, &limits).iter().map(|measure| measure.health).collect()
        };
        let unknown = Stats { unknown: Some("nobody counts"), ..Stats::default() };
        assert_eq!(healths(&unknown), [Health::Unknown, Health::Ok, Health::Unknown]);
        let zero = Some(0);
        let empty = Stats {
            ready: zero,
            waiting: zero,
            scheduled: zero,
            leased: zero,
            dead: zero,
            ..Stats::default()
        };
        // The dead letter of the spool is one.
        assert_eq!(healths(&empty), [Health::Ok, Health::Ok, Health::Broken]);
    }
}
