//! Writes a batch, and finds the one message that breaks the connection each time.

use crate::message::Delivery;
use crate::sinks::{Outcome, Sink};
use std::ops::Range;

/// Writes a batch and answers per message.
///
/// Where the sink answers its check and yet twice the connection was lost over a batch, the batch
/// is halved until the message that does it stands alone: that one is to be retried, and spends an
/// attempt; the others go on. What is still suspect after that is an outage, as is all that the
/// sink says about itself.
pub async fn write(sink: &dyn Sink, batch: &[Delivery]) -> Vec<Outcome> {
    let mut outcomes = sink.write(batch).await;
    debug_assert_eq!(outcomes.len(), batch.len(), "a sink answers per message");
    if lost(&outcomes) && sink.ping().await.is_ok() {
        outcomes = sink.write(batch).await;
        if lost(&outcomes) {
            halve(sink, batch, &mut outcomes).await;
        }
    }
    outcomes.into_iter().map(blame_nobody).collect()
}

fn blame_nobody(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::ConnectionLost(why) => Outcome::Unavailable(why),
        other => other,
    }
}

/// Narrows the ranges over which the connection is lost, until the sink stops answering. The older
/// messages come first: of two with one id the newer is written last.
async fn halve(sink: &dyn Sink, batch: &[Delivery], outcomes: &mut [Outcome]) {
    tracing::warn!(messages = batch.len(), "the sink answers but this batch fails as a whole");
    // Each with whether it was written, and is known to lose the connection.
    let mut left = vec![(0..batch.len(), true)];
    while let Some((range, written)) = left.pop() {
        if !written {
            let answer = sink.write(&batch[range.clone()]).await;
            let (lost, down) = (lost(&answer), answer.iter().any(is_down));
            outcomes[range.clone()].clone_from_slice(&answer);
            if down {
                return;
            }
            if !lost {
                continue;
            }
        }
        if sink.ping().await.is_err() {
            return;
        }
        if let [Outcome::ConnectionLost(why)] = &outcomes[range.clone()] {
            outcomes[range.start] = Outcome::Retry(format!("it breaks the connection: {why}"));
            continue;
        }
        left.extend(halves(range).into_iter().rev().map(|half| (half, false)));
    }
}

fn is_down(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unavailable(_) | Outcome::Throttled { .. } | Outcome::Denied(_))
}

fn halves(range: Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start + range.len() / 2;
    [range.start..middle, middle..range.end]
}

/// Whether the connection was lost over all that the sink did not refuse.
fn lost(outcomes: &[Outcome]) -> bool {
    let lost = |one: &Outcome| matches!(one, Outcome::ConnectionLost(_));
    let refused = |one: &Outcome| matches!(one, Outcome::Reject(_));
    outcomes.iter().any(lost) && outcomes.iter().all(|one| lost(one) || refused(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind, Result};
    use crate::message::{Message, Receipt};
    use async_trait::async_trait;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Loses its connection when a batch holds a message named `bad`, or always when it is down;
    /// when it is full it says so, and answers its check all the same.
    #[derive(Default)]
    struct Fragile {
        down: bool,
        full: bool,
        writes: AtomicUsize,
        stored: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Sink for Fragile {
        async fn ping(&self) -> Result<()> {
            if self.down { Err(Error::new(Kind::Unreachable, "down")) } else { Ok(()) }
        }

        async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            let broken = self.down || batch.iter().any(|one| one.message.id.starts_with("bad"));
            let outcome = |one: &Delivery| match (self.full, broken) {
                (true, _) => Outcome::Unavailable("full".to_owned()),
                _ if one.message.id.starts_with("odd") => Outcome::Reject("odd".to_owned()),
                (_, true) => Outcome::ConnectionLost("cut".to_owned()),
                _ => Outcome::Stored,
            };
            let outcomes: Vec<_> = batch.iter().map(outcome).collect();
            let stored = batch.iter().zip(&outcomes).filter(|(_, it)| **it == Outcome::Stored);
            let ids = stored.map(|(one, _)| one.message.id.clone());
            self.stored.lock().unwrap().extend(ids);
            outcomes
        }

        fn ordered(&self) -> bool {
            false
        }

        async fn close(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    fn batch(ids: &[&str]) -> Vec<Delivery> {
        let delivery = |id: &&str| Delivery {
            message: Message::new(*id, "{}"),
            attempts: Some(1),
            lost: 0,
            receipt: Receipt((*id).into()),
        };
        ids.iter().map(delivery).collect()
    }

    #[tokio::test]
    async fn the_messages_that_break_the_connection_are_found_and_the_others_stored() {
        let sink = Fragile::default();
        let outcomes = write(&sink, &batch(&["a", "b", "bad1", "c", "d", "e", "bad2"])).await;
        for (at, outcome) in outcomes.iter().enumerate() {
            match at {
                2 | 6 => assert!(matches!(outcome, Outcome::Retry(_)), "{at}: {outcome:?}"),
                _ => assert_eq!(*outcome, Outcome::Stored, "{at}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_halved_is_written_in_its_order() {
        let all: Vec<_> =
            (0..40).map(|at| format!("{}{at:02}", if at % 7 == 3 { "bad" } else { "" })).collect();
        let ids: Vec<_> = all.iter().map(String::as_str).collect();
        let sink = Fragile::default();
        write(&sink, &batch(&ids)).await;
        let good: Vec<_> = ids.into_iter().filter(|id| !id.starts_with("bad")).collect();
        assert_eq!(*sink.stored.lock().unwrap(), good);
    }

    #[tokio::test]
    async fn what_is_refused_beside_it_hides_no_message_that_breaks_the_connection() {
        let sink = Fragile::default();
        let outcomes = write(&sink, &batch(&["odd1", "a", "bad", "odd2", "b"])).await;
        assert!(matches!(outcomes[2], Outcome::Retry(_)), "{outcomes:?}");
        assert_eq!([&outcomes[1], &outcomes[4]], [&Outcome::Stored; 2]);
        assert_eq!([&outcomes[0], &outcomes[3]], [&Outcome::Reject("odd".to_owned()); 2]);
    }

    #[tokio::test]
    async fn a_sink_that_is_down_is_asked_once() {
        let sink = Fragile { down: true, ..Fragile::default() };
        let outcomes = write(&sink, &batch(&["a", "b"])).await;
        assert_eq!(outcomes, vec![Outcome::Unavailable("cut".to_owned()); 2]);
        assert_eq!(sink.writes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_a_sink_says_of_itself_is_nobodys_fault_although_it_answers_its_check() {
        let sink = Fragile { full: true, ..Fragile::default() };
        let outcomes = write(&sink, &batch(&["a", "bad", "b"])).await;
        assert_eq!(outcomes, vec![Outcome::Unavailable("full".to_owned()); 3]);
        assert_eq!(sink.writes.load(Ordering::Relaxed), 1, "no message is looked for");
    }

    #[tokio::test]
    async fn an_empty_batch_is_nothing_to_worry_about() {
        let sink = Fragile { down: true, ..Fragile::default() };
        assert_eq!(write(&sink, &[]).await, vec![]);
    }
}
