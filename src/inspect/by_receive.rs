//! Looks at a queue by receiving: what is received is shown and given back, or, a dead letter, put
//! back or forgotten.

use super::ended::Ended;
use super::paged_receiver::{PagedReceiver, ReceiveLimits};
use crate::error::Result;
use crate::location::Location;
use crate::message::{Delivery, Message, Receipt};
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterOutcome, PeekByReceiving, Published,
    Publisher, Settled, Subscriber, Which,
};

/// Receives messages, shows a page at a time until `show` says that it is enough, and gives all back
/// in the end. A `stop` ends it early.
pub async fn look(
    queue: Box<dyn Subscriber>,
    limits: ReceiveLimits,
    stop: impl Future<Output = ()>,
    mut show: impl FnMut(Vec<Delivery>) -> Result<bool>,
) -> Result<Ended> {
    PagedReceiver::new(queue, limits).each_page(stop, async |_, page| show(page)).await
}

/// What is done with dead letters that are received.
pub struct RedriveOrDrop<'a> {
    /// The queue, and how its dead letters are read.
    pub receiving: &'a dyn PeekByReceiving,
    /// Which of the dead letters.
    pub which: &'a Which,
    /// Where the originals are put back to; `None` forgets them.
    pub origin: Option<&'a dyn Publisher>,
}

impl RedriveOrDrop<'_> {
    /// Redrives or drops what is there, a page at a time, and tells what became of each; releases the
    /// others in the end. A letter is acknowledged only after its original was put back: what
    /// is interrupted between the two is put back twice, under one id.
    pub async fn run(
        &self,
        queue: Box<dyn Subscriber>,
        limits: ReceiveLimits,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(&[(DeadLetterHead, DeadLetterOutcome)]) -> Result<()>,
    ) -> Result<Ended> {
        let receiver = PagedReceiver::new(queue, limits);
        let work = async |receiver: &mut PagedReceiver, page| {
            tell(&self.page(receiver, page).await?)?;
            Ok(true)
        };
        receiver.each_page(stop, work).await
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
    /// This letter is chosen.
    Yes,
    /// This letter has another id than those that are chosen.
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

/// A dead letter as it was received: its receipt names it.
pub fn dead_letter(receiving: &dyn PeekByReceiving, delivery: Delivery) -> DeadLetter {
    let name = DeadLetterId(delivery.receipt.0.to_string());
    let buried_at = delivery.message.published_at;
    let (mut message, death) = receiving.unwrap(delivery.message);
    // The time of the letter's own publishing says when it died, and nothing of the original.
    if message.published_at == buried_at {
        message.published_at = None;
    }
    let head = DeadLetterHead {
        name,
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
            name: DeadLetterId(String::new()),
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
