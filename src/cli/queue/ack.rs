//! `queue ack`: forgets messages by their receipts.

use super::context::QueueContext;
use super::receipts::GivenReceipts;
use crate::error::Result;
use crate::queues::Verdict;
use clap::Args;

/// Forget messages whose work is done
#[derive(Debug, Args)]
pub(super) struct Ack {
    #[command(flatten)]
    given: GivenReceipts,
}

impl Ack {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        self.given.settle("ack", Verdict::Ack, context).await
    }
}
