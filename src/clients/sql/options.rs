//! What a URL and the environment say of a database.

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::time::Duration;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection with its login.
    pub connect: Duration,
    /// For an answer, and from row to row.
    pub query: Duration,
}

impl Timeouts {
    /// Takes them out of the URL; without, a connection has 5 s and an answer 30 s.
    pub fn take(url: &mut Location) -> Result<Self> {
        let connect = match url.scheme() {
            "sqlite" => None,
            _ => duration(url, "connect-timeout")?,
        };
        Ok(Self {
            connect: connect.unwrap_or(Duration::from_secs(5)),
            query: duration(url, "query-timeout")?.unwrap_or(Duration::from_secs(30)),
        })
    }
}

fn duration(url: &mut Location, name: &str) -> Result<Option<Duration>> {
    match url.duration(name)? {
        Some(Duration::ZERO) => Err(Error::new(Kind::Usage, format!("`{name}` must not be 0"))
            .hint(format!("write `{name}=30s`"))),
        duration => Ok(duration),
    }
}
