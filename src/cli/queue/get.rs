//! `queue get`: shows messages by their ids.

use super::arguments::NamedQueue;
use super::context::{QueueContext, closing, say};
use super::format;
use crate::error::{Error, Kind, Result};
use crate::inspect::lacks;
use crate::text;
use clap::Args;

/// Look at messages by their ids
///
/// Whatever their state, and none is taken. Where one of them is not there, the others are shown, and
/// it ends with 1.
#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    queue: NamedQueue,

    /// Their ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

impl Get {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let Self { queue, ids } = self;
        let queue = context.open(&queue.into()).await?;
        let by_id = queue.by_id().ok_or_else(|| lacks("find a message by its id"))?;
        let mut missing = Vec::new();
        for id in ids {
            match by_id.get(&id).await? {
                Some(found) => {
                    say(&format::peeked(&found, context.form))?;
                }
                None => missing.push(format!("`{}`", text::visible(id.as_bytes()))),
            }
        }
        closing(&*queue, Ok(())).await?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(Error::new(Kind::Failed, format!("{} not there", are(&missing)))),
        }
    }
}

fn are(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}
