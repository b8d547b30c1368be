//! FROM: what can be read. One folder a source, one line of the list a scheme.

#[cfg(any(feature = "files", feature = "listen"))]
#[cfg_attr(not(feature = "listen"), expect(dead_code, reason = "only `listen:` needs all of it"))]
mod content_type;
pub mod exec;
#[cfg_attr(not(feature = "listen"), expect(dead_code, reason = "only `listen:` needs all of it"))]
mod fields;
#[cfg(feature = "files")]
pub mod files;
pub mod http;
mod ids;
#[cfg_attr(not(feature = "listen"), expect(dead_code, reason = "only `listen:` needs all of it"))]
mod lines;
#[cfg(feature = "listen")]
pub mod listen;
pub mod nature_remo;
#[cfg(any(feature = "files", feature = "listen"))]
mod object;
#[cfg_attr(not(feature = "files"), expect(dead_code, reason = "only `files:` needs all of it"))]
mod polling;
#[cfg(feature = "sql")]
pub mod sql;
mod state_file;
pub mod stdin;

use crate::batch::BatchLimits;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::Result;
use crate::identity::Identity;
use crate::location::Location;
use crate::message::{IdForm, Message};
use crate::preflight::Finding;
use crate::registry::{Entry, Registry, built_with};
use async_trait::async_trait;
use bytes::Bytes;
use chrono_tz::Tz;
use std::ffi::OsString;
use std::path::PathBuf;

/// What a source has read.
#[derive(Debug, Default)]
pub struct Batch {
    /// The source's own name for it: what `commit` is told.
    pub number: u64,
    /// What can be published.
    pub messages: Vec<Message>,
    /// The number of the line that each message stood in, where it came from an input that cannot
    /// be read again; else none.
    pub lines: Vec<u64>,
    /// What cannot be published: it does not stop the others.
    pub refused: Vec<Refusal>,
    /// Messages that are not to be published, each with the reason; they are to be kept.
    pub rejected: Vec<(Message, String)>,
    /// How many messages were read, and left out on purpose.
    pub filtered: usize,
    /// How many more messages there are than were read, where several were made of one.
    pub multiplied: usize,
}

impl Batch {
    /// How many messages were read, whatever was made of them.
    pub fn read(&self) -> usize {
        let given = self.messages.len() - self.multiplied;
        given + self.refused.len() + self.rejected.len() + self.filtered
    }
}

/// A piece of input that is not a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Where it stood: `line 7`, `device 3 of 5`.
    pub position: String,
    /// Why it was refused; never the payload itself.
    pub reason: String,
    /// The piece itself, where it cannot be read again: it is to be kept.
    pub raw: Option<Raw>,
}

/// A piece of input as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The bytes of the piece; where it is far too long, the first of them.
    pub bytes: Bytes,
    /// How many bytes the piece has, its end included.
    pub length: u64,
    /// The reading was called off before the rest of it came.
    pub cut: bool,
}

/// What became of a message that was read; the worse it is, the greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The queue has it, from now on or since before.
    Queued,
    /// The spool has it, and the queue will.
    Spooled,
    /// Nobody will ever take it; why.
    Refused(String),
    /// Neither of them has it.
    Nowhere,
}

/// How soon a source is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Nothing further is taken; what was begun may be finished.
    Finish,
    /// What was begun is broken off: nothing is waited for.
    Now,
}

/// Something that messages are read from.
#[async_trait]
pub trait Source: Send {
    /// The next batch of this tick; `None` when the tick has no more. `--every` counts the ticks
    /// up from 0; a source that polls does so once per tick. Cancel-safe: a read that was dropped
    /// has taken nothing.
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>>;

    /// The batch of this number is safe: do not read it again. A batch that was not, and a read that
    /// failed, stop no commit of another one. A number of an earlier tick may come too late, and
    /// does nothing then.
    async fn commit(&mut self, batch: u64) -> Result<()>;

    /// What became of each message of a batch, in their order: told once, before its commit. Where one
    /// of them is in neither place there is no commit. Most sources have nobody to tell.
    fn told(&mut self, _batch: u64, _fates: Vec<Fate>) {}

    /// Whether whoever sent a message is told what became of it, and so still has what nobody took:
    /// that is no loss, and ends no run.
    fn answers(&self) -> bool {
        false
    }

    /// The tick is over: what a commit has put off is done now.
    async fn flush(&mut self) -> Result<()>;

    /// Ends the reading: `read` still gives what was taken by now, and then no more.
    fn stop(&mut self, how: Stop);

