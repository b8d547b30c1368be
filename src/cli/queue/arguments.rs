//! Arguments that several actions of `queue` have.

use crate::cli::names::QueueNames;
use crate::inspect::ReceiveLimits;
use crate::units;
use clap::Args;
use std::time::Duration;

/// A queue that may be left out.
#[derive(Debug, Args)]
pub(super) struct QueueUrl {
    /// The queue: `sqlite:PATH?queue=NAME`, `pubsub://PROJECT/SUBSCRIPTION`, `sqs:NAME` or
    /// `redis://HOST/DB?namespace=NAME`. Default: `$KAKEHI_QUEUE`, else `sqlite:` in the user's data
    /// folder
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,

    #[command(flatten)]
    pub(super) names: QueueNames,
}

/// A queue that is named: what is done with it is not done to another one by mistake.
#[derive(Debug, Args)]
pub(super) struct NamedQueue {
    /// The queue: `sqlite:PATH?queue=NAME`, `pubsub://PROJECT/SUBSCRIPTION`, `sqs:NAME` or
    /// `redis://HOST/DB?namespace=NAME`
    #[arg(value_name = "URL")]
    url: String,

    #[command(flatten)]
    names: QueueNames,
}

impl From<NamedQueue> for QueueUrl {
    fn from(NamedQueue { url, names }: NamedQueue) -> Self {
        Self { url: Some(url), names }
    }
}

/// A named queue, and whether what is to be done with it is meant.
#[derive(Debug, Args)]
pub(super) struct ConfirmedQueue {
    #[command(flatten)]
    pub(super) queue: NamedQueue,

    /// Do it
    #[arg(long)]
    pub(super) yes: bool,
}

/// What it takes to look where looking is receiving.
#[derive(Debug, Args)]
pub(super) struct Take {
    /// Where looking is receiving (Pub/Sub, SQS): take messages, show them and give them back. It
    /// says what that costs. Elsewhere nothing is taken
    #[arg(long)]
    pub(super) take: bool,

    /// Where looking is receiving: how long to wait for more before it is over
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = units::duration)]
    pub(super) idle: Duration,
}

impl Take {
    /// How much is received.
    pub(super) fn limits(&self, max: usize) -> ReceiveLimits {
        ReceiveLimits { max, idle: self.idle }
    }
}

/// How long a lease is.
#[derive(Debug, Args)]
pub(super) struct LeaseTime {
    /// How long they are leased from now
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = lease_time)]
    pub(super) time: Duration,
}

/// A time of a second or more.
fn lease_time(text: &str) -> Result<Duration, String> {
    match units::duration(text) {
        Ok(time) if time < Duration::from_secs(1) => Err("must be at least 1s".to_owned()),
        other => other,
    }
}
