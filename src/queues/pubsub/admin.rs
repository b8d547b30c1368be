//! Making topics and subscriptions, and asking whether they are there.

use super::client::Connection;
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use crate::error::{Error, Kind, Result};
use crate::location::list;
use crate::queues::Deletion;
use google_cloud_gax::Result as Answer;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use google_cloud_pubsub::client::{SchemaService, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model::{ExpirationPolicy, Subscription};
use std::time::Duration;

/// How long one question may take, retries included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that a subscription keeps messages:
/// <https://docs.cloud.google.com/pubsub/docs/subscription-properties>.
const RETENTION: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The longest that the emulator keeps them: it refuses more.
const EMULATOR_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is fixed when a subscription is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delivering {
    /// The order within an ordering key is kept.
    pub(super) ordered: bool,
    /// What was acknowledged is not delivered again, and acknowledgements are confirmed.
    pub(super) exactly_once: bool,
}

/// The clients that manage topics and subscriptions; they need rights of their own.
pub(super) struct Admin {
    pub(super) topics: TopicAdmin,
    pub(super) subscriptions: SubscriptionAdmin,
    /// Only this client asks for rights, those on topics and subscriptions included.
    pub(super) rights: SchemaService,
    retention: Duration,
}

/// Builds a client of this type over a connection. The builders are alike, and of different types.
macro_rules! client {
    ($client:ty, $connection:expr) => {{
        let connection: &Connection = $connection;
        let mut builder = <$client>::builder()
            .with_credentials(connection.credentials.clone())
            .with_retry_policy(Aip194Strict.with_time_limit(PATIENCE))
            .with_attempt_timeout(PATIENCE);
        if let Some(endpoint) = &connection.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        builder.build().await.map_err(|cause| connection.cannot_build(cause))
    }};
}

impl Admin {
    /// Builds the clients; nothing is sent yet.
    pub(super) async fn open(connection: &Connection) -> Result<Self> {
        let topics = client!(TopicAdmin, connection)?;
        let subscriptions = client!(SubscriptionAdmin, connection)?;
        let rights = client!(SchemaService, connection)?;
        let retention = if connection.is_emulator() { EMULATOR_RETENTION } else { RETENTION };
        Ok(Self { topics, subscriptions, rights, retention })
    }

    /// Proves that the service answers for a topic. Only a network error, missing credentials and a
    /// missing topic count against it: looking at one needs a right that a publisher may lack.
    pub(super) async fn ping_topic(&self, topic: &Name) -> Result<()> {
        let question = self.topics.get_topic().set_topic(topic.path());
        proves(within(question.send()).await, topic)
    }

    /// Proves that the service answers for a subscription. Only a network error, missing credentials
    /// and a missing subscription count against it: looking at one needs a right that a subscriber may
    /// lack.
    pub(super) async fn ping_subscription(&self, subscription: &Name) -> Result<()> {
        let question = self.subscriptions.get_subscription().set_subscription(subscription.path());
        proves(within(question.send()).await, subscription)
    }

    /// After how many deliveries the subscription's dead-letter policy takes a message away; `None`
    /// where there is no policy, or no right to look.
    pub(super) async fn max_deliveries(&self, subscription: &Name) -> Result<Option<u32>> {
        let question = self.subscriptions.get_subscription().set_subscription(subscription.path());
        match within(question.send()).await {
            Ok(found) => {
                let limit = found.dead_letter_policy.map(|policy| policy.max_delivery_attempts);
                Ok(limit.and_then(|limit| limit.try_into().ok()))
            }
            answer => proves(answer, subscription).map(|()| None),
        }
    }

    /// Makes a topic; `false` where it is there already.
    pub(super) async fn create_topic(&self, topic: &Name) -> Result<bool> {
        made(within(self.topics.create_topic().set_name(topic.path()).send()).await, topic)
    }

    /// The subscriptions that get what this topic is given, a page of them.
    pub(super) async fn readers(&self, topic: &Name) -> Result<Vec<Name>> {
        let question = self.topics.list_topic_subscriptions().set_topic(topic.path());
        let answer = within(question.send()).await;
        let answer = answer.map_err(|error| error.to_error("cannot ask who reads", topic))?;
        let names = answer.subscriptions.iter();
        Ok(names.filter_map(|path| Name::of_subscription_path(path)).collect())
    }

    /// Makes a subscription that never expires and retains as long as the service can; `false`
    /// where it is there already.
    pub(super) async fn create_subscription(
        &self,
        name: &Name,
        topic: &Name,
        delivering: Delivering,
    ) -> Result<bool> {
        let mut wanted = Subscription::new()
            .set_name(name.path())
            .set_topic(topic.path())
            .set_enable_message_ordering(delivering.ordered)
            .set_enable_exactly_once_delivery(delivering.exactly_once)
            .set_expiration_policy(ExpirationPolicy::new());
        wanted.message_retention_duration = self.retention.try_into().ok();
        let answer = self.subscriptions.create_subscription().with_request(wanted).send();
        let made = made(within(answer).await, name)?;
        if !made {
            self.compare(name, topic, delivering).await?;
        }
        Ok(made)
    }

    /// Compares a subscription that was there already with the one that was wanted: another topic is an
    /// error, another way of delivering is warned of.
    async fn compare(&self, name: &Name, topic: &Name, wanted: Delivering) -> Result<()> {
        let question = self.subscriptions.get_subscription().set_subscription(name.path());
        // Looking needs a right of its own; without it nothing can be compared.
        let Ok(found) = within(question.send()).await else { return Ok(()) };
        if found.topic != topic.path() {
            return Err(Error::new(Kind::Configuration, format!("{name} is not of {topic}"))
                .because_of(format!("it is there already, and of `{}`", found.topic))
                .hint("name another subscription, or its own topic"));
        }
        let is = Delivering {
            ordered: found.enable_message_ordering,
            exactly_once: found.enable_exactly_once_delivery,
        };
        let lacks = [
            (wanted.ordered && !is.ordered, "ordered"),
            (wanted.exactly_once && !is.exactly_once, "exactly-once"),
        ];
        for (_, what) in lacks.into_iter().filter(|(lacks, _)| *lacks) {
            tracing::warn!("{name} was there already, and is not `{what}`");
        }
        Ok(())
    }
}

impl Admin {
    /// Deletes a subscription, and with it all that waits in it; unless `yes` only tells. Its topic
    /// and its dead letters stay.
    pub(super) async fn delete(&self, name: &Name, yes: bool) -> Result<Deletion> {
        let survey = self.survey(name).await?;
        if yes {
            let answer = self.subscriptions.delete_subscription().set_subscription(name.path());
            within(answer.send()).await.map_err(|it| it.to_error("cannot delete", name))?;
        }
        let topic = match &survey.topic {
            Some(topic) => format!("its {topic} stays"),
            None => "its topic was deleted before".to_owned(),
        };
        let dead =
            survey.dead_letter_topics().into_iter().filter_map(|it| it.subscription.as_ref());
        let dead: Vec<_> = dead.map(Name::short).collect();
        let stays = match dead.is_empty() {
            true => topic,
            false => format!("{topic}, and so do the dead letters in {}", list(&dead)),
        };
        Ok(Deletion { messages: None, dead: None, stays: Some(stays) })
    }

    /// Whether a subscription is one of this topic: what is received from it and published there
    /// comes again, for ever. Where the service does not say, their names tell.
    pub(super) async fn leads_back(&self, subscription: &Name, topic: &Name) -> bool {
        match self.look(subscription).await {
            Ok(found) => found.topic == topic.path(),
            Err(_) => topic.subscription_alike() == *subscription,
        }
    }
}

/// The answer to one question, or that there was none in time: the clients' own limits do not cover a
/// connection that is never made.
pub(super) async fn within<T>(answer: impl Future<Output = Answer<T>>) -> Result<T, ServiceError> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| ServiceError::from(&error)),
        Err(_) => Err(ServiceError::silence()),
    }
}

fn made<T>(answer: Result<T, ServiceError>, name: &Name) -> Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.class == ErrorClass::Exists => Ok(false),
        Err(error) => Err(error.to_error("cannot create", name)),
    }
}

fn proves<T>(answer: Result<T, ServiceError>, name: &Name) -> Result<()> {
    match answer {
        Err(error)
            if matches!(
                error.class,
                ErrorClass::Missing | ErrorClass::Anonymous | ErrorClass::Unreachable
            ) =>
        {
            Err(error.to_error("cannot reach", name))
        }
        _ => Ok(()),
    }
}
