//! Looks at a queue where looking is receiving: what is taken is shown and given back, or, a dead
//! letter, put back or forgotten.

use crate::error::Result;
use crate::location::Location;
use crate::message::{Delivery, Message, Receipt};
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterOutcome, PeekByReceiving, Published, Publisher, Receive,
    Select, Settled, Subscriber, Verdict, Which,
};
use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// At most this many messages are taken at once.
const PAGE: usize = 200;

/// At most this many bytes are taken at once; a single message may be larger.
const PAGE_BYTES: usize = 16 << 20;

/// Leases are extended so long after they began, or were extended: those of a queue whose client
/// does not do it by itself last three times that, or longer.
const EXTENDED_AFTER: Duration = Duration::from_secs(10);

/// How long to look.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// At most this many messages.
    pub max: usize,
    /// Until nothing has come for this long.
    pub idle: Duration,
}

/// What was taken from a queue and is still ours.
struct PagedReceiver {
    queue: Box<dyn Subscriber>,
    /// Since when each is leased.
    in_flight: Vec<(Receipt, Instant)>,
    left: usize,
    idle: Duration,
}

impl PagedReceiver {
    fn new(queue: Box<dyn Subscriber>, patience: Patience) -> Self {
        Self { queue, in_flight: Vec::new(), left: patience.max, idle: patience.idle }
    }

    /// The next ones; none when enough have come, or none any more. Cancel-safe.
    async fn take(&mut self) -> Result<Vec<Delivery>> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let until = Instant::now() + self.idle;
        loop {
            let now = Instant::now();
            let wait = until.saturating_duration_since(now).min(EXTENDED_AFTER);
            let max = self.left.min(PAGE);
            let request = Receive { max, max_bytes: PAGE_BYTES, wait, select: Select::Any };
            let taken = self.queue.receive(request).await?;
            self.left -= taken.len();
            self.in_flight.extend(taken.iter().map(|delivery| (delivery.receipt.clone(), now)));
            self.extend().await?;
            if !taken.is_empty() {
                return Ok(taken);
            }
            if Instant::now() >= until {
                // An outage looks like an empty queue.
                self.queue.ping().await?;
                return Ok(taken);
            }
        }
    }

    /// Extends the leases that are old.
    async fn extend(&mut self) -> Result<()> {
        let Some(leases) = self.queue.leases() else { return Ok(()) };
        let now = Instant::now();
        let is_old = |since: &Instant| now.duration_since(*since) >= EXTENDED_AFTER;
        let old: Vec<_> = self
            .in_flight
            .iter()
            .filter(|(_, since)| is_old(since))
            .map(|(receipt, _)| receipt.clone())
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        leases.extend(&old).await?;
        self.in_flight
            .iter_mut()
            .map(|(_, since)| since)
            .filter(|it| is_old(it))
            .for_each(|it| *it = now);
        Ok(())
    }

    /// Acknowledges these.
    async fn forget(&mut self, receipts: Vec<Receipt>) -> Vec<Settled> {
        let over: HashSet<_> = receipts.iter().collect();
        self.in_flight.retain(|(receipt, _)| !over.contains(receipt));
        self.queue.settle(receipts.into_iter().map(|it| (it, Verdict::Ack)).collect()).await
    }

    /// Gives everything back that is still ours.
    async fn give_back(self) -> Result<()> {
        self.queue.close().await
    }
}

/// Takes messages, shows a page at a time until `show` says that it is enough, and gives all back
/// in the end. A `stop` ends it early.
pub async fn look(
    queue: Box<dyn Subscriber>,
    patience: Patience,
    stop: impl Future<Output = ()>,
    mut show: impl FnMut(Vec<Delivery>) -> Result<bool>,
) -> Result<()> {
    let mut receiver = PagedReceiver::new(queue, patience);
    let mut stop = pin!(stop);
    let looked = loop {
        let page = tokio::select! {
            page = receiver.take() => page,
            () = &mut stop => break Ok(()),
        };
        match page {
            Ok(page) if page.is_empty() => break Ok(()),
            Err(error) => break Err(error),
            Ok(page) => match show(page) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            },
        }
    };
    looked.and(receiver.give_back().await)
}

/// What is done with dead letters that are taken.
pub struct RedriveOrDrop<'a> {
    /// The queue, and how its dead letters are read.
    pub receiving: &'a dyn PeekByReceiving,
    /// Which of them.
    pub which: &'a Which,
    /// Where the originals are put back to; `None` forgets them.
    pub origin: Option<&'a dyn Publisher>,
}

