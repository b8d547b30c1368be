//! `queue create`: makes a queue.

use super::arguments::QueueUrl;
use super::context::QueueContext;
use crate::cli::cut;
use crate::error::Result;
use crate::location::QUOTE;
use crate::queues::{self, Side};
use clap::Args;

/// Make a queue, and its file where that is missing
///
/// `?queue=alerts&topic=default` makes a queue that receives, from then on, what is published to
/// `default`, beside that queue itself and in the same transaction; `queue delete` ends it. On
/// Pub/Sub a subscription, its topic (`?topic=NAME`) and a place for its dead letters; on SQS a
/// queue, one for its dead letters, and the redrive policy between the two.
#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    queue: QueueUrl,
}

impl Create {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let (url, options) = context.resolve(&self.queue)?;
        let (name, queue) = (url.to_string(), queues::describe(&url, Side::From, &options));
        let cut = cut::looks_cut(&url);
        let made = queues::create(url, &options).await?;
        let text = if made { "made" } else { "it was there already:" };
        let json = serde_json::json!({"url": name, "made": made, "queue": queue});
        context.tell(&format!("{text} {name} ({queue})"), &json)?;
        match cut {
            true => context.remark(&format!("is that all that was meant? {}", QUOTE)),
            false => Ok(()),
        }
    }
}
