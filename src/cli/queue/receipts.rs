//! What the actions on receipts have in common: `queue ack`, `queue release` and `queue extend`.

use super::arguments::{NamedQueue, QueueUrl};
use super::context::{QueueContext, closing, say};
use super::format;
use crate::error::{Error, Kind, Result};
use crate::inspect::lacks;
use crate::message::Receipt;
use crate::queues::{Inspect, Receipts, Settled, Verdict};
use clap::Args;

/// Receipts, and the queue that gave them.
#[derive(Debug, Args)]
pub(super) struct GivenReceipts {
    #[command(flatten)]
    queue: NamedQueue,

    /// What `queue lease` gave
    #[arg(value_name = "RECEIPT", required = true)]
    receipts: Vec<String>,
}

impl GivenReceipts {
    /// The queue, opened, and the receipts.
    pub(super) async fn open(
        self,
        context: &QueueContext<'_>,
    ) -> Result<(Box<dyn Inspect>, Vec<Receipt>)> {
        let queue = context.open(&QueueUrl::from(self.queue)).await?;
        Ok((queue, self.receipts.into_iter().map(|text| Receipt(text.into())).collect()))
    }

    /// Carries out one verdict on all of them, and tells what became of each.
    pub(super) async fn settle(
        self,
        verb: &str,
        verdict: Verdict,
        context: &QueueContext<'_>,
    ) -> Result<()> {
        let (queue, given) = self.open(context).await?;
        let verdicts = given.iter().map(|it| (it.clone(), verdict.clone())).collect();
        let settled = receipts(&*queue)?.settle(verdicts).await;
        let settled = closing(&*queue, settled).await?;
        tell(verb, &given, &settled, context)
    }
}

/// Tells what became of each receipt; fails where one of them opened nothing.
pub(super) fn tell(
    verb: &str,
    given: &[Receipt],
    settled: &[Settled],
    context: &QueueContext<'_>,
) -> Result<()> {
    let pairs = given.iter().zip(settled);
    let told = pairs.map(|(it, outcome)| format::settled(verb, it, outcome, context.form));
    say(&told.collect::<String>())?;
    match settled.iter().filter(|it| **it != Settled::Done).count() {
        0 => Ok(()),
        lost => {
            let what = format!("{lost} of {} receipts hold no lease", given.len());
            Err(Error::new(Kind::Failed, what)
                .because_of("a lease ends with its time, or when it is settled")
                .hint("the message was settled before, or is offered again to everybody"))
        }
    }
}

/// Works on leases by receipt; an error where a receipt dies with its process.
pub(super) fn receipts(queue: &dyn Inspect) -> Result<&dyn Receipts> {
    queue.receipts().ok_or_else(|| {
        lacks("give receipts that outlive a process")
            .because_of("its client settles only what the same process has received")
    })
}
