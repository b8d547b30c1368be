//! Where a Redis is, as a URL says it.

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::fmt;

/// Where Redis listens unless somebody says otherwise.
const PORT: u16 = 6379;

/// How to write such a URL.
const FORM: &str = "write `redis://HOST:PORT/DB?job=NAME`, or `rediss://` for TLS";

/// A server, and the database in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) db: i64,
    pub(super) tls: bool,
    /// Whether the server is one node of a cluster.
    pub(super) cluster: bool,
}

impl Server {
    /// Reads `redis://HOST:PORT/DB`.
    ///
    /// # Errors
    /// `Usage` where the URL names no server, or holds credentials.
    pub(super) fn of(url: &mut Location) -> Result<Self> {
        let cluster = url.flag("cluster")?;
        let (host, port, db) = taken_apart(url)?;
        let malformed = |why: &str| malformed(url, why);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(malformed("it names no host"));
        }
        let port = match port {
            None => PORT,
            Some(text) => text.parse().map_err(|_| malformed("its port is not a number"))?,
        };
        let db = match db.as_str() {
            "" => 0,
            text => text.parse::<u16>().map_err(|_| malformed("its database is not a number"))?,
        };
        if cluster && db != 0 {
            return Err(malformed("a cluster has the database 0 only"));
        }
        let tls = url.scheme() == "rediss";
        Ok(Self { host, port, db: i64::from(db), tls, cluster })
    }
}

/// Host, port and database, as they were written.
fn taken_apart(url: &Location) -> Result<(String, Option<String>, String)> {
    let malformed = |why: &str| malformed(url, why);
    let rest = url.rest().strip_prefix("//");
    let rest = rest.ok_or_else(|| malformed("`//` is missing behind its scheme"))?;
    let (address, db) = rest.split_once('/').unwrap_or((rest, ""));
    if address.contains('@') {
        return Err(malformed("it holds credentials")
            .hint("set `REDIS_USERNAME`, and `REDIS_PASSWORD` or `REDIS_PASSWORD_FILE`"));
    }
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.to_owned())),
        _ => (address, None),
    };
    Ok((host.to_owned(), port, db.trim_end_matches('/').to_owned()))
}

fn malformed(url: &Location, why: &str) -> Error {
    Error::new(Kind::Usage, format!("`{url}` names no Redis")).because_of(why).hint(FORM)
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}/{}", self.host, self.port, self.db),
            false => write!(f, "{scheme}://{}:{}/{}", self.host, self.port, self.db),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Server> {
        Server::of(&mut Location::parse(text).unwrap())
    }

    #[test]
    fn a_server_is_read_and_told_as_it_is_understood() {
        for (text, told) in [
            ("redis://h", "redis://h:6379/0"),
            ("redis://h/", "redis://h:6379/0"),
            ("redis://h:7000/3", "redis://h:7000/3"),
            ("rediss://h.example:7000", "rediss://h.example:7000/0"),
            ("redis://[::1]/2", "redis://[::1]:6379/2"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), told, "{text}");
        }
        assert!(read("redis://h?cluster").unwrap().cluster);
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for text in [
            "redis:h",
            "redis://",
            "redis://:6379",
            "redis://h:port",
            "redis://h:70000",
            "redis://h/zero",
            "redis://h/-1",
            "redis://h/0/jobs",
            "redis://user:password@h/0",
            "redis://h/1?cluster",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!error.to_string().contains("password@"), "{error}");
        }
    }
}
