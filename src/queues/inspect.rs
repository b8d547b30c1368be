//! What a queue's inside shows to people and scripts, and how they mend it.

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use async_trait::async_trait;
use serde::Serialize;

/// The door to a queue's inside.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Counts what the queue holds, at one moment; changes nothing.
    async fn stats(&self) -> Result<Stats>;
}

/// What a queue holds. A message is in exactly one of the five counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Could be received now; a lease that has ended is none.
    pub ready: u64,
    /// Behind an earlier message of its group.
    pub waiting: u64,
    /// Not due yet: published for later, or waiting to be tried again.
    pub scheduled: u64,
    /// Some subscriber's at present.
    pub leased: u64,
    /// Dead letters.
    pub dead: u64,
    /// How many seconds ago the oldest message that is not dead was published; `None` where there
    /// is none.
    pub oldest_seconds: Option<u64>,
    /// The size of its file, in bytes; other queues of the file included.
    pub file_bytes: u64,
    /// The size of the file's log (WAL), in bytes.
    pub wal_bytes: u64,
}

/// The error for a queue whose inside nobody can show.
pub fn closed(url: &Location, why: &str) -> Error {
    Error::new(Kind::Configuration, format!("cannot look inside `{url}`"))
        .because_of(why)
        .hint("the program `queue` works on the embedded queue: `sqlite:PATH?queue=NAME`")
}
