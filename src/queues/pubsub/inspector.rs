//! Looks into a subscription. What it holds can only be seen by receiving it.

use super::admin::{Admin, within};
use super::client::Connection;
use super::facts;
use super::name::Name;
use super::options::{self, SubscriptionOptions};
use super::publisher::PubsubPublisher;
use super::server_dead_letters::unwrap;
use super::streams::Plan;
use super::subscriber;
use super::survey::{DeadLetterTopic, Survey};
use crate::dead_letter::Death;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Message;
use crate::queues::peek_by_receiving::{self, counts, kept_back, no_dead_letter_store};
use crate::queues::{
    Contents, Inspect, Options, PeekByReceiving, Publisher, Purge, Side, Stats, Subscriber,
};
use async_trait::async_trait;
use google_cloud_pubsub::model::SeekRequest;
use google_cloud_pubsub::model::seek_request::Target;
use std::time::{Duration, SystemTime};

/// How long what is looked at stays ours after we are gone: the shortest that Pub/Sub has.
const LEASE: Duration = Duration::from_secs(10);

/// A subscription that is looked into. Nobody has receipts of it: the client settles only what the same
/// process has received.
pub(super) struct Inspector {
    name: Name,
    /// Where redriven messages go, where the URL says so; else the subscription's own topic.
    topic: Option<Name>,
    id_attribute: String,
    streams: usize,
    connection: Connection,
    admin: Admin,
    options: Options,
}

#[async_trait]
impl Inspect for Inspector {
    async fn stats(&self) -> Result<Stats> {
        Ok(facts::stats(&self.admin.survey(&self.name).await?))
    }

    fn peek_by_receiving(&self) -> Option<&dyn PeekByReceiving> {
        Some(self)
    }

    fn purge(&self) -> Option<&dyn Purge> {
        Some(self)
    }
}

#[async_trait]
impl PeekByReceiving for Inspector {
    async fn cost(&self, what: Contents) -> Result<String> {
        let survey = self.admin.survey(&self.name).await?;
        Ok(match what {
            Contents::Messages => cost(&survey),
            // They wait in another subscription, which is nobody's way to a sink.
            Contents::DeadLetters => kept_back(LEASE),
        })
    }

    async fn messages(&self, limit: Option<usize>) -> Result<Box<dyn Subscriber>> {
        self.subscriber(self.name.clone(), limit).await
    }

    async fn dead_letters(&self, limit: Option<usize>) -> Result<Vec<Box<dyn Subscriber>>> {
        let survey = self.admin.survey(&self.name).await?;
        let mut places = Vec::new();
        for dead in survey.dead_letter_topics() {
            match &dead.subscription {
                Some(name) => places.push(self.subscriber(name.clone(), limit).await?),
                None if dead.others.is_empty() => {}
                None => return Err(ambiguous(dead)),
            }
        }
        match places.is_empty() {
            true => Err(self.no_dead_letter_store(&survey)),
            false => Ok(places),
        }
    }

    fn unwrap(&self, letter: Message) -> (Message, Death) {
        unwrap(letter)
    }

    fn is_it(&self, url: &Location) -> bool {
        url.scheme() == "pubsub"
            && options::name(url, Side::From).is_ok_and(|name| name == self.name)
    }

    async fn origin(&self) -> Result<Box<dyn Publisher>> {
        let topic = match &self.topic {
            Some(topic) => topic.clone(),
            None => self.own_topic().await?,
        };
        let (id_attribute, connection) = (self.id_attribute.clone(), self.connection.clone());
        Ok(Box::new(PubsubPublisher::open(topic, id_attribute, connection, &self.options).await?))
    }
}

#[async_trait]
impl Purge for Inspector {
    /// Seeks to now. The service does not tell how many messages that skips.
    async fn purge(&self) -> Result<Option<u64>> {
        let now = SystemTime::from(self.options.clock.now()).try_into().map_err(|cause| {
            Error::new(Kind::Configuration, "the clock shows no time that Pub/Sub knows")
                .because_of(cause)
        })?;
        let mut request = SeekRequest::new().set_subscription(self.name.path());
        request.target = Some(Target::Time(Box::new(now)));
        let answer = self.admin.subscriptions.seek().with_request(request).send();
        within(answer).await.map_err(|it| it.to_error("cannot seek in", &self.name))?;
        Ok(None)
    }
}

impl Inspector {
    /// Prepares to look; nothing is sent yet.
    pub(super) async fn open(url: Location, options: &Options) -> Result<Self> {
        let parsed = SubscriptionOptions::of(url)?;
        let topic = parsed.topic()?;
        // Who looks is in no hurry, and one stream can hold all that may be in flight.
        let streams = parsed.streams.unwrap_or(1);
        let SubscriptionOptions { name, id_attribute, .. } = parsed;
        let connection = Connection::open(&options.environment)?;
        let admin = Admin::open(&connection).await?;
        let options = Options { passes_on: true, ..peek_by_receiving::options(LEASE, options) };
        Ok(Self { name, topic, id_attribute, streams, connection, admin, options })
    }

    async fn subscriber(&self, name: Name, limit: Option<usize>) -> Result<Box<dyn Subscriber>> {
        let options = Options { max_messages: limit, ..self.options.clone() };
        let plan = Plan::new(self.streams, &options)?;
        let (id_attribute, connection) = (self.id_attribute.clone(), self.connection.clone());
        let subscriber =
            subscriber::PubsubSubscriber::open(name, id_attribute, connection, plan).await?;
        Ok(Box::new(subscriber))
    }

    async fn own_topic(&self) -> Result<Name> {
        let found = self.admin.look(&self.name).await;
        let found = found.map_err(|it| it.to_error("cannot look for the topic of", &self.name))?;
        Name::of_topic_path(&found.topic).ok_or_else(|| {
            Error::new(Kind::Configuration, format!("{} has no topic any more", self.name))
                .because_of("its topic was deleted")
                .hint(format!("name another one: `{}?topic=NAME`", self.name.url()))
        })
    }

    /// The error where there is no subscription that dead letters could be in.
    fn no_dead_letter_store(&self, survey: &Survey) -> Error {
        let topic = survey.topic.as_ref().map_or("NAME", Name::short);
        let missing = survey.own.topic.subscription_alike();
        no_dead_letter_store(&self.name, &missing, &self.name.create_command_for(topic))
    }
}

fn ambiguous(dead: &DeadLetterTopic) -> Error {
    let names: Vec<_> = dead.others.iter().map(Name::short).collect();
    let what = format!("cannot tell where the dead letters in {} are read", dead.topic);
    Error::new(Kind::Configuration, what)
        .because_of(format!("it has the subscriptions {}", crate::location::list(&names)))
        .hint(format!("one that is named `{}`, as the topic is, stands out", dead.topic.short()))
}

/// What it costs to take messages of a subscription that is set up so.
fn cost(survey: &Survey) -> String {
    let mut costs = vec![kept_back(LEASE)];
    costs.extend(survey.policy.as_ref().map(|policy| counts(policy.limit)));
    if survey.found.enable_message_ordering {
        costs
            .push("what follows in its group waits, and may be delivered again with it".to_owned());
    }
    let backoff = survey.found.retry_policy.as_ref().and_then(|it| it.minimum_backoff);
    if let Some(backoff) = backoff.and_then(|it| Duration::try_from(it).ok()) {
        costs.push(format!(
            "what is given back comes again after {} only",
            humantime::format_duration(backoff)
        ));
    }
    costs.join("; ")
}
