//! TO: what can be written. One file or folder a sink, one line of the list a scheme.

mod conflict;
pub mod exec;
pub mod forward;
pub mod freshness;
pub mod legacy;
#[cfg(feature = "mongodb")]
pub mod mongodb;
pub mod prune;
pub mod replaced;
#[cfg(any(feature = "speech", feature = "thumbnail"))]
mod side_by_side;
#[cfg(feature = "speech")]
pub mod speech;
pub mod sqlite;
pub mod stdout;
#[cfg(feature = "thumbnail")]
pub mod thumbnail;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use conflict::Conflict;

use crate::checkins::Checkins;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity::{Identity, file};
use crate::location::Location;
use crate::message::Delivery;
use crate::preflight::Finding;
use crate::registry::{Entry, Registry, built_with};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use freshness::{Freshness, Newest};
use prune::{Prune, Remover};
use replaced::Replaced;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What became of one message that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The message is stored, durably.
    Stored,
    /// Content that is the same was stored under this id before.
    Duplicate,
    /// This message failed now and may succeed later; the reason.
    Retry(String),
    /// This message will never be stored; the reason, without the payload.
    Reject(String),
    /// The message was not written, because `--where` or `--map` leaves it out: it is done with.
    Filtered,
    /// A program of `--where` or `--map` did not end on this message in its time; the reason. The
    /// message spends an attempt, and the run ends.
    Overrun(String),
    /// The message was not written, because an earlier one of its group was not stored; the sink is
    /// well, and this message spends no attempt.
    Unwritten,
    /// The sink says about itself that it cannot take anything now: no room, no right, no primary,
    /// locked, gone. No message is to blame, and none is looked for.
    Unavailable(String),
    /// The sink says about itself that it takes nothing for a while: it has a limit of requests, or
    /// asks to be left alone. No message is to blame, and nothing is written to it meanwhile.
    Throttled {
        /// What the sink said.
        why: String,
        /// How long it is to be left alone.
        wait: Duration,
    },
    /// The sink refuses our credentials; the reason. No message is to blame, and the run ends.
    Denied(String),
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

    /// Whether the order within a group matters to the sink. Then a group is in at most one batch
    /// at a time, and the sink stops writing a group after its first message that was not stored.
    fn ordered(&self) -> bool;

    /// How many writes at once are of use, at most.
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
    /// Whom to tell what jobs say of themselves.
    pub checkins: Checkins,
    /// Whom to tell of documents that were replaced, where anybody wants to know.
    pub replaced: Option<Arc<dyn Replaced>>,
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
            checkins: Checkins::default(),
            replaced: None,
            clock: Clock::system(),
        }
    }
}

/// What a sink is given where the command line does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// The most messages in one write.
    pub batch: usize,
    /// Whether a write is one run or more of a command, each of which counts as a write of its own
    /// and has a time limit of its own.
    pub runs: bool,
    /// Whether what is written, or what a command prints of it, goes to standard output.
    pub shows: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { batch: 500, runs: false, shows: false }
    }
}

/// A kind of sink: everything that its scheme stands for.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What the parameters of its URLs are called: a URL with any other one is refused, unless that is the
    /// server's own.
    fn parameters(&self) -> Vec<&'static str>;

    /// Whether a path of this machine stands behind the scheme.
    fn has_path(&self) -> bool {
        false
    }

    /// Opens the sink.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>>;

    /// What the sink of a URL is, for what is compared and locked. Nothing is asked; how it writes is
    /// no part of what it is.
    fn identity(&self, url: &Location, _options: &Options) -> Result<Identity> {
        Ok(Identity::named(url.describe()))
    }

    /// The sink in words, as its URL was understood and without secrets; `None` where the URL says it
    /// as well. Nothing is asked.
    fn describe(&self, _url: &Location, _options: &Options) -> Option<String> {
        None
    }

    /// Looks at the sink as `subscribe` will use it; nothing is written, made or changed.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        let what = format!("`{url}` answers");
        let sink = open(url, options).await?;
        let answer = sink.ping().await;
        answer.and(sink.close().await).map(|()| vec![Finding::ok(what)])
    }

    /// What the sink is given where the command line does not say.
    fn defaults(&self) -> Defaults {
        Defaults::default()
    }

    /// What takes documents out again, where the sink keeps any.
    fn prune(&self) -> Option<&dyn Prune> {
        None
    }

    /// What tells when something was stored last, where the sink can know it.
    fn freshness(&self) -> Option<&dyn Freshness> {
        None
    }

    /// Whether what stands behind the scheme is a queue, which the program opens and gives to the
    /// sink.
    fn is_a_queue(&self) -> bool {
        false
    }
}

