//! `queue scheduled drop`: forgets messages that are not due yet.

use super::chosen::ChosenScheduled;
use crate::cli::queue::context::QueueContext;
use crate::error::Result;
use crate::inspect::ScheduledAction;
use clap::Args;

/// Forget them, bodies and all
///
/// Without `--yes` only show which ones. What kept others like a unique job out keeps them out no
/// more.
#[derive(Debug, Args)]
pub struct Drop {
    #[command(flatten)]
    chosen: ChosenScheduled,
}

impl Drop {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        self.chosen.work_on("drop", ScheduledAction::Drop, context).await
    }
}
