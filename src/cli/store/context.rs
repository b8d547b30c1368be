//! What all actions of `store` share: the program around them, and how they talk.

use super::arguments::StoreUrl;
use crate::cli::tell::{Form, say};
use crate::cli::{self, Context};
use crate::error::Result;
use crate::location::Location;
use crate::readings::{self, Store};
use crate::sinks;
use std::cell::Cell;
use std::time::Duration;

/// How long a server may take for each of its answers, while somebody waits at a terminal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where an action is carried out, and how it tells what came of it.
pub(super) struct StoreContext<'p> {
    /// The environment and the signals.
    pub(super) program: &'p Context,
    /// How results are told.
    pub(super) form: Form,
    /// What the action is called.
    pub(super) does: &'static str,
    /// Whether the action ends by itself after a signal, as it has a step to finish.
    pub(super) finishes: Cell<bool>,
}

impl StoreContext<'_> {
    /// Opens the store that the arguments name, to read it.
    pub(super) async fn open(&self, store: &StoreUrl) -> Result<Box<dyn Store>> {
        let url = self.url(store)?;
        let options = self.options(&url)?;
        readings::open(url, &options).await
    }

    /// The URL that the arguments name; the numbers of the run are of its store from then on.
    pub(super) fn url(&self, store: &StoreUrl) -> Result<Location> {
        let url = cli::url_or(store.url.as_deref(), "KAKEHI_SINK", &self.program.environment)?;
        let url = store.collection.add(url)?;
        let words = sinks::describe(&url, &self.sink_options(&[&url])?);
        self.program.say_ends(words, self.does.to_owned());
        Ok(url)
    }

    /// The options that the store of a URL is read with.
    pub(super) fn options(&self, url: &Location) -> Result<readings::Options> {
        let environment = &self.program.environment;
        let data_dir = cli::data_dir(environment, &[url])?;
        let options =
            readings::Options::new(environment.clone(), data_dir, environment.cache_dir());
        Ok(readings::Options { timeout: PATIENCE, ..options })
    }

    /// The options that the sinks of these URLs are opened with.
    pub(super) fn sink_options(&self, urls: &[&Location]) -> Result<sinks::Options> {
        let environment = &self.program.environment;
        let data_dir = cli::data_dir(environment, urls)?;
        Ok(sinks::Options::new(environment.clone(), data_dir))
    }

    /// Writes one line to stdout: `text` for a person, `json` for a program.
    pub(super) fn tell(&self, text: &str, json: &serde_json::Value) -> Result<()> {
        let line = match self.form {
            Form::Human => format!("{text}\n"),
            Form::Json => format!("{json}\n"),
        };
        say(&line).map(drop)
    }
}

/// Closes a store that was read, and gives what came of that: its own error first.
pub(super) async fn closing<T>(store: Box<dyn Store>, done: Result<T>) -> Result<T> {
    let closed = store.close().await;
    let done = done?;
    closed.map(|()| done)
}