impl RedriveOrDrop<'_> {
    /// Does it with what is there, a page at a time, each told with what became of it; gives the
    /// others back in the end. A letter is acknowledged only after its original was put back: what
    /// is interrupted between the two is put back twice, under one id.
    pub async fn run(
        &self,
        queue: Box<dyn Subscriber>,
        patience: Patience,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(&[(DeadLetterHead, DeadLetterOutcome)]) -> Result<()>,
    ) -> Result<()> {
        let mut receiver = PagedReceiver::new(queue, patience);
        let mut stop = pin!(stop);
        let mended = loop {
            let page = tokio::select! {
                page = receiver.take() => page,
                () = &mut stop => break Ok(()),
            };
            let done = match page {
                Ok(page) if page.is_empty() => break Ok(()),
                Ok(page) => self.page(&mut receiver, page).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done.and_then(|done| tell(&done)) {
                break Err(error);
            }
        };
        mended.and(receiver.give_back().await)
    }

    async fn page(
        &self,
        receiver: &mut PagedReceiver,
        page: Vec<Delivery>,
    ) -> Result<Vec<(DeadLetterHead, DeadLetterOutcome)>> {
        let mut done = Vec::new();
        let (mut chosen, mut receipts) = (Vec::new(), Vec::new());
        for delivery in page {
            let receipt = delivery.receipt.clone();
            let DeadLetter { head, message, .. } = dead_letter(self.receiving, delivery);
            match choice(self.which, |url| self.receiving.is_it(url), &head) {
                Choice::Yes => {
                    chosen.push((head, message));
                    receipts.push(receipt);
                }
                Choice::No => {}
                Choice::Foreign(why) => done.push((head, DeadLetterOutcome::Kept(why))),
            }
        }
        let (heads, originals): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        let outcomes = self.settle(receiver, receipts, &originals).await?;
        done.extend(heads.into_iter().zip(outcomes));
        Ok(done)
    }

    /// Puts the originals back, and acknowledges those letters whose original is there again.
    async fn settle(
        &self,
        receiver: &mut PagedReceiver,
        receipts: Vec<Receipt>,
        originals: &[Message],
    ) -> Result<Vec<DeadLetterOutcome>> {
        let answers = match self.origin {
            Some(origin) if !originals.is_empty() => origin.publish(originals).await?,
            _ => vec![Published::Accepted; receipts.len()],
        };
        let back =
            |answer: &Published| matches!(answer, Published::Accepted | Published::Duplicate);
        let pairs = receipts.into_iter().zip(&answers);
        let over = pairs.filter(|(_, answer)| back(answer)).map(|(receipt, _)| receipt).collect();
        let mut settled = receiver.forget(over).await.into_iter();
        Ok(answers
            .into_iter()
            .map(|answer| match answer {
                Published::Retry(why) | Published::Refused(why) => DeadLetterOutcome::Kept(why),
                Published::Accepted | Published::Duplicate => match settled.next() {
                    Some(Settled::Done) => DeadLetterOutcome::Done,
                    _ => DeadLetterOutcome::Kept(self.unsettled().to_owned()),
                },
            })
            .collect())
    }

    fn unsettled(&self) -> &'static str {
        match self.origin {
            Some(_) => "it was put back, but its letter may come again: the id makes that harmless",
            None => "it may come again: the queue did not confirm that it is forgotten",
        }
    }
}

/// Whether a dead letter is chosen.
pub enum Choice {
    /// It is.
    Yes,
    /// It has another id.
    No,
    /// All are chosen, but this one is another queue's; the reason.
    Foreign(String),
}

/// Chooses by id; or all that are this queue's own, as `is_it` tells by their URL: several queues
/// may share one place.
pub fn choice(which: &Which, is_it: impl Fn(&Location) -> bool, head: &DeadLetterHead) -> Choice {
    match which {
        Which::Ids(ids) if ids.contains(&head.id) => Choice::Yes,
        Which::Ids(_) => Choice::No,
        Which::All => match &head.from {
            Some(from) if !Location::parse(from).is_ok_and(|from| is_it(&from)) => {
                Choice::Foreign(format!("it is from `{from}`: choose it by its id, or work there"))
            }
            _ => Choice::Yes,
        },
    }
}

/// A dead letter as it was taken.
pub fn dead_letter(receiving: &dyn PeekByReceiving, delivery: Delivery) -> DeadLetter {
    let buried_at = delivery.message.published_at;
    let (mut message, death) = receiving.unwrap(delivery.message);
    // The time of the letter's own publishing says when it died, and nothing of the original.
    if message.published_at == buried_at {
        message.published_at = None;
    }
    let head = DeadLetterHead {
        place: 0,
        id: message.id.clone(),
        attempts: death.attempts,
        first_at: death.first_at,
        died_at: death.at.or(buried_at),
        reason: death.reason,
        from: death.from,
    };
    DeadLetter { head, message, unreadable: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(from: Option<&str>) -> DeadLetterHead {
        DeadLetterHead {
            place: 0,
            id: "a".to_owned(),
            attempts: None,
            first_at: None,
            died_at: None,
            reason: String::new(),
            from: from.map(str::to_owned),
        }
    }

    #[test]
    fn all_means_those_of_this_queue() {
        let is_it = |url: &Location| url.rest() == "//p/s";
        for (from, chosen) in [
            (None, true),
            (Some("pubsub://p/s"), true),
            (Some("pubsub://p/s?id-attribute=x"), true),
            (Some("pubsub://p/other"), false),
            (Some("rubbish"), false),
        ] {
            let choice = choice(&Which::All, is_it, &head(from));
            assert_eq!(matches!(choice, Choice::Yes), chosen, "{from:?}");
        }
        let ids = Which::Ids(vec!["a".to_owned()]);
        assert!(matches!(choice(&ids, is_it, &head(Some("pubsub://p/other"))), Choice::Yes));
    }
}
