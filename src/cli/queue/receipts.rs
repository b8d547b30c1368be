//! Works messages from the shell: leases, and what is done with their receipts.

use super::context::{QueueContext, lacks, say};
use super::format;
use super::{Extend, Lease, Settle};
use crate::error::{Error, Kind, Result};
use crate::message::Receipt;
use crate::queues::{Inspect, Receipts, Settled, Verdict};

impl QueueContext<'_> {
    pub(super) async fn lease(&self, asked: Lease) -> Result<()> {
        let queue = self.open(&asked.place).await?;
        let leased = receipts(&*queue)?.lease(asked.max, asked.time.time, asked.group).await?;
        let text: String = leased.iter().map(|it| format::leased(it, self.form)).collect();
        // What nobody reads is offered again when its time is over.
        say(&text).map(drop)
    }

    pub(super) async fn settle(&self, verb: &str, verdict: Verdict, asked: Settle) -> Result<()> {
        let queue = self.open(&asked.place.into()).await?;
        let given: Vec<_> = asked.receipts.into_iter().map(Receipt).collect();
        let verdicts = given.iter().map(|it| (it.clone(), verdict.clone())).collect();
        let settled = receipts(&*queue)?.settle(verdicts).await?;
        self.settled(verb, &given, &settled)
    }

    pub(super) async fn extend(&self, asked: Extend) -> Result<()> {
        let Extend { settle, time } = asked;
        let queue = self.open(&settle.place.into()).await?;
        let given: Vec<_> = settle.receipts.into_iter().map(Receipt).collect();
        let settled = receipts(&*queue)?.extend(given.clone(), time.time).await?;
        self.settled("extend", &given, &settled)
    }

    /// Tells what became of each receipt; fails where one of them opened nothing.
    fn settled(&self, verb: &str, given: &[Receipt], settled: &[Settled]) -> Result<()> {
        let pairs = given.iter().zip(settled);
        let told = pairs.map(|(it, outcome)| format::settled(verb, it, outcome, self.form));
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
}

fn receipts(queue: &dyn Inspect) -> Result<&dyn Receipts> {
    queue.receipts().ok_or_else(|| {
        lacks("give receipts that outlive a process")
            .because_of("its client settles only what the same process has received")
    })
}
