//! `queue purge`: empties a queue.

use super::arguments::{ConfirmedQueue, QueueUrl};
use super::context::{QueueContext, closing};
use super::format;
use crate::error::Result;
use crate::inspect::lacks;
use clap::Args;

/// Remove every message, leased ones included; dead letters stay
///
/// Without `--yes` only show what would be removed. On Pub/Sub it seeks to now; SQS does it once a
/// minute; on Redis jobs in progress stay, and what was moved aside goes.
#[derive(Debug, Args)]
pub(super) struct Purge {
    #[command(flatten)]
    confirmed: ConfirmedQueue,
}

impl Purge {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let ConfirmedQueue { queue, yes } = self.confirmed;
        let queue = context.open(&QueueUrl::from(queue)).await?;
        let purge = queue.purge().ok_or_else(|| lacks("be emptied"))?;
        let (removed, verb) = match yes {
            true => (closing(&*queue, purge.purge().await).await?, "removed"),
            false => (purge.removes(&queue.stats().await?), "would remove"),
        };
        let json = serde_json::json!({"removed": removed, "done": yes});
        context.tell(&format!("{verb} {}", format::messages(removed)), &json)?;
        context.remind(yes)
    }
}
