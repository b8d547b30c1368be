//! `queue scheduled run`: has messages received now that are not due yet.

use super::chosen::ChosenScheduled;
use crate::cli::queue::context::QueueContext;
use crate::error::Result;
use crate::inspect::ScheduledAction;
use clap::Args;

/// Let them be received now, behind those that can be already
///
/// Without `--yes` only show which ones. Attempts that failed still count.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    chosen: ChosenScheduled,
}

impl Run {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        self.chosen.work_on("run", ScheduledAction::Run, context).await
    }
}
