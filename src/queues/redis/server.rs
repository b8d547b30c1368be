//! Where a Redis is, as a URL says it.

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::fmt;

/// Where Redis listens unless somebody says otherwise.
const PORT: u16 = 6379;
/// Where a sentinel does.
const SENTINEL_PORT: u16 = 26379;

/// How to write such a URL.
const FORM: &str = "write `redis://HOST:PORT/DB?job=NAME`, `rediss://` for TLS, or \
                    `redis+sentinel://HOST,HOST/MASTER/DB`";

/// What a scheme ends in where its hosts are sentinels.
const SENTINELS: &str = "+sentinel";

/// A server, and the database in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// The server; nodes of its cluster; or the sentinels that know it.
    pub(super) hosts: Vec<Host>,
    pub(super) form: Form,
    pub(super) db: i64,
    pub(super) tls: bool,
}

/// A name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

/// What the hosts of a URL are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// The server itself.
    One,
    /// Nodes of one cluster.
    Cluster,
    /// Sentinels, which tell where the server of this name is.
    Sentinels(String),
}

impl Server {
    /// Reads `redis://HOST:PORT/DB`, or `redis+sentinel://HOST,HOST/MASTER/DB`.
    ///
    /// # Errors
    /// `Usage` where the URL names no server, or holds credentials.
    pub(super) fn of(url: &mut Location) -> Result<Self> {
        let is_cluster = url.flag("cluster")?;
        let (hosts, path) = taken_apart(url)?;
        let malformed = |why: &str| malformed(url, why);
        let (master, db) = match (url.scheme().ends_with(SENTINELS), &path[..]) {
            (true, [] | ["", ..]) => return Err(malformed("it names no master")),
            (true, [master]) => (Some(*master), None),
            (true, [master, db]) => (Some(*master), Some(*db)),
            (false, []) => (None, None),
            (false, [db]) => (None, Some(*db)),
            _ => return Err(malformed("there is more behind its database")),
        };
        let form = match (master, is_cluster) {
            (Some(_), true) => return Err(malformed("a cluster has no sentinels")),
            (Some(master), false) => Form::Sentinels(master.to_owned()),
            (None, true) => Form::Cluster,
            (None, false) => Form::One,
        };
        let db = database(db.unwrap_or_default()).ok_or_else(|| malformed(NO_DATABASE))?;
        match form {
            Form::Cluster if db != 0 => Err(malformed("a cluster has the database 0 only")),
            Form::One if hosts.len() > 1 => Err(malformed("it names several hosts")),
            form => Ok(Self { hosts, form, db, tls: url.scheme().starts_with("rediss") }),
        }
    }

    /// Whether the server is one node of a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.form == Form::Cluster
    }
}

const NO_DATABASE: &str = "its database is not a number from 0 to 65535";

fn database(text: &str) -> Option<i64> {
    if text.is_empty() { Some(0) } else { text.parse::<u16>().ok().map(i64::from) }
}

/// The hosts, and what stands behind them.
fn taken_apart(url: &Location) -> Result<(Vec<Host>, Vec<&str>)> {
    let malformed = |why: &str| malformed(url, why);
    let rest = url.rest().strip_prefix("//");
    let rest = rest.ok_or_else(|| malformed("`//` is missing behind its scheme"))?;
    if rest.contains('@') {
        return Err(malformed("it holds credentials")
            .hint("set `REDIS_USERNAME`, and `REDIS_PASSWORD` or `REDIS_PASSWORD_FILE`"));
    }
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = if url.scheme().ends_with(SENTINELS) { SENTINEL_PORT } else { PORT };
    let hosts = hosts.split(',').map(|host| Host::of(host, port).map_err(malformed));
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    Ok((hosts.collect::<Result<_>>()?, path))
}

impl Host {
    fn of(text: &str, port: u16) -> Result<Self, &'static str> {
        // The colons of an IPv6 address stand in brackets.
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => {
                (name, port.parse().map_err(|_| "its port is not a number from 0 to 65535")?)
            }
            _ => (text, port),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        match name {
            "" => Err("it names no host"),
            name => Ok(Self { name: name.to_owned(), port }),
        }
    }
}

fn malformed(url: &Location, why: &str) -> Error {
    Error::new(Kind::Usage, format!("`{url}` names no Redis")).because_of(why).hint(FORM)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]:{}", self.name, self.port),
            false => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let hosts: Vec<_> = self.hosts.iter().map(Host::to_string).collect();
        let hosts = hosts.join(",");
        match &self.form {
            Form::Sentinels(master) => {
                write!(f, "{scheme}{SENTINELS}://{hosts}/{master}/{}", self.db)
            }
            _ => write!(f, "{scheme}://{hosts}/{}", self.db),
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
            ("redis+sentinel://a,b:7/main", "redis+sentinel://a:26379,b:7/main/0"),
            ("rediss+sentinel://a/main/4/", "rediss+sentinel://a:26379/main/4"),
            ("redis://a,b:7?cluster", "redis://a:6379,b:7/0"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), told, "{text}");
        }
        assert!(read("redis://h?cluster").unwrap().is_cluster());
        assert_eq!(read("redis+sentinel://a/m").unwrap().form, Form::Sentinels("m".to_owned()));
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
            "redis://a,b/0",
            "redis://a,,b?cluster",
            "redis://user:password@h/0",
            "redis://h/0/user:password@h",
            "redis://h/1?cluster",
            "redis+sentinel://h",
            "redis+sentinel://h/",
            "redis+sentinel://h//0",
            "redis+sentinel://h/main/x",
            "redis+sentinel://h/main?cluster",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!error.to_string().contains("password@"), "{error}");
        }
    }
}
