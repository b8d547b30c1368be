//! `queue delete`: deletes a queue with all that it holds.

use super::arguments::{ConfirmedQueue, QueueUrl};
use super::context::QueueContext;
use super::format;
use crate::error::Result;
use crate::queues;
use clap::Args;

/// Delete a queue with all that it holds, dead letters included
///
/// The file stays. No other program may have the file open. On Pub/Sub it is the subscription;
/// topics and dead letters stay. Without `--yes` only show what would be deleted.
#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    confirmed: ConfirmedQueue,
}

impl Delete {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let ConfirmedQueue { queue, yes } = self.confirmed;
        let (url, options) = context.resolve(&QueueUrl::from(queue))?;
        let deletion = queues::delete(url, &options, yes).await?;
        let (text, json) = format::deletion(&deletion, yes);
        context.tell(&text, &json)?;
        context.remind(yes)
    }
}
