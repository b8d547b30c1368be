//! Publishing to a queue.

use super::client::Queue;
use super::codec::Codec;
use super::limits::{BATCH, LARGEST};
use super::send::{self, Entry};
use crate::batch::{BatchBuilder, BatchLimits};
use crate::clock::Clock;
use crate::error::Result;
use crate::message::Message;
use crate::queues::service_error::{Failure, Sent, published, whole_queue};
use crate::queues::{Options, Published, Publisher};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Requests at once.
const AT_ONCE: usize = 8;

/// A queue, opened for publishing.
pub(super) struct SqsPublisher {
    queue: Arc<Queue>,
    codec: Codec,
    timeout: Duration,
    clock: Clock,
    hops: Hops,
    /// Held while messages are sent to a FIFO queue: the order holds across calls too.
    turn: tokio::sync::Mutex<()>,
}

/// Whether a message makes a hop: then a FIFO queue takes what it has had a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hops {
    /// None: publishing it again is a retry.
    None,
    /// One for each time that the queue before this one took it. Without, a letter that the server
    /// itself moved, which is as it was first published, would be swallowed on its way back.
    Received,
    /// One each time.
    Each,
}

impl SqsPublisher {
    /// Prepares to publish; nothing is sent yet.
    pub(super) fn new(queue: Arc<Queue>, codec: Codec, options: &Options) -> Self {
        let (timeout, clock) = (options.publish_timeout, options.clock.clone());
        let hops = if options.passes_on { Hops::Received } else { Hops::None };
        Self { queue, codec, timeout, clock, hops, turn: tokio::sync::Mutex::default() }
    }

    /// The way back for what was dead: each message makes a hop.
    pub(super) fn with_hops(self) -> Self {
        Self { hops: Hops::Each, ..self }
    }

    /// Sends all, in rounds; nothing more is sent of a group of which something failed. What was
    /// refused for good lets the others pass.
    async fn send(&self, entries: Vec<Entry>) -> Vec<(usize, Sent)> {
        let mut sent = Vec::with_capacity(entries.len());
        let mut stopped: HashSet<String> = HashSet::new();
        for round in rounds(entries) {
            let is_behind = |entry: &Entry| {
                entry.message.group.as_ref().is_some_and(|group| stopped.contains(group))
            };
            let (behind, round): (Vec<_>, Vec<_>) = round.into_iter().partition(is_behind);
            sent.extend(behind.into_iter().map(|entry| (entry.at, Err(Failure::Behind))));
            // A round that fails stops its groups: it is the last that takes its time.
            let deadline = Instant::now() + self.timeout;
            let groups: HashMap<_, _> = round
                .iter()
                .filter_map(|entry| Some((entry.at, entry.message.group.clone()?)))
                .collect();
            let done: Vec<_> = stream::iter(batches(round))
                .map(|batch| send::send_batch(&self.queue, batch, deadline))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for (at, one) in done.into_iter().flatten() {
                if let Err(failure) = &one
                    && !failure.is_refusal()
                {
                    stopped.extend(groups.get(&at).cloned());
                }
                sent.push((at, one));
            }
        }
        sent
    }
}

impl Hops {
    /// What tells a message's hop apart from others; `this` tells this call from others.
    fn of(self, message: &Message, this: &str) -> String {
        match self {
            Self::None => String::new(),
            Self::Received => message.published_at.map_or(String::new(), |time| time.to_rfc3339()),
            Self::Each => this.to_owned(),
        }
    }
}

/// The first messages of all groups, then the second ones, and so on: two of one group in one
/// request would change places where the service could not take the first. What has no group needs
/// no other round.
fn rounds(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut rounds: Vec<Vec<Entry>> = Vec::new();
    let mut next: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let round = entry.message.group.as_ref().map_or(0, |group| {
            let next = next.entry(group.clone()).or_default();
            *next += 1;
            *next - 1
        });
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(entry);
    }
    rounds
}

