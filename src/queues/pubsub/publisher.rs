//! Publishing to a topic.

use super::admin::Admin;
use super::client::Connection;
use super::codec::Codec;
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use crate::clock::Clock;
use crate::error::Result;
use crate::message::Message;
use crate::queues::service_error::{Failure, Sent, published, whole_queue};
use crate::queues::{Options, Published, Publisher};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_pubsub::client::BasePublisher;
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// Messages in one request. The service takes 1,000; two requests travel side by side.
const REQUEST_MESSAGES: u32 = 500;

/// Bytes in one request, by the client's estimate, which leaves out the framing. A larger message
/// goes alone.
const REQUEST_BYTES: u32 = 4_000_000;

/// Requests at once while messages are sent one by one.
const ALONE_AT_ONCE: usize = 32;

/// What the client is given beyond its own time limit: it does not count the time in which a
/// connection is being made.
const BEYOND: Duration = Duration::from_millis(500);

/// A topic, opened for publishing.
pub(super) struct PubsubPublisher {
    name: Name,
    codec: Codec,
    client: BasePublisher,
    connection: Connection,
    timeout: Duration,
    clock: Clock,
    /// Held while a batch with groups is sent: the order within a group holds across calls too.
    turn: tokio::sync::Mutex<()>,
}

impl PubsubPublisher {
    /// Prepares the client; nothing is sent yet.
    pub(super) async fn open(
        name: Name,
        id_attribute: String,
        connection: Connection,
        options: &Options,
    ) -> Result<Self> {
        let backoff = ExponentialBackoffBuilder::new()
            .with_initial_delay(Duration::from_millis(100))
            .with_maximum_delay(Duration::from_secs(2))
            .clamp();
        let mut builder = BasePublisher::builder()
            .with_credentials(connection.credentials.clone())
            .with_retry_policy(RetryableErrors.with_time_limit(options.publish_timeout))
            .with_backoff_policy(backoff);
        if let Some(endpoint) = &connection.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let client = builder.build().await.map_err(|cause| connection.cannot_build(cause))?;
        let (timeout, clock) = (options.publish_timeout, options.clock.clone());
        let (codec, turn) =
            (Codec { id_attribute, passes_on: options.passes_on }, Default::default());
        Ok(Self { name, codec, client, connection, timeout, clock, turn })
    }

    /// Why this message cannot be published, if so.
    fn refusal(&self, message: &Message) -> Option<String> {
        if message.not_before.is_some_and(|time| time > self.clock.now()) {
            return Some("Pub/Sub cannot hold it back until its `not_before`".to_owned());
        }
        self.codec.refusal(message)
    }

    /// Sends messages in as few requests as possible, and waits for every answer.
    ///
    /// Each call has a publisher of its own over the shared connection, dropped as soon as it has
    /// been given everything: that sends the rest at once instead of after the batching delay, no
    /// group stays paused after a failure, and groups of the past take no memory.
    async fn send(&self, messages: &[&Message]) -> Vec<Sent> {
        let publisher = self
            .client
            .publisher(self.name.path())
            .set_message_count_threshold(REQUEST_MESSAGES)
            .set_byte_threshold(REQUEST_BYTES)
            .build();
        let answers: Vec<_> =
            messages.iter().map(|message| publisher.publish(self.codec.to_wire(message))).collect();
        drop(publisher);
        let mut late = pin!(tokio::time::sleep(self.timeout + BEYOND));
        let mut sent = Vec::with_capacity(answers.len());
        for answer in answers {
            sent.push(tokio::select! {
                biased;
                answer = answer => answer.map(drop).map_err(|error| Failure::from(&error)),
                () = &mut late => Err(Failure::Service(ServiceError::silence())),
            });
        }
        sent
    }

    /// Sends again, each in a request of its own, what shared a request that was refused: that
    /// finds the one that spoils it. Groups stay in order.
    async fn send_alone(&self, messages: &[&Message], sent: &mut [Sent]) {
        let mut groups: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for at in spoiled(messages, sent) {
            groups.entry(messages[at].group.as_deref()).or_default().push(at);
        }
        let free = groups.remove(&None).unwrap_or_default();
        let queues = free.into_iter().map(|at| vec![at]).chain(groups.into_values());
        let deadline = Instant::now() + self.timeout;
        let answers: Vec<_> = stream::iter(queues)
            .map(|queue| self.send_in_turn(messages, queue, deadline))
            .buffer_unordered(ALONE_AT_ONCE)
            .collect()
            .await;
        for (at, answer) in answers.into_iter().flatten() {
            sent[at] = answer;
        }
    }

