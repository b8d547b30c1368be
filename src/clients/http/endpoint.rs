//! URLs to which secrets may be sent: https, or plain http to this machine.

use crate::error::{Error, Kind, Result};
use url::{Host, Url};

/// A base URL to which secrets may be sent: https, or plain http to this machine. `name` is what the
/// user calls it.
///
/// # Errors
/// `Configuration` for anything else, and for a URL with a user, a query or a fragment.
pub fn parse_endpoint(name: &str, text: &str) -> Result<Url> {
    const HINT: &str =
        "write it as `https://HOST`; plain `http://` is for `127.0.0.1` and `localhost`";
    let url = parse(text, false).and_then(|url| match url.query() {
        Some(_) => Err("it has a query or a fragment".to_owned()),
        None => Ok(url),
    });
    url.map_err(|why| refused(name, &why, HINT))
}

/// A URL with or without a query to which secrets may be sent: https, plain http to this machine, and
/// where it may be `insecure`, plain http to any. `name` is what the user calls it.
///
/// # Errors
/// `Configuration` for anything else, and for a URL with a user or a fragment.
pub fn parse_resource(name: &str, text: &str, insecure: bool) -> Result<Url> {
    const HINT: &str = "write it as `https://HOST/PATH`; plain `http://` is for `127.0.0.1` and \
                        `localhost`, and for others with `insecure`";
    parse(text, insecure).map_err(|why| refused(name, &why, HINT))
}

fn refused(name: &str, why: &str, hint: &str) -> Error {
    Error::new(Kind::Configuration, format!("{name} cannot be used")).because_of(why).hint(hint)
}

fn parse(text: &str, insecure: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|cause| format!("it is not a URL: {cause}"))?;
    match url.scheme() {
        "https" => {}
        "http" if insecure || is_loopback(&url) => {}
        "http" => return Err("over plain http the token could be read on the way".to_owned()),
        _ => return Err("it is neither https nor http".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user or a password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("it has a query or a fragment".to_owned());
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
    fn a_resource_may_have_a_query_and_plain_http_only_where_that_was_asked_for() {
        let parse = |text, insecure| parse_resource("the URL", text, insecure);
        assert!(parse("https://example.org/x?a=b", false).is_ok());
        assert!(parse("http://example.org/x?a=b", true).is_ok());
        assert!(parse("http://localhost/x?a=b", false).is_ok());
        assert!(parse("http://example.org/x", false).is_err());
        assert!(parse("https://me:hunter2@example.org/", true).is_err());
    }
}
