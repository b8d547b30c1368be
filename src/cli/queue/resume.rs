//! `queue resume`: has jobs received again that were paused.

use super::arguments::NamedQueue;
use super::context::QueueContext;
use super::pause::each;
use crate::error::Result;
use crate::queues::Pausing;
use clap::Args;

/// Let what the URL names be received again
///
/// Whoever has paused it, gocraft's own programs included.
#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    queue: NamedQueue,
}

impl Resume {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let work = async |pausing: &dyn Pausing| pausing.resume().await;
        each(context, self.queue, ["resumed", "was not paused"], work).await
    }
}
