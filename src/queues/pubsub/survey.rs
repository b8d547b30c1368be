//! What the service says of a subscription, its topic and the topics of its dead letters, without
//! receiving anything.

use super::admin::{Admin, within};
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use crate::error::Result;
use google_cloud_pubsub::model::Subscription;

/// A subscription and what belongs to it.
pub(super) struct Survey {
    /// The subscription as the service describes it.
    pub(super) found: Subscription,
    /// The topic that the subscription is of; `None` where that was deleted.
    pub(super) topic: Option<Name>,
    /// Whether that topic is there; `None` where we may not look.
    pub(super) topic_there: Option<bool>,
    /// Where our own dead letters go.
    pub(super) own: DeadLetterTopic,
    /// Where the server's dead letters go, where the subscription has a policy for them.
    pub(super) policy: Option<Policy>,
}

/// A dead-letter policy.
pub(super) struct Policy {
    /// After how many deliveries a message is moved.
    pub(super) limit: u32,
    /// Where it is moved to; `None` where that topic was deleted.
    pub(super) dead_letter_topic: Option<DeadLetterTopic>,
}

/// A topic for dead letters, and the subscription in which they wait.
pub(super) struct DeadLetterTopic {
    pub(super) topic: Name,
    /// Whether the topic is there; `None` where we may not look.
    pub(super) topic_there: Option<bool>,
    /// The subscription that is read; `None` where there is none, or none that stands out.
    pub(super) subscription: Option<Name>,
    /// The subscriptions of the topic, where none stands out.
    pub(super) others: Vec<Name>,
}

impl Admin {
    /// Asks the service for a subscription and all that belongs to it.
    pub(super) async fn survey(&self, name: &Name) -> Result<Survey> {
        let found = self.look(name).await.map_err(|it| it.to_error("cannot look at", name))?;
        let topic = Name::of_topic_path(&found.topic);
        let topic_there = match &topic {
            Some(topic) => self.has_topic(topic).await?,
            None => Some(false),
        };
        let own = self.own_dead_letter_topic(name).await?;
        let policy = match &found.dead_letter_policy {
            Some(policy) => Some(Policy {
                limit: policy.max_delivery_attempts.try_into().unwrap_or_default(),
                dead_letter_topic: self
                    .policy_dead_letter_topic(&policy.dead_letter_topic, &own)
                    .await?,
            }),
            None => None,
        };
        Ok(Survey { found, topic, topic_there, own, policy })
    }

    /// What the service says of a subscription.
    pub(super) async fn look(&self, name: &Name) -> Result<Subscription, ServiceError> {
        within(self.subscriptions.get_subscription().set_subscription(name.path()).send()).await
    }

    /// Where our own dead letters go: `NAME-dead`, both topic and subscription.
    async fn own_dead_letter_topic(&self, name: &Name) -> Result<DeadLetterTopic> {
        let topic = name.dead_letters()?;
        let subscription = topic.subscription_alike();
        let there = presence(self.look(&subscription).await, &subscription)?;
        Ok(DeadLetterTopic {
            topic_there: self.has_topic(&topic).await?,
            // One that we may not look at may all the same be there.
            subscription: (there != Some(false)).then_some(subscription),
            others: Vec::new(),
            topic,
        })
    }

    /// Where the server's dead letters go, unless that is where ours go.
    async fn policy_dead_letter_topic(
        &self,
        topic: &str,
        own: &DeadLetterTopic,
    ) -> Result<Option<DeadLetterTopic>> {
        let Some(topic) = Name::of_topic_path(topic) else { return Ok(None) };
        let topic_there = self.has_topic(&topic).await?;
        let mut others = match topic == own.topic {
            true => own.subscription.clone().into_iter().collect(),
            false => self.subscriptions_of(&topic).await?.unwrap_or_default(),
        };
        let alike = others.iter().position(|it| *it == topic.subscription_alike());
        let chosen = alike.or((others.len() == 1).then_some(0));
        let subscription = chosen.map(|at| others.swap_remove(at));
        if subscription.is_some() {
            others.clear();
        }
        Ok(Some(DeadLetterTopic { topic, topic_there, subscription, others }))
    }

    /// Whether a topic is there; `None` where we may not look.
    pub(super) async fn has_topic(&self, topic: &Name) -> Result<Option<bool>> {
        presence(within(self.topics.get_topic().set_topic(topic.path()).send()).await, topic)
    }

    /// The subscriptions of a topic, a page of them; `None` where we may not look.
    pub(super) async fn subscriptions_of(&self, topic: &Name) -> Result<Option<Vec<Name>>> {
        let question = self.topics.list_topic_subscriptions().set_topic(topic.path());
        match within(question.send()).await {
            Ok(answer) => {
                let names = answer.subscriptions.iter();
                Ok(Some(names.filter_map(|path| Name::of_subscription_path(path)).collect()))
            }
            Err(error) if error.class == ErrorClass::Missing => Ok(Some(Vec::new())),
            Err(error) if error.class == ErrorClass::Forbidden => Ok(None),
            Err(error) => Err(error.to_error("cannot ask who reads", topic)),
        }
    }
}

impl Survey {
    /// Every topic for dead letters, each once.
    pub(super) fn dead_letter_topics(&self) -> Vec<&DeadLetterTopic> {
        let policy = self.policy.as_ref().and_then(|policy| policy.dead_letter_topic.as_ref());
        let policy = policy.filter(|dead| dead.topic != self.own.topic);
        [Some(&self.own), policy].into_iter().flatten().collect()
    }
}

/// Whether what was looked for is there; `None` where we may not look.
fn presence<T>(answer: Result<T, ServiceError>, name: &Name) -> Result<Option<bool>> {
    match answer {
        Ok(_) => Ok(Some(true)),
        Err(error) if error.class == ErrorClass::Missing => Ok(Some(false)),
        Err(error) if error.class == ErrorClass::Forbidden => Ok(None),
        Err(error) => Err(error.to_error("cannot look at", name)),
    }
}
