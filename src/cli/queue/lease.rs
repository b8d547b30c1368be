//! `queue lease`: takes messages out for the shell.

use super::arguments::{LeaseTime, QueueUrl};
use super::context::{QueueContext, closing, say};
use super::format;
use super::receipts::receipts;
use crate::cli::positive;
use crate::error::Result;
use crate::queues::LeaseRequest;
use clap::Args;

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
    time: LeaseTime,
}

impl Lease {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let queue = context.open(&self.queue).await?;
        let request =
            LeaseRequest { group: self.group, ..LeaseRequest::now(self.max, self.time.time) };
        let leased = receipts(&*queue)?.lease(request).await;
        let leased = closing(&*queue, leased).await?;
        let text: String = leased.iter().map(|it| format::leased(it, context.form)).collect();
        // What nobody reads is redelivered when its lease ends.
        say(&text).map(drop)
    }
}
