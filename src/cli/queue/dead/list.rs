//! `queue dead list`: shows dead letters with their bodies.

use super::totals::{all_found, list_command};
use crate::cli::positive;
use crate::cli::queue::arguments::{QueueUrl, Take};
use crate::cli::queue::context::{QueueContext, say};
use crate::cli::queue::format;
use crate::error::Result;
use crate::inspect::{DeadLetters, Ended};
use crate::queues::{Contents, DeadLetter, Which};
use clap::Args;
use std::collections::HashSet;

/// Show them with their bodies, the oldest first
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    queue: QueueUrl,

    /// Only those of the messages with these ids
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,

    /// At most this many. Default: all
    #[arg(short = 'n', value_name = "N", value_parser = positive)]
    max: Option<usize>,

    #[command(flatten)]
    take: Take,
}

impl List {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let which = match self.id.is_empty() {
            true => Which::All,
            false => Which::Ids(self.id),
        };
        let max = self.max.unwrap_or(usize::MAX);
        match show(context, &self.queue, &which, max, &self.take).await? {
            Some(seen) => {
                let (url, _) = context.resolve(&self.queue)?;
                all_found(&which, &seen, &list_command(&url, self.take.take))
            }
            None => Ok(()),
        }
    }
}

/// Shows the dead letters of a queue, and gives their ids where some were chosen by it; `None` where
/// it ended before all were shown.
pub(in crate::cli::queue) async fn show(
    context: &QueueContext<'_>,
    queue: &QueueUrl,
    which: &Which,
    max: usize,
    take: &Take,
) -> Result<Option<HashSet<String>>> {
    let (url, options) = context.resolve(queue)?;
    let queue = context.open(queue).await?;
    let letters = DeadLetters::of(&*queue, (&url, &options), take.idle).await?;
    if let Some(queue) = letters.by_receiving() {
        context.warn_of_cost(queue, Contents::DeadLetters, take).await?;
    }
    let mut seen = HashSet::new();
    let mut show = |page: &[DeadLetter]| {
        if matches!(which, Which::Ids(_)) {
            seen.extend(page.iter().map(|letter| letter.head.id.clone()));
        }
        say(&page.iter().map(|it| format::dead_letter(it, context.form)).collect::<String>())
    };
    let stop = context.program.signals.shutdown();
    let ended = letters.list(which, max, stop, &mut show).await?;
    Ok((ended == Ended::All).then_some(seen))
}
