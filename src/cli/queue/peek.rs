//! `queue peek`: shows messages, or dead letters.

use super::arguments::{QueueUrl, Take};
use super::context::{QueueContext, say};
use super::dead::list;
use super::format;
use crate::cli::positive;
use crate::error::Result;
use crate::inspect::{self, lacks};
use crate::queues::{Contents, Peeked, Which};
use clap::Args;

/// Look at messages without taking them
///
/// In the order of their publishing and whatever their state; control characters are made visible.
/// On Pub/Sub and SQS only with `--take`.
#[derive(Debug, Args)]
pub(super) struct Peek {
    #[command(flatten)]
    queue: QueueUrl,

    /// At most this many messages
    #[arg(short = 'n', value_name = "N", default_value = "10", value_parser = positive)]
    max: usize,

    /// Look at dead letters instead
    #[arg(long)]
    dead: bool,

    /// Only messages with this tag
    #[arg(long, value_name = "TAG", conflicts_with = "dead")]
    tag: Option<String>,

    #[command(flatten)]
    take: Take,
}

impl Peek {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        match self.dead {
            true => {
                let shown = list::show(context, &self.queue, &Which::All, self.max, &self.take);
                shown.await.map(drop)
            }
            false => self.messages(context).await,
        }
    }

    async fn messages(&self, context: &QueueContext<'_>) -> Result<()> {
        let queue = context.open(&self.queue).await?;
        let show = |page: &[Peeked]| {
            say(&page.iter().map(|it| format::peeked(it, context.form)).collect::<String>())
        };
        let Some(receiving) = queue.peek_by_receiving() else {
            let free = queue.peek().ok_or_else(|| lacks("look without taking"))?;
            return inspect::peek(free, self.max, self.tag.as_deref(), show).await;
        };
        if self.tag.is_some() {
            return Err(lacks("select by tag"));
        }
        context.warn_of_cost(receiving, Contents::Messages, &self.take).await?;
        let limits = self.take.limits(self.max);
        let stop = context.program.signals.shutdown();
        inspect::peek_by_receiving(receiving, limits, stop, show).await
    }
}
