//! One question for JSON, asked again where that may help.

use super::rate_limit::RateLimit;
use super::refused::Refused;
use super::{BodyError, client, read_body};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Kind, Result};
use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long and how often to ask.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long one request takes at most, its answer included.
    pub timeout: Duration,
    /// How many requests there are in all, when the first ones fail in a way that may pass.
    pub tries: usize,
    /// The first pause between two requests; it doubles, and up to as much again is added by dice.
    pub pause: Duration,
    /// A rate limit that ends within this time is waited for; a later end is an error at once.
    pub patience: Duration,
    /// The longest answer, in bytes.
    pub max_answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            tries: 3,
            pause: Duration::from_millis(500),
            patience: Duration::from_secs(5),
            max_answer: 16 << 20,
        }
    }
}

/// An answer that can be used.
#[derive(Debug)]
pub enum Answer {
    /// 304: nothing has changed since what the request's conditions name.
    NotModified,
    /// JSON, or at least what is JSON but for wrong bytes in its strings.
    Json {
        /// The headers of the answer.
        headers: HeaderMap,
        /// The body as it came.
        body: Vec<u8>,
    },
}

/// The text of a body, without a byte order mark; where bytes are no UTF-8, with a sign in place of
/// each, and owned then.
pub fn text(body: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches('\u{feff}').to_owned()),
    }
}

/// Asks servers for JSON, with as much patience as the limits say.
#[derive(Debug)]
pub struct Getter {
    client: Client,
    limits: Limits,
    clock: Clock,
    /// The server asked not to be asked before.
    not_before: Mutex<Option<Instant>>,
}

impl Getter {
    /// A client for one endpoint, as [`client`] makes it.
    ///
    /// # Errors
    /// Those of [`client`].
    pub fn new(
        endpoint: &Url,
        limits: Limits,
        environment: &Environment,
        clock: Clock,
    ) -> Result<Self> {
        let client = client(endpoint, limits.timeout, environment)?;
        Ok(Self { client, limits, clock, not_before: Mutex::default() })
    }

    /// Asks for a URL with these headers, again where that may help: after a pause of its own, or
    /// when the server says. Where that is beyond the patience, the server is not asked at all
    /// until then.
    ///
    /// # Errors
    /// The failure of the last try.
    pub async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, Failure> {
        self.respect()?;
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.limits.pause)
            .with_max_times(self.limits.tries.saturating_sub(1));
        (|| self.ask(url, headers))
            .retry(pauses)
            .when(Failure::may_pass)
            .adjust(|failure, pause| self.pause(failure, pause))
            .notify(|failure, pause| {
                let error: &dyn std::error::Error = failure;
                tracing::info!(error, ?pause, "asking again");
            })
            .await
            .inspect_err(|failure| self.note(failure))
    }

    /// Refuses to ask before the server's time.
    fn respect(&self) -> Result<(), Failure> {
        let until = *self.not_before.lock().expect("no holder panics");
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => Err(Failure::NotYet(left.as_secs() + 1)),
            None => Ok(()),
        }
    }

    /// Remembers when the server wants to be asked again.
    fn note(&self, failure: &Failure) {
        let wait = failure.wait(&self.clock).filter(|wait| *wait > self.limits.patience);
        if let Some(until) = wait.and_then(|wait| Instant::now().checked_add(wait)) {
            *self.not_before.lock().expect("no holder panics") = Some(until);
        }
    }

    /// Asks once.
    async fn ask(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, Failure> {
        let request = self.client.get(url.clone()).headers(headers.clone());
        let response =
            request.send().await.map_err(|error| Failure::Broken(error.without_url()))?;
        let (status, rate_limit) = (response.status(), RateLimit::of(response.headers()));
        tracing::debug!(status = status.as_u16(), %rate_limit, "the server answered");
        match status {
            StatusCode::NOT_MODIFIED => return Ok(Answer::NotModified),
            status if status.is_success() => {}
            _ => return Err(Failure::Refused(Box::new(Refused::of(response).await))),
        }
        let headers = response.headers().clone();
        let body = read_body(response, self.limits.max_answer).await?;
        // It is read again for what it holds; here, to ask again where it was cut off.
        serde_json::from_str::<&RawValue>(&text(&body)).map_err(Failure::NotJson)?;
        Ok(Answer::Json { headers, body })
    }

    /// The pause before the next request: what the rate limit asks for, where it says so.
    fn pause(&self, failure: &Failure, pause: Option<Duration>) -> Option<Duration> {
        let pause = pause?;
        match failure.wait(&self.clock) {
            Some(wait) if wait > self.limits.patience => None,
            Some(wait) => Some(wait + pause),
            None => Some(pause),
        }
    }
}

/// Why a request gave nothing that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server said no, or not now.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// An earlier answer said so: the server was not asked.
    #[error("the server asked not to be asked for another {0} s")]
    NotYet(u64),
    /// The connection failed, or the time was over.
    #[error("there was no whole answer")]
    Broken(#[source] reqwest::Error),
    /// The answer is not shown: it may hold names and addresses.
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The answer is longer than this many bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Broken(error) => Self::Broken(error.without_url()),
            BodyError::TooLong(limit) => Self::TooLong(limit),
        }
    }
}

/// What to do about a failure, in the words of who asks.
#[derive(Debug, Clone, Copy)]
pub struct Hints {
    /// Where the credentials were refused.
    pub credentials: &'static str,
    /// Where too much was asked.
    pub busy: &'static str,
    /// Where the request was refused for another reason.
    pub refused: &'static str,
    /// Where the answer was no JSON, or far too long.
    pub strange: &'static str,
}

impl Failure {
    /// Whether the same request may succeed later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.may_pass(),
            Self::Broken(_) | Self::NotJson(_) => true,
            Self::TooLong(_) | Self::NotYet(_) => false,
        }
    }

    /// The kind of error that it is, and what to do about it.
    pub fn remedy(&self, hints: &Hints) -> (Kind, &'static str) {
        match self {
            Self::Refused(refused) if refused.is_about_credentials() => {
                (Kind::Credentials, hints.credentials)
            }
            Self::Refused(refused) => match refused.status {
                StatusCode::TOO_MANY_REQUESTS => (Kind::Unreachable, hints.busy),
                status if status.is_server_error() => (Kind::Unreachable, "try again later"),
                _ => (Kind::Failed, hints.refused),
            },
            Self::NotYet(_) => (Kind::Unreachable, hints.busy),
            Self::Broken(_) => (Kind::Unreachable, "check the network, or try again later"),
            Self::NotJson(_) | Self::TooLong(_) => (Kind::Unreachable, hints.strange),
        }
    }

    /// How long the server asked not to be asked, where it did.
    pub fn wait(&self, clock: &Clock) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.wait(clock),
            _ => None,
        }
    }
}
