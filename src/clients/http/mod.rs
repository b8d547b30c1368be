//! HTTP for any shelf: one way to make a client, to accept an endpoint, to ask, and to read an answer.

mod endpoint;
mod getter;
mod rate_limit;
mod refused;
mod token;

pub use endpoint::{parse_endpoint, parse_resource};
pub use getter::{Answer, Failure, Getter, Hints, Limits, text};
pub use rate_limit::RateLimit;
pub use refused::Refused;
pub use token::{bearer, token, warn_of_readers};

use super::tls;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use reqwest::{Client, ClientBuilder, NoProxy, Proxy, Response, redirect};
use std::time::Duration;
use url::Url;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for one endpoint. A request ends after `timeout`, its answer's body included.
///
/// It follows no redirects, so that a token never reaches another host, and uses the proxy of
/// `HTTPS_PROXY` or `ALL_PROXY` unless `NO_PROXY` excepts the endpoint, in capitals or not, as
/// other programs do. The endpoint is one that [`parse_endpoint`] has accepted.
///
/// # Errors
/// `Configuration` where the proxy's URL or the system's certificates cannot be used, and for
/// https in a build without it.
pub fn client(endpoint: &Url, timeout: Duration, environment: &Environment) -> Result<Client> {
    let failed = || Error::new(Kind::Configuration, "cannot set up HTTP");
    builder(endpoint, timeout, environment)?.build().map_err(|cause| failed().because(cause))
}

/// What [`client`] builds its client from, for who has more to say of it.
///
/// # Errors
/// Those of [`client`].
pub fn builder(
    endpoint: &Url,
    timeout: Duration,
    environment: &Environment,
) -> Result<ClientBuilder> {
    let builder = Client::builder()
        .user_agent(concat!("kakehi/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .no_proxy();
    let mut builder = tls::prepare(builder, endpoint)?;
    if endpoint.scheme() != "http"
        && let Some(proxy) = proxy(environment)?
    {
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

fn proxy(environment: &Environment) -> Result<Option<Proxy>> {
    let either = |name: &str| match environment.get(name)? {
        None => environment.get(&name.to_ascii_lowercase()),
        value => Ok::<_, Error>(value),
    };
    let Some(url) = either("HTTPS_PROXY")?.or(either("ALL_PROXY")?) else { return Ok(None) };
    // The cause may hold the URL, and that a password.
    let proxy = Proxy::all(url).map_err(|_| {
        Error::new(Kind::Configuration, "the proxy's URL cannot be used")
            .hint("write `HTTPS_PROXY` as `http://HOST:PORT`")
    })?;
    Ok(Some(proxy.no_proxy(either("NO_PROXY")?.and_then(NoProxy::from_string))))
}

/// Why the body of an answer was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed, or the time was over.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
    /// The answer is longer than this many bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Reads an answer's body of at most `limit` bytes.
pub async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_none_is_refused_without_its_password() {
        let environment = [("https_proxy", "http://me:hunter2@ho st")].into_iter().collect();
        let url = Url::parse("https://example.org").unwrap();
        let error = client(&url, Duration::from_secs(1), &environment).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
