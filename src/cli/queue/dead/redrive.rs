//! `queue dead redrive`: puts dead letters back.

use super::chosen::ChosenLetters;
use crate::cli::queue::context::QueueContext;
use crate::error::Result;
use crate::inspect::DeadLetterAction;
use clap::Args;

/// Put them back to the end of the queue, with no attempt counted
///
/// Without `--yes` only show what would be put back. On Pub/Sub into the topic, for all its
/// subscriptions.
#[derive(Debug, Args)]
pub struct Redrive {
    #[command(flatten)]
    letters: ChosenLetters,
}

impl Redrive {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        self.letters.work_on("redrive", DeadLetterAction::Redrive, context).await
    }
}
