//! TO: what can be written. One file a sink, one line of `open` a scheme.

mod describe;
pub mod exec;
pub mod forward;
mod identity;
pub mod legacy;
#[cfg(feature = "mongodb")]
pub mod mongodb;
pub mod sqlite;
pub mod stdout;
#[cfg(feature = "thumbnail")]
pub mod thumbnail;

pub use describe::describe;
pub use identity::identity;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::Result;
use crate::location::Location;
use crate::message::Delivery;
use crate::preflight::Finding;
use async_trait::async_trait;
use std::path::PathBuf;
use std::time::Duration;

/// What became of one message that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, durably.
    Stored,
    /// The same content was stored under this id before.
    Duplicate,
    /// This message failed now and may succeed later; the reason.
    Retry(String),
    /// This message will never be stored; the reason, without the payload.
    Reject(String),
    /// It was not written, because an earlier message of its group was not stored; the sink is
    /// well, and nothing is held against this message.
    Unwritten,
    /// The sink says about itself that it cannot take anything now: no room, no right, no primary,
    /// locked, gone. No message is to blame, and none is looked for.
    Unavailable(String),
    /// The connection broke or the answer did not come: the sink's fault or the message's, which
    /// only a look at the sink and smaller batches can tell. Nothing is known about the message.
    ConnectionLost(String),
    /// The reader is gone and will not come back; the message was not written.
    Closed,
}

/// Something that messages are written to.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Proves that the sink answers, before anything is received; as far as it can be known without
    /// a message, also that it could write.
    async fn ping(&self) -> Result<()>;

    /// Writes a batch and answers per message, in the batch's order: one bad message never fails
    /// its neighbours.
    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome>;

    /// Does the order within a group matter to it? Then a group is in one batch at a time, and it
    /// stops writing a group after the first message of it that was not stored.
    fn ordered(&self) -> bool;

    /// At most this many writes at once are of use.
    fn at_once(&self) -> usize {
        usize::MAX
    }

    /// Closes the connection or file.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// What a sink must know when it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one write may take.
    pub write_timeout: Duration,
    /// What `exec:` runs, and how.
    pub command: exec::Command,
    /// User, password and their files.
    pub environment: Environment,
    /// Where the default store lives.
    pub data_dir: PathBuf,
    /// The time of day.
    pub clock: Clock,
}

impl Options {
    /// What `subscribe` uses where nothing else is asked for.
    pub fn new(environment: Environment, data_dir: PathBuf) -> Self {
        Self {
            write_timeout: Duration::from_secs(20),
            command: exec::Command::default(),
            environment,
            data_dir,
            clock: Clock::system(),
        }
    }
}

/// The sinks that this build knows.
const KNOWN: &[&str] =
    &["sqlite", "mongodb", "mongodb+srv", "stdout", "exec", "forward", "thumbnail"];

/// Opens a sink by its URL. Every sink knows `?legacy`.
pub async fn open(mut url: Location, options: &Options) -> Result<Box<dyn Sink>> {
    let legacy = legacy::take(&mut url)?;
    let sink = open_scheme(url, options).await?;
    Ok(match legacy {
        Some(legacy) => legacy.before(sink),
        None => sink,
    })
}

async fn open_scheme(url: Location, options: &Options) -> Result<Box<dyn Sink>> {
    match url.scheme() {
        "forward" => Err(forward::needs_a_queue(&url)),
        "stdout" => stdout::open(url, options),
        "exec" => exec::open(url, options).await,
        "sqlite" => sqlite::open(url, options).await,
        #[cfg(feature = "mongodb")]
        "mongodb" | "mongodb+srv" => mongodb::open(url, options).await,
        #[cfg(not(feature = "mongodb"))]
        "mongodb" | "mongodb+srv" => Err(url.missing_feature("mongodb")),
        #[cfg(feature = "thumbnail")]
        "thumbnail" => thumbnail::open(url, options).await,
        #[cfg(not(feature = "thumbnail"))]
        "thumbnail" => Err(url.missing_feature("thumbnail")),
        _ => Err(url.unknown_scheme("sink", KNOWN)),
    }
}

/// Looks at a sink as `subscribe` will use it; nothing is written, made or changed.
pub async fn check(url: Location, options: &Options) -> Result<Vec<Finding>> {
    match url.scheme() {
        "stdout" => stdout::open(url, options).map(|_| vec![Finding::ok("stdout: is there")]),
        "sqlite" => sqlite::check(url, options).await,
        #[cfg(feature = "mongodb")]
        "mongodb" | "mongodb+srv" => mongodb::check(url, options).await,
        _ => {
            let what = format!("`{url}` answers");
            let sink = open(url, options).await?;
            let checked = sink.ping().await;
            checked.and(sink.close().await).map(|()| vec![Finding::ok(what)])
        }
    }
}
