//! `queue lease`: takes messages out for the shell.

use super::arguments::{LeaseTime, QueueUrl};
use super::context::{QueueContext, closing, say};
use super::format;
use super::receipts::receipts;
use crate::cli::positive;
use crate::cli::tags::Tags;
use crate::error::Result;
use crate::queues::LeaseRequest;
use crate::units;
use clap::Args;
use std::time::Duration;

/// Take messages out for some time, each with a receipt
///
/// One that is not settled in time is redelivered.
#[derive(Debug, Args)]
pub(super) struct Lease {
    #[command(flatten)]
    queue: QueueUrl,

    /// At most this many messages
    #[arg(short = 'n', value_name = "N", default_value = "1", value_parser = positive)]
    max: usize,

    /// Only messages of this group, in their order; none while some of it are leased
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    #[command(flatten)]
    tags: Tags,

    /// Where nothing is there: how long to wait for the first message
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = units::duration)]
    wait: Duration,

    #[command(flatten)]
    time: LeaseTime,
}

impl Lease {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let queue = context.open(&self.queue).await?;
        let Self { max, group, tags, wait, time, .. } = self;
        let select = tags.select();
        let request = LeaseRequest { group, wait, select, ..LeaseRequest::now(max, time.time) };
        let receipts = receipts(&*queue)?;
        let leased = tokio::select! {
            leased = receipts.lease(request) => leased,
            () = context.program.signals.shutdown() => Ok(Vec::new()),
        };
        let leased = closing(&*queue, leased).await?;
        let text: String = leased.iter().map(|it| format::leased(it, context.form)).collect();
        // What nobody reads is redelivered when its lease ends.
        say(&text).map(drop)
    }
}
