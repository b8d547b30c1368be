//! HTTP for any shelf: one way to make a client, to accept an endpoint, to ask, and to read an answer.

mod getter;
mod rate_limit;
mod refused;
mod token;

pub use getter::{Answer, Failure, Getter, Hints, Limits, text};
pub use rate_limit::RateLimit;
pub use refused::Refused;
pub use token::{bearer, token};

use super::tls;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use reqwest::{Client, ClientBuilder, NoProxy, Proxy, Response, redirect};
use std::time::Duration;
use url::{Host, Url};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A base URL to which secrets may be sent: https, or plain http to this machine.
///
/// # Errors
/// `Configuration` for anything else, and for a URL with a user, a query or a fragment; `name` is
/// what the user calls it.
pub fn parse_endpoint(name: &str, text: &str) -> Result<Url> {
    let refused = |why: &str| {
        Error::new(Kind::Configuration, format!("{name} cannot be used"))
            .because_of(why)
            .hint("write it as `https://HOST`; plain `http://` is for `127.0.0.1` and `localhost`")
    };
    let url = Url::parse(text).map_err(|cause| refused(&format!("it is not a URL: {cause}")))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(refused("over plain http the token could be read on the way")),
        _ => return Err(refused("it is neither https nor http")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    Ok(url)
}

/// Whether the URL's host is this machine, by its name or number alone.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

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
    fn https_and_this_machine_are_accepted() {
        for text in [
            "https://api.nature.global",
            "https://example.org:8443/prefix/",
            "http://127.0.0.1:8080",
            "http://127.8.8.8",
            "http://localhost:1",
            "http://[::1]:80",
        ] {
            assert!(parse_endpoint("`endpoint`", text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_that_would_show_a_secret_is_refused() {
        for text in [
            "http://example.org",
            "http://localhost.example.org",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "api.nature.global",
            "https://me:hunter2@example.org",
            "https://example.org?token=hunter2",
            "https://example.org/#x",
            "",
        ] {
            let error = parse_endpoint("`endpoint`", text).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_refused_without_its_password() {
        let environment = [("https_proxy", "http://me:hunter2@ho st")].into_iter().collect();
        let url = Url::parse("https://example.org").unwrap();
        let error = client(&url, Duration::from_secs(1), &environment).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
