//! Where the service is, who we are there, and the queue that is meant.

use super::SERVICE;
use super::error::ServiceError;
use super::name::{Name, Whereabouts};
use crate::clients::aws;
use crate::environment::Environment;
use crate::error::Result;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::{Client, Config, config::Region};
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long one question may take, retries of the client's included.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A queue and the way to it.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) client: Client,
    pub(super) name: Name,
    url: OnceCell<String>,
}

impl Queue {
    /// Prepares the client; nothing is sent to the service yet. The queue's own URL says the
    /// region, and where another server is; only `AWS_ENDPOINT_URL` says so before it.
    pub(super) async fn open(name: Name, environment: &Environment) -> Result<Self> {
        let config = aws::load_in(environment, SERVICE, region_of(&name).as_deref()).await?;
        let mut builder = Config::from(&config).to_builder();
        builder = builder.retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(100))
                .with_max_backoff(Duration::from_secs(2)),
        );
        match name.whereabouts() {
            Some(Whereabouts::Region(region)) => builder = builder.region(Region::new(region)),
            Some(Whereabouts::Elsewhere(origin)) if config.endpoint_url().is_none() => {
                builder = builder.endpoint_url(origin);
            }
            _ => {}
        }
        let url = OnceCell::new_with(name.full().map(str::to_owned));
        Ok(Self { client: Client::from_conf(builder.build()), name, url })
    }

    /// Another queue of the same service.
    pub(super) fn beside(&self, name: Name) -> Self {
        let url = OnceCell::new_with(name.full().map(str::to_owned));
        Self { client: self.client.clone(), name, url }
    }

    /// The queue's URL; asked for once, where only its name was given.
    pub(super) async fn url(&self) -> Result<&str, ServiceError> {
        let ask = async || {
            let question = self.client.get_queue_url().queue_name(self.name.short());
            let answer = within(PATIENCE, question.send()).await?;
            answer.queue_url.ok_or_else(ServiceError::silence)
        };
        self.url.get_or_try_init(ask).await.map(String::as_str)
    }

    /// The URL, where it is known by now.
    pub(super) fn known_url(&self) -> Option<&str> {
        self.url.get().map(String::as_str)
    }

    /// The name with the URL that was found for it.
    pub(super) fn found(&self) -> Name {
        self.known_url().map_or_else(|| self.name.clone(), |url| self.name.at(url))
    }
}

fn region_of(name: &Name) -> Option<String> {
    match name.whereabouts()? {
        Whereabouts::Region(region) => Some(region),
        Whereabouts::Elsewhere(_) => None,
    }
}

/// The client's own limits do not cover an answer that never comes.
pub(super) async fn within<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
    time: Duration,
    answer: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, ServiceError> {
    match tokio::time::timeout(time, answer).await {
        Ok(answer) => answer.map_err(ServiceError::from),
        Err(_) => Err(ServiceError::silence()),
    }
}
