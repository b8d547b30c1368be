//! `queue dead`: what is done with dead letters.

pub(super) mod chosen;
mod drop;
pub(super) mod list;
mod redrive;
mod rewritten;
mod totals;

use super::context::QueueContext;
use crate::error::Result;
use clap::Subcommand;
use drop::Drop;
use list::List;
use redrive::Redrive;

/// Work on dead letters
#[derive(Debug, Subcommand)]
pub(super) enum Dead {
    List(List),
    Redrive(Redrive),
    Drop(Drop),
}

impl Dead {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Redrive(redrive) => redrive.run(context).await,
            Self::Drop(drop) => drop.run(context).await,
        }
    }
}
