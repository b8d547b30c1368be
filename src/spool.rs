//! The spool: a file that keeps what a queue cannot take now, until it can.
//!
//! The file is that of embedded queues, one for each place, named as
//! [`queues::key`] names it: what was meant for the cloud is never found by a run that has an
//! emulator. Whatever works on an embedded queue works on it, by [`Spool::url`].

use crate::dead_letter::Death;
use crate::error::Result;
use crate::identity::Key;
use crate::location::Location;
use crate::message::Message;
use crate::queues::{self, Backlog, Options, Published, Publisher};
use crate::text;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode, utf8_percent_encode};
use serde::Serialize;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file's name in the user's data folder.
pub const FILE: &str = "spool.db";

/// How long what is being drained is kept from others: so long does it wait after its drain was
/// killed. Nobody else drains while the lock is held, so a lease that is lost does no harm.
pub const LEASE: Duration = Duration::from_secs(5);

/// What means something in a URL, or would not survive a shell, an eye or the backticks of a hint.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'?')
    .add(b'#')
    .add(b'&')
    .add(b'+')
    .add(b'\'')
    .add(b'"')
    .add(b'`');

/// What one queue cannot take now, as a queue of its own in a spool file.
#[derive(Debug, Clone)]
pub struct Spool {
    path: PathBuf,
    key: Key,
    options: Options,
}

/// How much a spool keeps for its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spooled {
    /// Messages, in whatever state.
    #[serde(rename = "spooled")]
    pub waiting: u64,
    /// Dead letters.
    #[serde(rename = "spool_dead")]
    pub dead: u64,
}

/// The URL of the embedded queues that are in a file, whatever its name.
pub fn url_of_file(path: &Path) -> String {
    format!("sqlite:{}", percent_encode(path.as_os_str().as_bytes(), RESERVED))
}

impl Spool {
    /// The spool for what is meant for the place of this key, in this file. Nothing is made before
    /// something is to be kept.
    pub fn new(path: PathBuf, key: impl Into<Key>, options: &Options) -> Self {
        Self { path, key: key.into(), options: options.clone() }
    }

    /// The path of the spool's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place's queue in the file, as a URL that every program takes.
    pub fn url(&self) -> Result<String> {
        self.url_of(self.key.name())
    }

    fn url_of(&self, queue: &str) -> Result<String> {
        let queue = utf8_percent_encode(queue, RESERVED);
        Ok(format!("{}?queue={queue}", url_of_file(&self.path)))
    }

    fn location(&self) -> Result<Location> {
        Location::parse(&self.url()?)
    }

    /// Looks whether anything waits for the place, also from older versions: as many messages as there
    /// are, but no more than this are counted. Makes nothing: where nothing ever was, it is nothing.
    pub async fn backlog(&self, at_most: u64) -> Result<Backlog> {
        let mut all = Backlog::default();
        for queue in self.names().await? {
            let one = self.backlog_in(&queue, at_most.saturating_sub(all.messages)).await?;
            all.messages += one.messages;
            all.leased |= one.leased;
        }
        Ok(all)
    }

    async fn backlog_in(&self, queue: &str, at_most: u64) -> Result<Backlog> {
        let url = Location::parse(&self.url_of(queue)?)?;
        queues::backlog(url, &self.options, at_most).await
    }

    /// Counts all that is kept for the place, also by older versions, which takes the longer the more
    /// it is. Makes nothing: where nothing ever was, it is nothing.
    pub async fn stats(&self) -> Result<Spooled> {
        let mut all = Spooled::default();
        for queue in self.names().await? {
            let Spooled { waiting, dead } = self.stats_in(&queue).await?;
            all.waiting += waiting;
            all.dead += dead;
        }
        Ok(all)
    }

    async fn stats_in(&self, queue: &str) -> Result<Spooled> {
        let url = Location::parse(&self.url_of(queue)?)?;
        let queue = queues::open_if_there(url, &self.options).await?;
        let Some(queue) = queue else { return Ok(Spooled::default()) };
        let stats = queue.stats().await?;
        let known = "an embedded queue counts everything";
        let count = |count: Option<u64>| count.expect(known);
        Ok(Spooled { waiting: count(stats.messages()), dead: count(stats.dead) })
    }

    /// The queues in the file that are for the place, the oldest first.
    async fn names(&self) -> Result<Vec<String>> {
        queues::names(self.location()?, &self.options, self.key.older()).await
    }

    /// Gives what older versions kept for the place names of today.
    pub async fn adopt(&self) -> Result<()> {
        queues::adopt(self.location()?, &self.options, self.key.older()).await
    }

    /// What to open to receive what waits, and how: what older versions have kept goes first.
    pub async fn to_receive(&self) -> Result<(Location, Options)> {
        self.adopt().await?;
        let options = Options { lease: LEASE, hold: false, ..self.options.clone() };
        for queue in self.names().await? {
            if self.backlog_in(&queue, 1).await?.messages > 0 {
                return Ok((Location::parse(&self.url_of(&queue)?)?, options));
            }
        }
        Ok((self.location()?, options))
    }

    /// The lock of whoever drains: beside the file, one for each place.
    pub fn lock_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!("-{}.lock", text::short_name(self.key.name())));
        name.into()
    }

    /// Opens the spool to keep messages in; the file is made where it is missing.
    pub async fn open(&self) -> Result<SpoolPublisher> {
        self.adopt().await?;
        // A message waits here for its queue only, and that one is to hold it back.
        let options = Options { hold: false, ..self.options.clone() };
        Ok(SpoolPublisher { queue: queues::open_publisher(self.location()?, &options).await? })
    }

    /// Keeps messages as dead letters: on disk when this returns, all or none. One that is there
    /// with the same id and the same content is not doubled.
    pub async fn bury(&self, letters: &[(Message, Death)]) -> Result<()> {
        self.adopt().await?;
        queues::bury(self.location()?, &self.options, letters).await
    }
}

/// A spool that is open to keep messages in.
pub struct SpoolPublisher {
    queue: Box<dyn Publisher>,
}

impl SpoolPublisher {
    /// Keeps messages behind those that are kept already: on disk when this returns. Answers per
    /// message; an error is of all of them, and none is kept.
    pub async fn append(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.queue.publish(messages).await
    }

    /// Closes the file.
    pub async fn close(self) -> Result<()> {
        self.queue.close().await
    }
}
