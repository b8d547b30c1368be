//! `queue dead redrive`: puts dead letters back.

use super::chosen::ChosenLetters;
use super::rewritten::NewBody;
use crate::cli::queue::context::QueueContext;
use crate::error::Result;
use crate::inspect::DeadLetterAction;
use clap::Args;
use std::path::PathBuf;

/// Put them back to the end of the queue, with no attempt counted
///
/// Without `--yes` only show what would be put back. On Pub/Sub into the topic, for all its
/// subscriptions. With another body the letter keeps its id, and what the queue remembers of the old body is
/// forgotten in the same step; that is for embedded queues.
#[derive(Debug, Args)]
pub struct Redrive {
    #[command(flatten)]
    letters: ChosenLetters,

    /// Give the one that is chosen this body: the content of a file, or of standard input for `-`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["map", "all"])]
    body: Option<PathBuf>,

    /// Give each the body that this jq program makes of its own
    #[arg(long, value_name = "JQ")]
    map: Option<String>,
}

impl Redrive {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        match NewBody::of(self.body, self.map.as_deref())? {
            Some(body) => self.letters.redrive_as(body, context).await,
            None => self.letters.work_on("redrive", DeadLetterAction::Redrive, context).await,
        }
    }
}
