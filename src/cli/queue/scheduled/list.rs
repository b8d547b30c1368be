//! `queue scheduled list`: shows messages that are not due yet.

use super::chosen::LACKS;
use crate::cli::positive;
use crate::cli::queue::arguments::QueueUrl;
use crate::cli::queue::context::{QueueContext, say};
use crate::cli::queue::format;
use crate::error::Result;
use crate::inspect::{lacks_jobs, list_scheduled};
use crate::queues::{Scheduled, Which};
use clap::Args;

/// Show them with their bodies, the first that is due first
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    queue: QueueUrl,

    /// Only those with these ids
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,

    /// At most this many. Default: all
    #[arg(short = 'n', value_name = "N", value_parser = positive)]
    max: Option<usize>,
}

impl List {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let queue = context.open(&self.queue).await?;
        let scheduled = queue.scheduled().ok_or_else(|| lacks_jobs(LACKS))?;
        let which = if self.id.is_empty() { Which::All } else { Which::Ids(self.id) };
        let max = self.max.unwrap_or(usize::MAX);
        let show = |page: &[Scheduled]| {
            let lines = page.iter().map(|it| format::peeked(&it.peeked, context.form));
            say(&lines.collect::<String>())
        };
        list_scheduled(scheduled, &which, max, show).await
    }
}
