//! `queue tail`: shows what is published, as it comes.

use super::arguments::QueueUrl;
use super::context::{QueueContext, say};
use super::format;
use crate::error::Result;
use crate::inspect::lacks;
use clap::Args;

/// Show each message as it is published, until Ctrl-C
///
/// First the newest of those that are there. Nothing is taken. A message that is published and acknowledged within a twentieth of a second may
/// not be seen.
#[derive(Debug, Args)]
pub(super) struct Tail {
    #[command(flatten)]
    queue: QueueUrl,

    /// Begin with at most this many of the messages that are there
    #[arg(short = 'n', value_name = "N", default_value = "10")]
    newest: usize,
}

impl Tail {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let queue = context.open(&self.queue).await?;
        let tail = queue.tail().ok_or_else(|| lacks("be followed without taking"))?;
        let mut tailing = tail.tail(self.newest).await?;
        loop {
            let new = tailing.next().await?;
            let text: String = new.iter().map(|it| format::peeked(it, context.form)).collect();
            if !say(&text)? {
                return Ok(());
            }
        }
    }
}