/// The sinks, one line each.
pub static SINKS: Registry<dyn Backend> = Registry {
    noun: "sink",
    lines: &[
        ("sqlite", Entry::Built(&sqlite::SqliteBackend)),
        ("mongodb", built_with!("mongodb", mongodb::MongoDbBackend)),
        ("mongodb+srv", built_with!("mongodb", mongodb::MongoDbBackend)),
        ("stdout", Entry::Built(&stdout::StdoutBackend)),
        ("exec", Entry::Built(&exec::ExecBackend)),
        ("forward", Entry::Built(&forward::ForwardBackend)),
        ("thumbnail", built_with!("thumbnail", thumbnail::ThumbnailBackend)),
        ("webhook", built_with!("webhook", webhook::WebhookBackend)),
        ("speech", built_with!("speech", speech::SpeechBackend)),
    ],
};

/// Opens a sink by its URL. Every sink knows `?legacy`.
pub async fn open(mut url: Location, options: &Options) -> Result<Box<dyn Sink>> {
    let legacy = legacy::take(&mut url)?;
    let sink = SINKS.find(&url)?.open(url, options).await?;
    Ok(match legacy {
        Some(legacy) => legacy.before(sink),
        None => sink,
    })
}

/// Opens what takes documents out of the sink of a URL.
///
/// # Errors
/// `Usage` for a sink that keeps no documents.
pub async fn open_remover(url: Location, options: &Options) -> Result<Box<dyn Remover>> {
    match SINKS.find(&url)?.prune() {
        Some(prune) => prune.open(url, options).await,
        None => Err(Error::new(Kind::Usage, format!("`{url}` cannot be pruned"))
            .because_of("it keeps no documents that could be removed")
            .hint("name a store: `sqlite:PATH` or `mongodb://HOST/DATABASE`")),
    }
}

/// When something was last stored in the sink of a URL; whatever is not older than `enough` will do.
///
/// # Errors
/// `Usage` for a sink that cannot know it.
pub async fn newest(mut url: Location, options: &Options, enough: DateTime<Utc>) -> Result<Newest> {
    legacy::take(&mut url)?;
    match SINKS.find(&url)?.freshness() {
        Some(freshness) => freshness.newest(url, options, enough).await,
        None => Err(Error::new(Kind::Usage, format!("`{url}` does not tell when it stored last"))
            .because_of("it keeps no documents that could be looked at")
            .hint("name a store: `sqlite:PATH` or `mongodb://HOST/DATABASE`")),
    }
}

/// The sink of a URL, for what is compared and locked. One that this build cannot open is what its
/// URL says.
pub fn identity(url: &Location, options: &Options) -> Result<Identity> {
    let mut url = url.clone();
    legacy::take(&mut url)?;
    match SINKS.find(&url) {
        Ok(backend) => backend.identity(&url, options),
        Err(_) => Ok(Identity::named(url.describe())),
    }
}

/// A sink in words, as its URL was understood: a shell that has cut the URL at an `&` shows there.
/// `sqlite store.db collection readings`, `mongodb home.readings`, `command sh`. Nothing is asked; no
/// secret is in it. A URL that means nothing is told as it is: opening it says why.
pub fn describe(url: &Location, options: &Options) -> String {
    let backend = SINKS.find(url).ok();
    let sink = backend.and_then(|backend| backend.describe(url, options));
    sink.unwrap_or_else(|| url.describe())
}

/// Looks at a sink as `subscribe` will use it; nothing is written, made or changed.
pub async fn preflight(mut url: Location, options: &Options) -> Result<Vec<Finding>> {
    legacy::take(&mut url)?;
    SINKS.find(&url)?.preflight(url, options).await
}

/// What the sink of a URL is given where the command line does not say.
pub fn defaults(url: &Location) -> Defaults {
    SINKS.find(url).map_or_else(|_| Defaults::default(), |backend| backend.defaults())
}

/// The queue that the sink of a URL writes into, where it is one.
pub fn queue(url: &Location) -> Result<Option<Location>> {
    match SINKS.find(url) {
        Ok(backend) if backend.is_a_queue() => url.clone().inner().map(Some),
        _ => Ok(None),
    }
}
