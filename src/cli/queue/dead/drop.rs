//! `queue dead drop`: forgets dead letters.

use super::chosen::ChosenLetters;
use crate::cli::queue::context::QueueContext;
use crate::error::Result;
use crate::inspect::DeadLetterAction;
use clap::Args;

/// Forget them, bodies and all
///
/// Without `--yes` only show what would be forgotten.
#[derive(Debug, Args)]
pub struct Drop {
    #[command(flatten)]
    letters: ChosenLetters,
}

impl Drop {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        self.letters.work_on("drop", DeadLetterAction::Drop, context).await
    }
}
