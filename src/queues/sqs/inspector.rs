//! Looks into a queue. What it holds can only be seen by receiving it.

use super::client::{PATIENCE, Queue, within};
use super::codec::Codec;
use super::limits::BATCH;
use super::options::SqsOptions;
use super::publisher::SqsPublisher;
use super::subscriber::{Reception, SqsSubscriber};
use super::survey::Survey;
use super::{facts, server_dead_letters};
use crate::dead_letter::Death;
use crate::error::{Error, Result};
use crate::hint;
use crate::location::Location;
use crate::message::Message;
use crate::queues::peek_by_receiving::{self, counts, kept_back, no_dead_letter_store};
use crate::queues::{
    Contents, Inspect, Options, PeekByReceiving, Publisher, Purge, Receipts, Stats, Subscriber,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// How long what is looked at stays ours after we are gone.
const LEASE: Duration = Duration::from_secs(30);

/// A queue that is looked into.
pub(super) struct Inspector {
    pub(super) queue: Arc<Queue>,
    pub(super) codec: Codec,
    receivers: usize,
    pub(super) options: Options,
}

#[async_trait]
impl Inspect for Inspector {
    async fn stats(&self) -> Result<Stats> {
        let survey = self.queue.survey().await?;
        let url = self.queue.known_url().unwrap_or_default();
        Ok(facts::stats(&self.queue.name, url, &survey))
    }

    fn peek_by_receiving(&self) -> Option<&dyn PeekByReceiving> {
        Some(self)
    }

    fn purge(&self) -> Option<&dyn Purge> {
        Some(self)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }
}

#[async_trait]
impl PeekByReceiving for Inspector {
    async fn cost(&self, what: Contents) -> Result<String> {
        let survey = self.queue.survey().await?;
        Ok(match what {
            Contents::Messages => cost(self.codec.fifo, survey.policy.map(|policy| policy.limit)),
            // They wait in another queue, which is nobody's way to a sink.
            Contents::DeadLetters => cost(self.codec.fifo, None),
        })
    }

    async fn messages(&self, limit: Option<usize>) -> Result<Box<dyn Subscriber>> {
        Ok(self.subscriber(self.queue.clone(), limit, false))
    }

    async fn dead_letters(&self, limit: Option<usize>) -> Result<Vec<Box<dyn Subscriber>>> {
        let survey = self.queue.survey().await?;
        let places = survey.present().map(|dead| {
            let queue = Arc::new(self.queue.beside(dead.name.clone()));
            self.subscriber(queue, limit, true)
        });
        let places: Vec<_> = places.collect();
        match places.is_empty() {
            true => Err(self.no_dead_letter_store(&survey)),
            false => Ok(places),
        }
    }

    fn unwrap(&self, letter: Message) -> (Message, Death) {
        server_dead_letters::unwrap(letter)
    }

    /// The queues of one region and account, as a queue and that of its dead letters are, are told
    /// apart by their names.
    fn is_it(&self, url: &Location) -> bool {
        url.scheme() == "sqs"
            && SqsOptions::of(url.clone())
                .is_ok_and(|other| other.name.short() == self.queue.name.short())
    }

    /// Each message makes a hop. The service's own task that moves dead letters back would take
    /// what we add to them along, and could neither choose nor tell what became of each.
    async fn origin(&self) -> Result<Box<dyn Publisher>> {
        let publisher = SqsPublisher::new(self.queue.clone(), self.codec.clone(), &self.options);
        Ok(Box::new(publisher.with_hops()))
    }
}

#[async_trait]
impl Purge for Inspector {
    /// Purges the queue. The service does not tell how many messages that removes.
    async fn purge(&self) -> Result<Option<u64>> {
        let failed =
            |error: super::error::ServiceError| error.to_error("cannot purge", &self.queue.name);
        let url = self.queue.url().await.map_err(failed)?;
        let request = self.queue.client.purge_queue().queue_url(url).send();
        within(PATIENCE, request).await.map_err(failed)?;
        Ok(None)
    }
}

impl Inspector {
    /// Prepares to look; nothing is sent yet.
    pub(super) async fn open(url: Location, options: &Options) -> Result<Self> {
        let parsed = SqsOptions::of(url)?;
        let options = Options {
            // Who looks keeps the receipts only.
            in_flight_bytes: usize::MAX,
            ..peek_by_receiving::options(LEASE, options)
        };
        let queue = Arc::new(parsed.queue(&options).await?);
        Ok(Self { queue, codec: parsed.codec(), receivers: parsed.receivers, options })
    }

    fn subscriber(
        &self,
        queue: Arc<Queue>,
        limit: Option<usize>,
        telling: bool,
    ) -> Box<dyn Subscriber> {
        let options = Options { max_messages: limit, ..self.options.clone() };
        let receivers = limit.map_or(self.receivers, |it| it.div_ceil(BATCH).min(self.receivers));
        let codec = Codec { queue: queue.name.short().to_owned(), ..self.codec.clone() };
        let reception =
            Reception { receivers: receivers.max(1), dead: None, max_deliveries: None, telling };
        Box::new(SqsSubscriber::new(queue, codec, reception, &options))
    }

    /// The error where there is no queue that dead letters could be in.
    fn no_dead_letter_store(&self, survey: &Survey) -> Error {
        let make = hint::command(["queue", "create", &self.queue.name.url()]);
        no_dead_letter_store(&self.queue.name, &survey.own().name, &make)
    }
}

/// What it costs to take messages of such a queue.
fn cost(fifo: bool, limit: Option<u32>) -> String {
    let mut costs = vec![kept_back(LEASE)];
    costs.extend(limit.map(counts));
    if fifo {
        costs.push("of a group only the first ones come, and what follows them waits".to_owned());
    }
    costs.join("; ")
}
