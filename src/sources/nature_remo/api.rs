//! One question to Nature's API, asked again where that may help.

use super::super::Options;
use super::Limits;
use super::rate_limit::RateLimit;
use crate::clients::http::{self, BodyError};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::text;
use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::value::RawValue;
use std::time::Duration;
use url::Url;

const TOKEN: &str = "NATURE_REMO_TOKEN";
/// What to do where there is no usable token.
pub(super) const WHERE_TOKENS_ARE: &str = "make a token at https://home.nature.global, put it into a file of mode 0600, and set `NATURE_REMO_TOKEN_FILE` to its path";
const ASK_LESS: &str =
    "ask less often: an account has 30 requests in 5 minutes for all its programs";
/// How much of an error's body is shown, in characters.
const EXCERPT: usize = 200;

/// The token from the environment or its file, without blanks around it.
///
/// # Errors
/// `Configuration` where there is none, or where it is not one word of ASCII.
pub(super) fn token(environment: &Environment) -> Result<SecretString> {
    let refused = |what: &str| Error::new(Kind::Configuration, what).hint(WHERE_TOKENS_ARE);
    warn_of_readers(environment)?;
    let Some(token) = environment.secret(TOKEN)? else {
        return Err(refused("`nature-remo:` needs a token")
            .because_of("neither `NATURE_REMO_TOKEN` nor `NATURE_REMO_TOKEN_FILE` is set"));
    };
    let word = token.expose_secret().trim();
    if word.is_empty() {
        return Err(refused("the token for `nature-remo:` is empty"));
    }
    if !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("the token for `nature-remo:` is not a token")
            .because_of("it holds blanks, control characters or letters beyond ASCII"));
    }
    Ok(word.into())
}

/// A token can switch every appliance of the house: its file is for its owner alone.
fn warn_of_readers(environment: &Environment) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(path) = environment.os("NATURE_REMO_TOKEN_FILE") else { return Ok(()) };
    // A file that cannot be looked at cannot be read either, and that error comes later.
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.permissions().mode() & 0o077 != 0 {
        let path = text::of_name(path);
        let mend = hint::command(["chmod", "600", &path]);
        tracing::warn!(path, "the token's file can be read by others: {mend} ends that");
    }
    Ok(())
}

/// A server, and the right to ask it.
pub(super) struct Api {
    client: Client,
    url: Url,
    /// Marked sensitive: its `Debug` does not show it.
    authorization: HeaderValue,
    limits: Limits,
    clock: Clock,
}

impl Api {
    pub(super) fn new(
        endpoint: &Url,
        token: &SecretString,
        limits: Limits,
        options: &Options,
    ) -> Result<Self> {
        let mut url = endpoint.clone();
        url.set_path(&format!("{}/1/devices", endpoint.path().trim_end_matches('/')));
        let bearer = format!("Bearer {}", token.expose_secret());
        let mut authorization =
            HeaderValue::from_str(&bearer).expect("a token of ASCII letters is a header");
        authorization.set_sensitive(true);
        let client = http::client(endpoint, limits.timeout, &options.environment)?;
        Ok(Self { client, url, authorization, limits, clock: options.clock.clone() })
    }

    /// The devices of the account, as the API gave them: JSON, or at least UTF-8.
    ///
    /// # Errors
    /// `Credentials` for a token that was refused; `Unreachable` where no try gave a usable
    /// answer, or where the rate limit asks for more patience than there is; `Failed` for any
    /// other refusal.
    pub(super) async fn devices(&self) -> Result<String> {
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.limits.pause)
            .with_max_times(self.limits.tries.saturating_sub(1));
        (|| self.ask())
            .retry(pauses)
            .when(Failure::may_pass)
            .adjust(|failure, pause| self.pause(failure, pause))
            .notify(|failure, pause| {
                let error: &dyn std::error::Error = failure;
                tracing::info!(error, ?pause, "asking again");
            })
            .await
            .map_err(|failure| self.error(failure))
    }

    /// Asks once.
    async fn ask(&self) -> Result<String, Failure> {
        let request = self.client.get(self.url.clone());
        let response = request.header(AUTHORIZATION, self.authorization.clone()).send().await;
        let response = response.map_err(|error| Failure::Broken(error.without_url()))?;
        let status = response.status();
        let rate_limit = RateLimit::of(response.headers());
        tracing::debug!(status = status.as_u16(), %rate_limit, "the API answered");
        let body = http::read_body(response, self.limits.max_answer).await;
        if !status.is_success() {
            // Its text is only for a person, so that it may be missing.
            let body = body.unwrap_or_default();
            let text = text::one_line(&String::from_utf8_lossy(&body), EXCERPT);
            return Err(Failure::Status { status, text, rate_limit });
        }
        let body = body.map_err(|error| match error {
            BodyError::Broken(error) => Failure::Broken(error.without_url()),
            BodyError::TooLong(limit) => Failure::TooLong(limit),
        })?;
        // A wrong byte in one device's name shall not cost the readings of all.
        let text = String::from_utf8_lossy(&body);
        let text = text.trim_start_matches('\u{feff}');
        // It is read again for the devices; here, to ask again where it was cut off.
        serde_json::from_str::<&RawValue>(text).map_err(Failure::NotJson)?;
        Ok(text.to_owned())
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

    fn error(&self, failure: Failure) -> Error {
        let (kind, hint) = failure.remedy();
        let host = self.url.origin().ascii_serialization();
        Error::new(kind, format!("cannot read the devices at `{host}`")).because(failure).hint(hint)
    }
}

/// Why a request gave no devices.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{status}{}{}", said(.rate_limit), said(.text))]
    Status { status: StatusCode, rate_limit: RateLimit, text: String },
    #[error("there was no whole answer")]
    Broken(#[source] reqwest::Error),
    /// The answer is not shown: it may hold names and addresses.
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// The text of a value after a colon; nothing where the text is empty.
fn said(what: &impl ToString) -> String {
    match what.to_string() {
        words if words.is_empty() => words,
        words => format!(": {words}"),
    }
}

impl Failure {
    /// Whether the same request may succeed later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
            }
            Self::Broken(_) | Self::NotJson(..) => true,
            Self::TooLong(_) => false,
        }
    }

    fn remedy(&self) -> (Kind, &'static str) {
        match self {
            Self::Status { status, .. } => match *status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    (Kind::Credentials, WHERE_TOKENS_ARE)
                }
                StatusCode::TOO_MANY_REQUESTS => (Kind::Unreachable, ASK_LESS),
                status if status.is_server_error() => (Kind::Unreachable, "try again later"),
                _ => (Kind::Failed, "check the endpoint; redirects are not followed"),
            },
            Self::Broken(_) => (Kind::Unreachable, "check the network, or try again later"),
            Self::NotJson(_) | Self::TooLong(_) => {
                (Kind::Unreachable, "check that it is Nature's API which answers there")
            }
        }
    }

    fn wait(&self, clock: &Clock) -> Option<Duration> {
        match self {
            Self::Status { rate_limit, .. } if self.may_pass() => rate_limit.wait(clock.now()),
            _ => None,
        }
    }
}
