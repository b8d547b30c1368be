//! What all actions of `queue` share: the program around them, and how they talk.

use super::arguments::{QueueUrl, Take};
use crate::cli::names::QueueNames;
use crate::cli::tell::Form;
pub(super) use crate::cli::tell::say;
use crate::cli::{self, Context};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::queues::{self, Contents, Inspect, Options, PeekByReceiving};
use crate::spool;
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// Where an action is carried out, and how it tells what came of it.
pub(super) struct QueueContext<'p> {
    /// The environment and the signals.
    pub(super) program: &'p Context,
    /// How results are told.
    pub(super) form: Form,
    /// Whether the action ends by itself after a signal, as it has something to finish: messages that
    /// are to be released, requests that are being served.
    pub(super) finishes: Cell<bool>,
}

impl QueueContext<'_> {
    /// Says what receiving costs; refuses it where nobody asked for it.
    pub(super) async fn warn_of_cost(
        &self,
        receiving: &dyn PeekByReceiving,
        what: Contents,
        take: &Take,
    ) -> Result<()> {
        let cost = receiving.cost(what).await?;
        if take.take {
            tracing::warn!("looking is receiving here: {cost}");
            self.finishes.set(true);
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "cannot look without taking")
            .because_of(format!("looking is receiving here: {cost}"))
            .hint("`--take` takes, shows and gives back"))
    }

    /// Writes one line to stdout: `text` for a person, `json` for a program.
    pub(super) fn tell(&self, text: &str, json: &serde_json::Value) -> Result<()> {
        let line = match self.form {
            Form::Human => format!("{text}\n"),
            Form::Json => format!("{json}\n"),
        };
        say(&line).map(drop)
    }

    /// Writes one line to stdout for a person; a program gets none.
    pub(super) fn remark(&self, text: &str) -> Result<()> {
        match self.form {
            Form::Human => say(&format!("{text}\n")).map(drop),
            Form::Json => Ok(()),
        }
    }

    /// Says that nothing was done, where it was not.
    pub(super) fn remind(&self, done: bool) -> Result<()> {
        match (done, self.form) {
            (false, Form::Human) => say("nothing was changed: `--yes` does it\n").map(drop),
            _ => Ok(()),
        }
    }

    /// The file of an embedded queue that was given by its path, or by the URL of a queue in it.
    pub(super) fn file(&self, given: PathBuf) -> Result<PathBuf> {
        let Some(text) = given.to_str().filter(|_| !given.exists()) else { return Ok(given) };
        if Location::parse(text).is_err() {
            return Ok(given);
        }
        let (url, options) = self.resolve_url(Some(text), &QueueNames::default())?;
        Ok(queues::file(&url, &options)?.map_or(given, |file| file.path().to_owned()))
    }

    /// The URL of what was given by a URL, or by the path of a file that is there.
    pub(super) fn url_of_file(&self, given: String) -> String {
        match Location::parse(&given) {
            Err(_) if Path::new(&given).exists() => spool::url_of_file(Path::new(&given)),
            _ => given,
        }
    }

    /// Opens the inside of the queue that the arguments name.
    pub(super) async fn open(&self, queue: &QueueUrl) -> Result<Box<dyn Inspect>> {
        let (url, options) = self.resolve(queue)?;
        queues::open_inspector(url, &options).await
    }

    /// The URL that the arguments name, and the options that a queue is opened with.
    pub(super) fn resolve(&self, queue: &QueueUrl) -> Result<(Location, Options)> {
        self.resolve_url(queue.url.as_deref(), &queue.names)
    }

    /// The URL that was given or is the default, with what flags say of it, and the options that a queue
    /// is opened with.
    pub(super) fn resolve_url(
        &self,
        url: Option<&str>,
        names: &QueueNames,
    ) -> Result<(Location, Options)> {
        let environment = &self.program.environment;
        let url = cli::url_or(url, "KAKEHI_QUEUE", environment)?;
        let url = names.add(url)?;
        let data_dir = cli::data_dir(environment, &[&url])?;
        Ok((url, Options::new(environment.clone(), data_dir)))
    }
}

/// Closes a queue that may have been written, and gives what came of the work on it: its own error
/// first.
pub(super) async fn closing<T>(queue: &dyn Inspect, done: Result<T>) -> Result<T> {
    let closed = queue.close().await;
    let done = done?;
    closed.map(|()| done)
}
