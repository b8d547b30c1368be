//! `queue pause`: has nobody receive certain jobs.

use super::arguments::{NamedQueue, QueueUrl};
use super::context::{QueueContext, closing};
use crate::error::Result;
use crate::inspect::lacks_jobs;
use crate::queues::{Paused, Pausing};
use crate::text::visible;
use clap::Args;

/// Have nobody receive what the URL names, until `queue resume`
///
/// On Redis: the jobs in `job=NAME,NAME`, and the entries of the clock in `periodic=NAME:TIMES`, as
/// `subscribe` has them. What is being worked on is finished. gocraft's own programs keep to it, but
/// for entries of the clock, which are each program's own.
#[derive(Debug, Args)]
pub(super) struct Pause {
    #[command(flatten)]
    queue: NamedQueue,
}

impl Pause {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let work = async |pausing: &dyn Pausing| pausing.pause().await;
        each(context, self.queue, ["paused", "was paused already"], work).await
    }
}

/// Pauses or resumes what a URL names, and tells of each whether that changed anything.
pub(super) async fn each(
    context: &QueueContext<'_>,
    queue: NamedQueue,
    verbs: [&str; 2],
    work: impl AsyncFnOnce(&dyn Pausing) -> Result<Vec<Paused>>,
) -> Result<()> {
    let queue = context.open(&QueueUrl::from(queue)).await?;
    let pausing = queue.pausing().ok_or_else(|| lacks_jobs("be paused"))?;
    let answers = closing(&*queue, work(pausing).await).await?;
    for Paused { what, changed } in answers {
        let verb = verbs[usize::from(!changed)];
        let json = serde_json::json!({"what": what, "changed": changed});
        context.tell(&format!("{}: {verb}", visible(what.as_bytes())), &json)?;
    }
    Ok(())
}