    /// Sends these one after the other. One that is refused for good lets the others pass.
    async fn send_in_turn(
        &self,
        messages: &[&Message],
        queue: Vec<usize>,
        deadline: Instant,
    ) -> Vec<(usize, Sent)> {
        let mut answers = Vec::new();
        let mut stopped = false;
        for at in queue {
            let answer = if stopped || Instant::now() >= deadline {
                Err(Failure::Behind)
            } else {
                self.send(&[messages[at]]).await.remove(0)
            };
            stopped |= matches!(&answer, Err(failure) if !failure.is_refusal());
            answers.push((at, answer));
        }
        answers
    }
}

/// The places of the messages whose request was refused, and of those behind them in their group.
fn spoiled(messages: &[&Message], sent: &[Sent]) -> Vec<usize> {
    let mut first_failures: HashMap<&str, bool> = HashMap::new();
    let mut places = Vec::new();
    for (at, (message, answer)) in messages.iter().zip(sent).enumerate() {
        let Err(failure) = answer else { continue };
        let refused = match message.group.as_deref() {
            Some(group) => *first_failures.entry(group).or_insert(failure.is_refusal()),
            None => failure.is_refusal(),
        };
        if refused {
            places.push(at);
        }
    }
    places
}

impl From<&PublishError> for Failure {
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Rpc(error) => Self::Service(ServiceError::from(&**error)),
            PublishError::OrderingKeyPaused => Self::Behind,
            other => Self::Service(ServiceError::new(ErrorClass::Unreachable, &other.to_string())),
        }
    }
}

#[async_trait]
impl Publisher for PubsubPublisher {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let refusals: Vec<_> = batch.iter().map(|message| self.refusal(message)).collect();
        let messages: Vec<_> = batch
            .iter()
            .zip(&refusals)
            .filter_map(|(message, refusal)| refusal.is_none().then_some(message))
            .collect();
        let ordered = messages.iter().any(|message| message.group.is_some());
        let turn = if ordered { Some(self.turn.lock().await) } else { None };
        let mut sent = self.send(&messages).await;
        // A message that was alone in its request needs no second one to be found.
        if messages.len() > 1 && whole_queue(sent.iter()).is_none() {
            self.send_alone(&messages, &mut sent).await;
        }
        drop(turn);
        if let Some(error) = whole_queue(sent.iter()) {
            return Err(error.to_error("cannot publish to", &self.name));
        }
        let mut answers = sent.into_iter();
        let mut next = || published(answers.next().expect("one for each that was not refused"));
        Ok(refusals
            .into_iter()
            .map(|refusal| refusal.map_or_else(&mut next, Published::Refused))
            .collect())
    }

    async fn ping(&self) -> Result<()> {
        Admin::open(&self.connection).await?.ping_topic(&self.name).await
    }

    /// There is nothing to send: `publish` has waited for every answer.
    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: ErrorClass) -> Sent {
        Err(Failure::Service(ServiceError::new(class, "")))
    }

    fn message(group: Option<&str>) -> Message {
        let mut message = Message::new("a", "");
        message.group = group.map(str::to_owned);
        message
    }

    #[test]
    fn only_what_shared_a_refused_request_is_sent_again() {
        let groups = [None, None, Some("x"), Some("x"), Some("y"), Some("y"), None];
        let messages = groups.map(message);
        let messages: Vec<_> = messages.iter().collect();
        let sent = [
            Ok(()),
            failed(ErrorClass::Refused),
            failed(ErrorClass::Refused),
            Err(Failure::Behind),
            failed(ErrorClass::Busy),
            Err(Failure::Behind),
            failed(ErrorClass::Busy),
        ];
        assert_eq!(spoiled(&messages, &sent), [1, 2, 3]);
    }
}
