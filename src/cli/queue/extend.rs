//! `queue extend`: makes leases longer by their receipts.

use super::arguments::LeaseTime;
use super::context::{QueueContext, closing};
use super::receipts::{self, GivenReceipts};
use crate::error::Result;
use clap::Args;

/// Keep messages for longer
#[derive(Debug, Args)]
pub(super) struct Extend {
    #[command(flatten)]
    given: GivenReceipts,

    #[command(flatten)]
    time: LeaseTime,
}

impl Extend {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let (queue, given) = self.given.open(context).await?;
        let leases = receipts::receipts(&*queue)?;
        let settled = leases.extend(given.clone(), self.time.time).await;
        let settled = closing(&*queue, settled).await?;
        receipts::tell("extend", &given, &settled, context)
    }
}
