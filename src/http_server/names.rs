//! The names by which a server is reached. A page of somebody else can have its own name stand for
//! our address, but it cannot send another name than its own.

use super::{Refusal, Words};
use crate::error::{Error, Kind, Result};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, Uri};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The names that a server knows for its own.
#[derive(Debug)]
pub(super) struct Names {
    known: BTreeSet<String>,
    words: Words,
}

impl Names {
    /// The address that the server listens at, as it was given, too; this machine's names for
    /// itself; and more names.
    ///
    /// # Errors
    /// `Usage` where one of the names is none.
    pub(super) fn new(ip: IpAddr, listen: &str, more: &[String], words: Words) -> Result<Self> {
        let mut names = BTreeSet::from(["localhost".to_owned()]);
        let own = [ip, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        names.extend(own.map(|ip| ip.to_canonical().to_string()));
        names.extend(authority(listen.as_bytes()).map(|listen| normal(listen.host())));
        for name in more {
            names.insert(parse(name)?);
        }
        Ok(Self { known: names, words })
    }

    /// Refuses a request that is meant for another server, or comes from a page of another one.
    pub(super) fn verify(&self, head: &Parts) -> Result<(), Refusal> {
        let no_host = || Refusal::new(StatusCode::BAD_REQUEST, "the request names no host");
        let mut hosts = head.headers.get_all(HOST).iter().peekable();
        if hosts.peek().is_none() && head.uri.authority().is_none() {
            return Err(no_host());
        }
        for host in hosts {
            self.verify_host(&authority(host.as_bytes()).ok_or_else(no_host)?)?;
        }
        head.uri.authority().map_or(Ok(()), |authority| self.verify_host(authority))?;
        head.headers.get_all(ORIGIN).iter().try_for_each(|origin| self.verify_origin(origin))
    }

    fn verify_host(&self, authority: &Authority) -> Result<(), Refusal> {
        if self.knows(authority) {
            return Ok(());
        }
        let name = authority.host();
        let host = self.words.host;
        let reason = format!("this server is not `{name}`: `{host}{name}` would make it that");
        Err(Refusal::new(StatusCode::FORBIDDEN, reason))
    }

    fn verify_origin(&self, origin: &HeaderValue) -> Result<(), Refusal> {
        let origin = Uri::try_from(origin.as_bytes()).ok();
        let is_ours = origin.is_some_and(|origin| {
            matches!(origin.scheme_str(), Some("http" | "https"))
                && origin.authority().is_some_and(|authority| self.knows(authority))
        });
        let foreign = "a page of another server may not use this one";
        is_ours.then_some(()).ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, foreign))
    }

    /// Whether it is one of these names. The port is not looked at: it may have been forwarded.
    fn knows(&self, authority: &Authority) -> bool {
        !authority.as_str().contains('@') && self.known.contains(&normal(authority.host()))
    }
}

fn authority(text: &[u8]) -> Option<Authority> {
    Authority::try_from(text).ok().filter(|authority| !authority.host().is_empty())
}

/// A name as it is compared: an address in its shortest form, anything else in small letters.
fn normal(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().to_string(),
        Err(_) => host.trim_end_matches('.').to_ascii_lowercase(),
    }
}

/// A name that somebody gave: without a port, and not a pattern.
fn parse(name: &str) -> Result<String> {
    let bare = name.parse::<Ipv6Addr>().map_or_else(|_| name.to_owned(), |ip| format!("[{ip}]"));
    match authority(bare.as_bytes()).filter(|it| it.host() == bare && !bare.contains('*')) {
        Some(authority) => Ok(normal(authority.host())),
        None => Err(Error::new(Kind::Usage, format!("`{name}` is not the name of a host"))
            .hint("write it as clients do, without a port: `queue.example.org`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn names(listen: &str, more: &[&str]) -> Names {
        let ip = listen.parse::<std::net::SocketAddr>().expect("an address").ip();
        let more: Vec<_> = more.iter().map(|name| (*name).to_owned()).collect();
        let words = Words { listen: "`--listen`", token: "`--token FILE`", host: "--host " };
        Names::new(ip, listen, &more, words).expect("names")
    }

    /// The status with which a request is refused that has these headers.
    fn told(names: &Names, uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        names.verify(&head).err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn a_server_knows_its_address_this_machine_and_the_names_that_it_was_given() {
        let names = names("192.0.2.1:7070", &["queue.example", "2001:DB8::1", "[2001:db8::2]"]);
        for host in [
            "192.0.2.1",
            "192.0.2.1:7070",
            "localhost:1",
            "LOCALHOST.",
            "127.0.0.1",
            "[::1]:7070",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "Queue.Example:443",
            "[2001:db8::1]",
            "[2001:db8:0::2]:80",
        ] {
            assert_eq!(told(&names, "/", &[("host", host)]), None, "{host}");
        }
    }

    #[test]
    fn a_foreign_host_is_refused() {
        let names = names("127.0.0.1:7070", &[]);
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "127.0.0.2",
            "localhost@evil.example",
            "evil.example@localhost",
            "127.1",
            "0.0.0.0",
        ] {
            assert_eq!(told(&names, "/", &[("host", host)]), Some(403), "{host}");
        }
        for nothing in ["", ":80", "a b", "http://localhost", "localhost, localhost"] {
            assert_eq!(told(&names, "/", &[("host", nothing)]), Some(400), "{nothing}");
        }
        assert_eq!(told(&names, "/", &[]), Some(400));
    }

    #[test]
    fn each_name_of_a_request_counts() {
        let names = names("127.0.0.1:7070", &[]);
        let both = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(told(&names, "/", &both), Some(403));
        let known = [("host", "localhost")];
        assert_eq!(told(&names, "http://evil.example/", &known), Some(403));
        assert_eq!(told(&names, "http://127.0.0.1:7070/", &known), None);
        assert_eq!(told(&names, "http://127.0.0.1:7070/", &[]), None);
    }

    #[test]
    fn a_page_of_somebody_else_is_refused() {
        let names = names("127.0.0.1:7070", &["queue.example"]);
        for (origin, told_of_it) in [
            ("http://127.0.0.1:7070", None),
            ("https://queue.example", None),
            ("http://localhost:3000", None),
            ("https://evil.example", Some(403)),
            ("https://queue.example.evil.example", Some(403)),
            ("null", Some(403)),
            ("", Some(403)),
            ("localhost", Some(403)),
            ("file://localhost", Some(403)),
        ] {
            let headers = [("host", "localhost"), ("origin", origin)];
            assert_eq!(told(&names, "/", &headers), told_of_it, "{origin}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_host_is_refused_at_the_start() {
        for name in ["", "a:80", "*", "*.example", "http://a", "a/b", "a@b", "a b"] {
            let error = parse(name).expect_err(name);
            assert_eq!(error.kind(), Kind::Usage, "{name}");
        }
    }
}
