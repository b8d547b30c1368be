//! Carries out what the command line of `queue` asks for, and tells it on stdout.

use super::format::Form;
use super::mending::Verb;
use super::{Action, Dead, Take, Where};
use crate::cli::{self, Context};
use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::queues::{self, Contents, Inspect, Options, PeekByReceiving, Verdict};
use std::cell::Cell;
use std::io::{self, Write as _};

/// Where an action is carried out.
pub struct QueueContext<'s> {
    /// The environment and the signals.
    pub context: &'s Context,
    /// How it is told.
    pub form: Form,
    /// Whether messages were taken that are to be given back: a signal waits for that.
    pub receiving: Cell<bool>,
}

impl QueueContext<'_> {
    /// Does it, from opening the queue to the last line.
    pub async fn perform(&self, action: Action) -> Result<()> {
        match action {
            Action::Stats(count) => self.stats(count).await,
            Action::Peek(peek) => self.peek(peek).await,
            Action::Dead(Dead::List(list)) => self.dead_list(list).await,
            Action::Dead(Dead::Redrive(mend)) => self.mend(Verb::Redrive, mend).await,
            Action::Dead(Dead::Drop(mend)) => self.mend(Verb::Drop, mend).await,
            Action::Lease(lease) => self.lease(lease).await,
            Action::Ack(asked) => self.settle("ack", Verdict::Ack, asked).await,
            Action::Release(asked) => self.settle("release", Verdict::Release, asked).await,
            Action::Extend(asked) => self.extend(asked).await,
            Action::Create(place) => self.create(&place).await,
            Action::Purge(sure) => self.purge(sure).await,
            Action::Delete(sure) => self.delete(sure).await,
            Action::Check(check) => self.check(check).await,
            Action::Verify(verify) => self.verify(&verify.file).await,
            Action::Repair(repair) => self.repair(repair).await,
        }
    }

    /// Says what taking costs; refuses it where nobody asked for it.
    pub(super) async fn warn_of_cost(
        &self,
        receiving: &dyn PeekByReceiving,
        what: Contents,
        take: &Take,
    ) -> Result<()> {
        let cost = receiving.cost(what).await?;
        if take.take {
            tracing::warn!("looking is receiving here: {cost}");
            self.receiving.set(true);
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "cannot look without taking")
            .because_of(format!("looking is receiving here: {cost}"))
            .hint("`--take` takes, shows and gives back"))
    }

    /// One line.
    pub(super) fn tell(&self, text: &str, json: &serde_json::Value) -> Result<()> {
        let line = match self.form {
            Form::Human => format!("{text}\n"),
            Form::Json => format!("{json}\n"),
        };
        say(&line).map(drop)
    }

    /// One line that is for people only.
    pub fn remark(&self, text: &str) -> Result<()> {
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

    pub(super) async fn open(&self, asked: &Where) -> Result<Box<dyn Inspect>> {
        let (url, options) = self.place(asked)?;
        queues::open_inspector(url, &options).await
    }

    pub(super) fn place(&self, asked: &Where) -> Result<(Location, Options)> {
        let environment = &self.context.environment;
        let url = cli::url_or(asked.url.as_deref(), "KAKEHI_QUEUE", environment)?;
        let url = asked.names.add(url)?;
        let data_dir = cli::data_dir(environment, &[&url])?;
        Ok((url, Options::new(environment.clone(), data_dir)))
    }
}

/// The error for what a queue cannot do.
pub(super) fn lacks(what: &str) -> Error {
    Error::new(Kind::Configuration, format!("this queue cannot {what}"))
        .hint("the embedded queue can: `sqlite:PATH?queue=NAME`")
}

/// Writes to stdout; `false` where nobody reads it any more.
pub(super) fn say(text: &str) -> Result<bool> {
    match Standard::Output.open()?.write_all(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(cause) => Err(Error::new(Kind::Failed, "cannot write to stdout").because(cause)),
    }
}
