//! `queue release`: gives messages back by their receipts, without an attempt.

use super::context::QueueContext;
use super::receipts::GivenReceipts;
use crate::error::Result;
use crate::queues::Verdict;
use clap::Args;

/// Release messages: they are redelivered at once
///
/// The attempt does not count.
#[derive(Debug, Args)]
pub(super) struct Release {
    #[command(flatten)]
    given: GivenReceipts,
}

impl Release {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        self.given.settle("release", Verdict::Release, context).await
    }
}
