//! `queue stats`: what a queue holds, and what waits for it in the spool.

use super::arguments::QueueUrl;
use super::context::{QueueContext, say};
use super::{Queue, counts, format};
use crate::cli::metrics::{self, QueueNumbers};
use crate::cli::{Metrics, Program as _};
use crate::error::{Kind, Result};
use crate::inspect::{self, Counted};
use crate::queues::{self, Side};
use crate::spool::{self, Spooled};
use clap::Args;
use std::path::PathBuf;

/// Count the messages of a queue, and what waits for it in the spool
///
/// Ready, waiting, scheduled, leased and dead messages, the age of the oldest one that is not dead,
/// the sizes of the file and its log. Pub/Sub does not count, SQS does so roughly: there it tells
/// how the queue is set up. On Redis a line for each job follows. Beside it, what waits in the spool of `publish` for this queue, and the
/// spool's dead letters.
#[derive(Debug, Args)]
pub(super) struct Stats {
    #[command(flatten)]
    queue: QueueUrl,

    /// The spool of `publish`, of which is counted what is meant for this queue. Default:
    /// `spool.db` in the user's data folder
    #[arg(long, value_name = "PATH")]
    spool: Option<PathBuf>,

    #[command(flatten)]
    metrics: Metrics,

    /// Count the ten largest tags, too: every message is looked at
    #[arg(long)]
    by_tag: bool,
}

/// How many tags are told.
const LARGEST: usize = 10;

impl Stats {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let (url, options) = context.resolve(&self.queue)?;
        let folder = || context.program.environment.data_dir();
        let path = self.spool.or_else(|| Some(folder().ok()?.join(spool::FILE)));
        let Counted { spool, queue } = inspect::stats(url.clone(), &options, path).await?;
        if let Some(path) = &self.metrics.metrics {
            let name = queues::describe(&url, Side::From, &options);
            let (up, stats) = (Some(queue.is_ok()), queue.as_ref().ok());
            let (program, spool) = (Queue::NAME, Some(spool));
            metrics::write(path, &QueueNumbers { program, queue: &name, up, stats, spool }, None);
        }
        if let Err(error) = &queue {
            // A queue that cannot be reached is when the spool matters.
            if spool != Spooled::default() && error.kind() != Kind::Usage {
                say(&counts::spooled(spool, context.form))?;
            }
        }
        let queue = queue?;
        if !say(&counts::stats(&queue, spool, context.form))? || !self.by_tag {
            return Ok(());
        }
        let tags = inspect::largest_tags(url, &options, LARGEST).await?;
        say(&tags.iter().map(|tag| format::tag(tag, context.form)).collect::<String>()).map(drop)
    }
}
