//! Looks into a queue. What it holds can only be seen by receiving it.

use super::client::{PATIENCE, Queue, within};
use super::codec::Codec;
use super::limits::BATCH;
use super::name::Name;
use super::options::SqsOptions;
use super::publisher::SqsPublisher;
use super::subscriber::{Reception, SqsSubscriber};
use super::survey::Survey;
use super::{burial, facts};
use crate::dead_letter::Death;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::location::Location;
use crate::message::Message;
use crate::queues::{
    Contents, DeadLetterStore, Inspect, Options, Peek, PeekByReceiving, Publisher, Purge, Receipts,
    Stats, Subscriber,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// How long what is looked at stays ours after we are gone.
const LEASE: Duration = Duration::from_secs(30);

/// At most this many messages are taken at once: of a queue no more than 120,000 can be
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
const IN_HAND: usize = 100_000;

/// A queue, looked at.
pub(super) struct Inspector {
    pub(super) queue: Arc<Queue>,
    pub(super) codec: Codec,
    receivers: usize,
    pub(super) options: Options,
}

/// Opens it; nothing is sent to the service yet.
pub async fn open(url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
    let parsed = SqsOptions::of(url)?;
    let options = Options {
        lease: LEASE,
        in_flight: IN_HAND,
        // Who looks keeps the receipts only.
        in_flight_bytes: usize::MAX,
        max_messages: None,
        create: false,
        ..options.clone()
    };
    let queue = Arc::new(parsed.open(&options).await?);
    let codec = parsed.codec(&parsed.name);
    Ok(Box::new(Inspector { queue, codec, receivers: parsed.receivers, options }))
}

#[async_trait]
impl Inspect for Inspector {
    async fn stats(&self) -> Result<Stats> {
        let survey = self.queue.survey().await?;
        let url = self.queue.known_url().unwrap_or_default();
        Ok(facts::stats(&self.queue.name, url, &survey))
    }

    fn peek(&self) -> Option<&dyn Peek> {
        None
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        None
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
        let places = survey.places().map(|burial| {
            let queue = Arc::new(self.queue.beside(burial.name.clone()));
            self.subscriber(queue, limit, true)
        });
        let places: Vec<_> = places.collect();
        match places.is_empty() {
            true => Err(self.no_place(&survey)),
            false => Ok(places),
        }
    }

    fn unwrap(&self, letter: Message) -> (Message, Death) {
        burial::unwrap(letter)
    }

    /// The queues of one region and account, as a queue and that of its dead letters are, are told
    /// apart by their names.
    fn is_it(&self, url: &Location) -> bool {
        url.scheme() == "sqs"
            && Name::of(url).is_ok_and(|name| name.short() == self.queue.name.short())
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
    /// How many messages that removes, the service does not tell.
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
    fn subscriber(
        &self,
        queue: Arc<Queue>,
        limit: Option<usize>,
        telling: bool,
    ) -> Box<dyn Subscriber> {
        let options = Options { max_messages: limit, ..self.options.clone() };
        let receivers = limit.map_or(self.receivers, |it| it.div_ceil(BATCH).min(self.receivers));
        let codec = Codec { queue: queue.name.short().to_owned(), ..self.codec.clone() };
        let set =
            Reception { receivers: receivers.max(1), dead: None, max_deliveries: None, telling };
        Box::new(SqsSubscriber::new(queue, codec, set, &options))
    }

    /// The error where there is no queue that dead letters could be in.
    fn no_place(&self, survey: &Survey) -> Error {
        let what = format!("there is no place for dead letters of {}", self.queue.name);
        Error::new(Kind::Configuration, what)
            .because_of(format!("there is no {}", survey.own().name))
            .hint(format!(
                "{} makes it; what died before it was there is in the spool file of the machine \
                 that ran `subscribe`",
                hint::command(["queue", "create", &self.queue.name.url()])
            ))
    }
}

/// What it costs to take messages of such a queue.
fn cost(fifo: bool, limit: Option<u32>) -> String {
    let lease = humantime::format_duration(LEASE);
    let mut costs = vec![format!(
        "what is taken is kept from every subscriber until it is given back, and for {lease} more \
         if this program is killed"
    )];
    costs.extend(limit.map(|limit| {
        format!(
            "it counts as one of the {limit} deliveries after which the server makes a dead letter \
             of it"
        )
    }));
    if fifo {
        costs.push("of a group only the first ones come, and what follows them waits".to_owned());
    }
    costs.join("; ")
}