/// Batches of as many messages and bytes as the service takes at once, in order.
fn batches(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut batches = Vec::new();
    let mut batch = BatchBuilder::new(BatchLimits { count: BATCH, bytes: LARGEST });
    for entry in entries {
        let size = entry.message.size;
        if !batch.has_room_for(1, size) {
            batches.push(batch.take());
        }
        batch.push(entry, size);
    }
    if !batch.is_empty() {
        batches.push(batch.into_content());
    }
    batches
}

#[async_trait]
impl Publisher for SqsPublisher {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let this = uuid::Uuid::now_v7().to_string();
        let now = self.clock.now();
        let mut answers: Vec<Option<Published>> = vec![None; batch.len()];
        let mut entries = Vec::new();
        for (at, message) in batch.iter().enumerate() {
            match self.codec.pack(message, &self.hops.of(message, &this), now) {
                Ok(message) => entries.push(Entry { at, message }),
                Err(why) => answers[at] = Some(Published::Refused(why)),
            }
        }
        let turn = if self.codec.fifo { Some(self.turn.lock().await) } else { None };
        let sent = self.send(entries).await;
        drop(turn);
        if let Some(error) = whole_queue(sent.iter().map(|(_, sent)| sent)) {
            return Err(error.to_error("cannot publish to", &self.queue.name));
        }
        for (at, sent) in sent {
            answers[at] = Some(published(sent));
        }
        Ok(answers.into_iter().map(|it| it.expect("each was refused or sent")).collect())
    }

    async fn ping(&self) -> Result<()> {
        self.queue.ping().await
    }

    /// There is nothing to send: `publish` has waited for every answer.
    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::sqs::codec::SqsMessage;

    fn entry(at: usize, size: usize) -> Entry {
        let (body, attributes) = Default::default();
        let (group, deduplication, delay) = Default::default();
        Entry { at, message: SqsMessage { body, attributes, group, deduplication, delay, size } }
    }

    fn cut(sizes: &[usize]) -> Vec<Vec<usize>> {
        let entries = sizes.iter().enumerate().map(|(at, size)| entry(at, *size)).collect();
        let places = |batch: Vec<Entry>| batch.into_iter().map(|entry| entry.at).collect();
        batches(entries).into_iter().map(places).collect()
    }

    #[test]
    fn a_message_hops_once_for_each_time_that_a_queue_took_it() {
        let taken_at = |seconds| Message {
            published_at: chrono::DateTime::from_timestamp(seconds, 0),
            ..Message::new("a", "x")
        };
        let (one, other, never) = (taken_at(1), taken_at(2), Message::new("a", "x"));
        let received = |message| Hops::Received.of(message, "this");
        assert_eq!(received(&one), received(&one), "a retry is the same hop");
        assert_ne!(received(&one), received(&other));
        assert_ne!(received(&one), Hops::None.of(&one, "this"), "not as it was first published");
        assert_eq!(received(&never), "");
        assert_eq!(Hops::Each.of(&one, "this"), "this");
    }

    #[test]
    fn no_round_holds_two_messages_of_one_group() {
        let grouped = |(at, group): (usize, Option<&str>)| {
            let message = SqsMessage { group: group.map(str::to_owned), ..entry(at, 1).message };
            Entry { at, message }
        };
        let of = |groups: &[Option<&str>]| -> Vec<Vec<usize>> {
            let entries = groups.iter().copied().enumerate().map(grouped).collect();
            let places = |round: Vec<Entry>| round.into_iter().map(|entry| entry.at).collect();
            rounds(entries).into_iter().map(places).collect()
        };
        assert_eq!(of(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(of(&[None, None, None]), [[0, 1, 2]]);
        let groups = [Some("a"), Some("a"), Some("b"), Some("a"), Some("b")];
        assert_eq!(of(&groups), [vec![0, 2], vec![1, 4], vec![3]]);
    }

    #[test]
    fn a_batch_ends_with_ten_messages_or_a_mebibyte() {
        assert_eq!(cut(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(cut(&[1; 11]), [(0..10).collect::<Vec<_>>(), vec![10]]);
        assert_eq!(cut(&[LARGEST - 1, 1, 1]), [vec![0, 1], vec![2]]);
        assert_eq!(cut(&[LARGEST, LARGEST, 1]), [vec![0], vec![1], vec![2]]);
    }
}