    /// Why the last tick gave nothing, where there was nothing at all: where something was only not
    /// new, nothing is to be said.
    fn nothing(&self) -> Option<String>;
}

/// What a source must know when it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// At most this many messages in a batch.
    pub batch: usize,
    /// A batch ends when it holds this many bytes.
    pub batch_bytes: usize,
    /// The time zone in which readings are stamped.
    pub timezone: Tz,
    /// What ids look like that are made for messages without one.
    pub ids: IdForm,
    /// Nothing is published, and nothing else may change either.
    pub dry_run: bool,
    /// What follows the program, where the source is a command.
    pub arguments: Vec<OsString>,
    /// Tokens and endpoints.
    pub environment: Environment,
    /// Where small state files live.
    pub data_dir: PathBuf,
    /// The time of day.
    pub clock: Clock,
}

impl Options {
    /// What `publish` uses where nothing else is asked for.
    pub fn new(environment: Environment, data_dir: PathBuf) -> Self {
        Self {
            batch: 1000,
            batch_bytes: 1 << 20,
            timezone: Tz::Asia__Tokyo,
            ids: IdForm::default(),
            dry_run: false,
            arguments: Vec::new(),
            environment,
            data_dir,
            clock: Clock::system(),
        }
    }

    /// The limits of a batch; one of no messages would never end.
    fn limits(&self) -> BatchLimits {
        BatchLimits { count: self.batch.max(1), bytes: self.batch_bytes }
    }
}

/// A kind of source: everything that its scheme stands for.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What the parameters of its URLs are called: a URL with any other one is refused, unless that is the
    /// server's own.
    fn parameters(&self) -> Vec<&'static str>;

    /// Whether a path of this machine stands behind the scheme.
    fn has_path(&self) -> bool {
        false
    }

    /// Opens the source.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>>;

    /// What the source of a URL is, for what is locked. Nothing is asked or read; how it is read is no
    /// part of what it is.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity>;

    /// Looks at the source as `publish` will use it; nothing is published or remembered.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        let what = format!("`{url}` can be opened; what it holds shows when it is read");
        self.open(url, options).await.map(|_| vec![Finding::ok(what)])
    }

    /// Whether the source can be asked again: one that cannot is read once, to its end.
    fn repeats(&self) -> bool {
        true
    }

    /// Whether what the source of this URL gives depends on the time of day.
    fn follows_the_clock(&self, _url: &Location) -> bool {
        false
    }

    /// Whether the source of this URL stays by itself, and gives what comes.
    fn watches(&self, _url: &Location) -> bool {
        false
    }
}

/// The sources, one line each.
pub static SOURCES: Registry<dyn Backend> = Registry {
    noun: "source",
    lines: &[
        ("stdin", Entry::Built(&stdin::StdinBackend)),
        ("nature-remo", Entry::Built(&nature_remo::NatureRemoBackend)),
        ("files", built_with!("files", files::FilesBackend)),
        ("sql", built_with!("sql", sql::SqlBackend)),
        ("http", Entry::Built(&http::HttpBackend)),
        ("https", built_with!("https", http::HttpBackend)),
        ("exec", Entry::Built(&exec::ExecBackend)),
        ("listen", built_with!("listen", listen::ListenBackend)),
    ],
};

/// Opens a source by its URL.
pub async fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    SOURCES.find(&url)?.open(url, options).await
}

/// The source of a URL, for what is locked. One that this build cannot open is what its URL says.
pub fn identity(url: &Location, options: &Options) -> Result<Identity> {
    match SOURCES.find(url) {
        Ok(backend) => backend.identity(url, options),
        Err(_) => Ok(Identity::named(url.to_string())),
    }
}

/// Looks at a source as `publish` will use it; nothing is published or remembered.
pub async fn preflight(url: Location, options: &Options) -> Result<Vec<Finding>> {
    SOURCES.find(&url)?.preflight(url, options).await
}

/// Whether the source of a URL can be asked again.
pub fn repeats(url: &Location) -> bool {
    SOURCES.find(url).is_ok_and(|backend| backend.repeats())
}

/// Whether the source of a URL stays by itself.
pub fn watches(url: &Location) -> bool {
    SOURCES.find(url).is_ok_and(|backend| backend.watches(url))
}

/// Whether what the source of a URL gives depends on the time of day.
pub fn follows_the_clock(url: &Location) -> bool {
    SOURCES.find(url).is_ok_and(|backend| backend.follows_the_clock(url))
}
