//! `queue scheduled`: what is done with messages that are not due yet.

mod chosen;
mod drop;
mod list;
mod run;

use super::context::QueueContext;
use crate::error::Result;
use clap::Subcommand;
use drop::Drop;
use list::List;
use run::Run;

/// Work on messages that are not due yet
///
/// On Redis: those that were published for later, and those that failed and wait for their next attempt.
#[derive(Debug, Subcommand)]
pub(super) enum Scheduled {
    List(List),
    Run(Run),
    Drop(Drop),
}

impl Scheduled {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Run(run) => run.run(context).await,
            Self::Drop(drop) => drop.run(context).await,
        }
    }
}
