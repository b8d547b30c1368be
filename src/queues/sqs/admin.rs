//! Asking how queues are set up, and making them.

use super::client::{PATIENCE, Queue, within};
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use crate::error::{Error, Kind, Result};
use crate::location::list;
use crate::queues::Deletion;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

/// After how many receives a queue that we make takes a message away. What an outage of the sink
/// gives back counts, so it is the most that SQS has: a cron job that tries every minute brings a
/// good message there after 16 hours only.
const RECEIVES: u32 = 1000;

/// The longest that SQS keeps messages:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
const RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long a receive waits that does not say so.
const WAIT: Duration = Duration::from_secs(20);

/// How a queue is set up, and what it holds: by the service's names.
#[derive(Debug, Clone, Default)]
pub(super) struct Setup(HashMap<Attribute, String>);

/// When the service takes a message away, and whereto.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redrive {
    #[serde(rename = "deadLetterTargetArn")]
    pub(super) target: String,
    /// Some servers answer with a string.
    #[serde(rename = "maxReceiveCount", deserialize_with = "number")]
    pub(super) limit: u32,
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text.parse().map_err(serde::de::Error::custom),
        value => u32::deserialize(value).map_err(serde::de::Error::custom),
    }
}

impl Setup {
    pub(super) fn text(&self, name: Attribute) -> Option<&str> {
        self.0.get(&name).map(String::as_str)
    }

    pub(super) fn count(&self, name: Attribute) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn time(&self, name: Attribute) -> Option<Duration> {
        self.count(name).map(Duration::from_secs)
    }

    pub(super) fn redrive(&self) -> Option<Redrive> {
        serde_json::from_str(self.text(Attribute::RedrivePolicy)?).ok()
    }

    /// How many messages the queue has: ready, delayed and in flight.
    pub(super) fn messages(&self) -> Option<u64> {
        [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesDelayed,
            Attribute::ApproximateNumberOfMessagesNotVisible,
        ]
        .into_iter()
        .map(|name| self.count(name))
        .sum()
    }
}

impl Queue {
    /// How the queue is set up, and what it holds.
    pub(super) async fn look(&self) -> Result<Setup, ServiceError> {
        let url = self.url().await?;
        let question = self.client.get_queue_attributes().queue_url(url);
        let answer = within(PATIENCE, question.attribute_names(Attribute::All).send()).await?;
        Ok(Setup(answer.attributes.unwrap_or_default()))
    }

    /// How the queue is set up, and what it holds; `None` where we may not look.
    pub(super) async fn look_if_allowed(&self) -> Result<Option<Setup>, ServiceError> {
        match self.look().await {
            Err(error) if error.class == ErrorClass::Forbidden => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Proves that the service answers. Only a network error, missing credentials and a missing
    /// queue count against it: looking at a queue needs a right that its users may lack.
    pub(super) async fn ping(&self) -> Result<()> {
        let looked = self.look_if_allowed().await;
        looked.map(drop).map_err(|error| error.to_error("cannot reach", &self.name))
    }

    /// The queue of its dead letters: that of its redrive policy, else `NAME-dead`.
    pub(super) fn dead_letters(&self, setup: Option<&Setup>) -> Result<Name> {
        let found = self.found();
        let policy = setup.and_then(Setup::redrive);
        match policy.and_then(|policy| found.of_arn(&policy.target)) {
            Some(name) => Ok(name),
            None => found.dead_letters(),
        }
    }

    /// Makes the queue, one for its dead letters, and the policy between the two. `false`: it was
    /// there already, and is as it was; only a queue for its dead letters is made where none is
    /// named.
    pub(super) async fn create(&self) -> Result<bool> {
        let there = match self.look_if_allowed().await {
            Ok(setup) => Some(setup),
            Err(error) if error.class == ErrorClass::Missing => None,
            Err(error) => return Err(error.to_error("cannot create", &self.name)),
        };
        if let Some(setup) = there {
            if setup.is_some_and(|setup| setup.redrive().is_none()) {
                let dead = self.beside(self.found().dead_letters()?);
                dead.make(Vec::new())
                    .await
                    .map_err(|it| it.to_error("cannot create", &dead.name))?;
            }
            return Ok(false);
        }
        let dead = self.beside(self.name.dead_letters()?);
        let arn = dead.arn().await.map_err(|it| it.to_error("cannot create", &dead.name))?;
        let policy = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES});
        let policy = vec![(Attribute::RedrivePolicy, policy.to_string())];
        match self.make(policy).await {
            Ok(url) => self.is_where(&url).map(|()| true),
            Err(error) => Err(error.to_error("cannot create", &self.name)),
        }
    }

