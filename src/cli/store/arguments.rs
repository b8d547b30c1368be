//! Arguments that several actions of `store` have.

use crate::cli::names::CollectionName;
use crate::cli::timezone;
use crate::environment::Environment;
use crate::error::Result;
use crate::units;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::Args;
use std::time::Duration;

/// A store that may be left out.
#[derive(Debug, Args)]
pub(super) struct StoreUrl {
    /// The store: `sqlite:PATH?collection=NAME` or `mongodb://HOST/DB?collection=NAME`. Default:
    /// `$KAKEHI_SINK`, else `sqlite:` in the user's data folder
    ///
    /// The documents of `nature-remo:` are known. Of others the URL names the fields:
    /// `values=temperature,humidity` the numbers, `time=at` when, `series=device` of what and
    /// `name=label` how that is called; a path is `room.temperature`, or a JSON pointer.
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,

    #[command(flatten)]
    pub(super) collection: CollectionName,
}

/// A store that is named: what is done with it is not done to another one by mistake.
#[derive(Debug, Args)]
pub(super) struct NamedStore {
    /// The store: `sqlite:PATH?collection=NAME` or `mongodb://HOST/DB?collection=NAME`
    #[arg(value_name = "URL")]
    url: String,

    #[command(flatten)]
    collection: CollectionName,
}

impl From<NamedStore> for StoreUrl {
    fn from(NamedStore { url, collection }: NamedStore) -> Self {
        Self { url: Some(url), collection }
    }
}

/// From when on.
#[derive(Debug, Args)]
pub(super) struct Since {
    /// Only what is not older than this: `24h`, `7d`. Without it, everything
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(super) since: Option<Duration>,
}

impl Since {
    /// The time from which on documents are meant; `None` for all of them, and for a time that is
    /// longer ago than any can be.
    pub(super) fn start(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.since.and_then(|length| before(now, length))
    }
}

/// The zone of times and days.
#[derive(Debug, Args)]
pub(super) struct Zone {
    /// The time zone of times and days, an IANA name: `Asia/Tokyo`. Default: `$TZ`, else this
    /// machine's
    #[arg(long, value_name = "ZONE", value_parser = timezone::parse)]
    timezone: Option<Tz>,
}

impl Zone {
    /// The zone that is meant.
    pub(super) fn of(&self, environment: &Environment) -> Result<Tz> {
        timezone::of(self.timezone, environment)
    }
}

/// The time so long before another one, where there is one.
pub(super) fn before(now: DateTime<Utc>, length: Duration) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::from_std(length).ok()?)
}
