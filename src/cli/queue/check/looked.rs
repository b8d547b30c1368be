//! What `queue check` has looked at: told, written as numbers, and what it all comes to.

use super::super::Queue;
use super::super::context::{QueueContext, say};
use super::limits::{Health, Measure};
use crate::cli::Program as _;
use crate::cli::metrics::{self, QueueNumbers, StoreNumbers};
use crate::cli::tell::Form;
use crate::error::{Error, Kind, Result};
use crate::queues::Stats;
use crate::spool::Spooled;
use std::path::Path;

/// What was looked at: how each thing stands, and why some could not be looked at.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) measured: Vec<Measure>,
    pub(super) failures: Vec<Error>,
    /// The queue in words, and what was counted there.
    pub(super) queue: Option<(String, Option<Stats>, Spooled)>,
    /// The store in words, and how many seconds ago something was stored.
    pub(super) store: Option<(String, u64)>,
}

impl Looked {
    /// How the worst thing stands to its limit.
    pub(super) fn worst(&self) -> Health {
        self.measured.iter().map(|measured| measured.health).max().unwrap_or(Health::Ok)
    }

    /// Writes the numbers of what was looked at.
    pub(super) fn write(&self, path: &Path) {
        let store = self.store.as_ref();
        let store = store.map(|(store, stored_ago)| (store.as_str(), *stored_ago));
        let program = Queue::NAME;
        let store = store.map(|(store, stored_ago)| StoreNumbers { program, store, stored_ago });
        let (queue, stats, spool, up) = match &self.queue {
            Some((name, stats, spool)) => {
                (name.as_str(), stats.as_ref(), Some(*spool), Some(stats.is_some()))
            }
            None => ("", None, None, None),
        };
        metrics::write(path, &QueueNumbers { program, queue, up, stats, spool }, store.as_ref());
    }

    /// Tells what is not as it should be; a program is told everything.
    pub(super) fn tell(self, context: &QueueContext<'_>) -> Result<()> {
        let lines = self.measured.iter().filter_map(|measured| line(measured, context.form));
        let lines = lines.collect::<String>();
        let verdict = self.verdict();
        let silent = verdict.as_ref().is_err_and(|error| context.program.was_told(error));
        if !silent || context.form == Form::Json {
            say(&lines)?;
        }
        verdict
    }

    /// What it all comes to.
    fn verdict(self) -> Result<()> {
        if let Some(failure) = self.failures.into_iter().next() {
            return Err(failure);
        }
        let limited = self.measured.iter().filter(|measured| measured.limit.is_some()).count();
        let of = |health| {
            let such = self.measured.iter().filter(move |measured| measured.health == health);
            such.map(|measured| measured.what.word()).collect::<Vec<_>>()
        };
        match (of(Health::Broken), of(Health::Unknown)) {
            (broken, _) if !broken.is_empty() => {
                let (count, names) = (broken.len(), broken.join(", "));
                let are = if count == 1 { "is" } else { "are" };
                let what = format!("{count} of {limited} limits {are} broken: {names}");
                Err(Error::new(Kind::Failed, what))
            }
            (_, unknown) if !unknown.is_empty() => {
                let (count, names) = (unknown.len(), unknown.join(", "));
                let what = format!("{count} of {limited} limits cannot be looked at: {names}");
                Err(Error::new(Kind::Configuration, what)
                    .hint("leave out what the queue and the sink cannot tell"))
            }
            _ => Ok(()),
        }
    }
}

fn line(measured: &Measure, form: Form) -> Option<String> {
    let word = measured.what.word();
    if form == Form::Json {
        let json = serde_json::json!({
            "what": measured.what, "health": measured.health, "value": measured.value,
            "warning": measured.limit.and_then(|limit| limit.warning),
            "most": measured.limit.map(|limit| limit.most), "words": measured.words,
        });
        return Some(format!("{json}\n"));
    }
    let words = &measured.words;
    match measured.health {
        Health::Ok => None,
        Health::Warning => Some(format!("warning {word}: {words}\n")),
        Health::Unknown => Some(format!("unknown {word}: {words}\n")),
        Health::Broken => Some(format!("broken  {word}: {words}\n")),
    }
}
