//! The messages of a batch, worked on side by side.

use super::Outcome;
use crate::message::{Delivery, Message};
use futures_util::StreamExt as _;
use futures_util::stream;
use std::sync::OnceLock;

/// Works on each message, so many at once, and answers in the batch's order. What the first one says
/// that found the sink gone is the answer for those that have not begun.
pub async fn side_by_side<'b, W: Future<Output = Outcome>>(
    batch: &'b [Delivery],
    at_once: usize,
    work: impl Fn(&'b Message) -> W,
) -> Vec<Outcome> {
    let gone = OnceLock::new();
    let mut outcomes = vec![Outcome::Unwritten; batch.len()];
    let works = stream::iter(0..batch.len()).map(|at| {
        let (gone, work) = (&gone, &work);
        async move { (at, answer(gone, || work(&batch[at].message)).await) }
    });
    let mut told = works.buffer_unordered(at_once);
    while let Some((at, outcome)) = told.next().await {
        outcomes[at] = outcome;
    }
    drop(told);
    outcomes
}

async fn answer<W: Future<Output = Outcome>>(
    gone: &OnceLock<Outcome>,
    work: impl FnOnce() -> W,
) -> Outcome {
    if let Some(outcome) = gone.get() {
        return outcome.clone();
    }
    let outcome = work().await;
    if is_about_the_sink(&outcome) {
        gone.get_or_init(|| outcome.clone());
    }
    outcome
}

fn is_about_the_sink(outcome: &Outcome) -> bool {
    use Outcome::{ConnectionLost, Denied, Throttled, Unavailable};
    matches!(outcome, Unavailable(_) | Throttled { .. } | Denied(_) | ConnectionLost(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Receipt;

    #[tokio::test]
    async fn each_has_its_own_answer_until_the_sink_is_gone() {
        let delivery = |body: &str| Delivery {
            message: Message::new(body, body.to_owned()),
            attempts: None,
            lost: 0,
            receipt: Receipt(body.into()),
        };
        let batch = ["slow", "bad", "good", "gone", "late"].map(delivery);
        let work = async |message: &Message| match message.id.as_str() {
            "slow" => {
                tokio::task::yield_now().await;
                Outcome::Stored
            }
            "bad" => Outcome::Reject("so it is".to_owned()),
            "gone" => Outcome::Unavailable("away".to_owned()),
            _ => Outcome::Stored,
        };
        let gone = Outcome::Unavailable("away".to_owned());
        let outcomes = side_by_side(&batch, 2, work).await;
        let bad = Outcome::Reject("so it is".to_owned());
        assert_eq!(outcomes, [Outcome::Stored, bad, Outcome::Stored, gone.clone(), gone]);
    }
}