    /// Deletes the queue, and with it all that waits in it; unless `yes` only tells. Its dead
    /// letters stay.
    pub(super) async fn delete(&self, yes: bool) -> Result<Deletion> {
        let survey = self.survey().await?;
        if yes {
            let failed = |error: ServiceError| error.to_error("cannot delete", &self.name);
            let url = self.url().await.map_err(failed)?;
            let request = self.client.delete_queue().queue_url(url).send();
            within(PATIENCE, request).await.map_err(failed)?;
        }
        let dead: Vec<_> = survey.present().map(|dead| dead.name.short()).collect();
        let stays = (!dead.is_empty()).then(|| format!("the dead letters in {} stay", list(&dead)));
        Ok(Deletion { messages: survey.setup.messages(), dead: None, stays })
    }

    /// The ARN of a queue that is made where it is missing.
    async fn arn(&self) -> Result<String, ServiceError> {
        match self.look().await {
            Err(error) if error.class == ErrorClass::Missing => {
                self.make(Vec::new()).await?;
                tracing::info!("made {}", self.name);
            }
            answer => drop(answer?),
        }
        let setup = self.look().await?;
        setup.text(Attribute::QueueArn).map(str::to_owned).ok_or_else(ServiceError::silence)
    }

    async fn make(&self, more: Vec<(Attribute, String)>) -> Result<String, ServiceError> {
        let seconds = |time: Duration| time.as_secs().to_string();
        let mut request = self
            .client
            .create_queue()
            .queue_name(self.name.short())
            .attributes(Attribute::MessageRetentionPeriod, seconds(RETENTION))
            .attributes(Attribute::ReceiveMessageWaitTimeSeconds, seconds(WAIT));
        if self.name.is_fifo() {
            request = request.attributes(Attribute::FifoQueue, "true");
        }
        for (name, value) in more {
            request = request.attributes(name, value);
        }
        match within(PATIENCE, request.send()).await {
            Ok(answer) => answer.queue_url.ok_or_else(ServiceError::silence),
            // Somebody else made it meanwhile, or set it up otherwise.
            Err(error) if error.class == ErrorClass::Exists => self.url().await.map(str::to_owned),
            Err(error) => Err(error),
        }
    }

    /// A queue is made where the credentials say: a URL may have named another account.
    fn is_where(&self, url: &str) -> Result<()> {
        let path = |url: &str| url.splitn(4, '/').nth(3).map(str::to_owned);
        match self.name.full() {
            Some(full) if path(full) != path(url) => {
                let what = format!("{} was made in another account than its URL says", self.name);
                Err(Error::new(Kind::Configuration, what)
                    .because_of(format!("it is at `{url}`"))
                    .hint("use that URL, or the credentials of the other account"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_is_read_as_every_server_writes_it() {
        for limit in ["5", "\"5\""] {
            let json = format!("{{\"deadLetterTargetArn\":\"a\",\"maxReceiveCount\":{limit}}}");
            let setup = Setup(HashMap::from([(Attribute::RedrivePolicy, json)]));
            assert_eq!(setup.redrive(), Some(Redrive { target: "a".to_owned(), limit: 5 }));
        }
        let setup = Setup(HashMap::from([(Attribute::RedrivePolicy, "{}".to_owned())]));
        assert_eq!(setup.redrive(), None);
    }
}
