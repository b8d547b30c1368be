//! `queue check` with limits: whether they hold, for a person, a program or a monitoring system.

use super::super::Queue;
use super::super::context::{QueueContext, say};
use super::Check;
use super::limits::{self, Health, Measure};
use super::nagios;
use crate::cli::metrics::{self, QueueNumbers, StoreNumbers};
use crate::cli::tell::Form;
use crate::cli::{OnFailure, Program as _};
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Counted};
use crate::location::Location;
use crate::queues::{self, Side, Stats};
use crate::spool::Spooled;
use crate::{cli, sinks, spool};
use chrono::{DateTime, TimeDelta, Utc};
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

impl Check {
    /// Holds the queue, its spool and the sink to their limits.
    pub(super) async fn hold(&self, context: &QueueContext<'_>) -> Result<()> {
        let nagios = self.format == Some(super::Format::Nagios);
        if nagios && context.form == Form::Json {
            return Err(Error::new(Kind::Usage, "`--format nagios` does not go with `--json`")
                .hint("leave one of the two out"));
        }
        if self.on_failure == OnFailure::First && !nagios {
            self.remember_what_is_told(context)?;
        }
        let looked = match self.look_at_all(context).await {
            Err(error) if nagios => Looked { failures: vec![error], ..Looked::default() },
            looked => looked?,
        };
        if let Some(path) = &self.metrics.metrics {
            looked.write(path);
        }
        if nagios {
            let (line, code) = nagios::told(&looked);
            say(&line)?;
            context.program.end_with(code);
            return Ok(());
        }
        looked.tell(context)
    }

    async fn look_at_all(&self, context: &QueueContext<'_>) -> Result<Looked> {
        let mut looked = Looked::default();
        self.look_at_queue(&mut looked, context).await?;
        if let Some(limit) = self.limits.stored_within {
            let (url, options) = self.store(context)?;
            let now = options.clock.now();
            let enough = now - TimeDelta::seconds(limit.most.min(1 << 40).cast_signed());
            let ago = |time: DateTime<Utc>| (now - time).num_seconds().max(0).unsigned_abs();
            let store = sinks::describe(&url, &options);
            match sinks::newest(url, &options, enough).await {
                Ok(newest) => {
                    let measure = limits::of_store(newest, limit, ago);
                    looked.store = measure.value.map(|seconds| (store, seconds));
                    looked.measured.push(measure);
                }
                Err(error) => looked.failures.push(error),
            }
        }
        Ok(looked)
    }

    /// Has the queue and the sink named in what is remembered, as they are looked at.
    fn remember_what_is_told(&self, context: &QueueContext<'_>) -> Result<()> {
        let queue = match self.asks_for_queue() {
            true => {
                let (url, options) = context.resolve_url(self.queue_url(), &self.names)?;
                queues::key(&url, &options)?.name().to_owned()
            }
            false => String::new(),
        };
        let store = match self.limits.stored_within {
            Some(_) => {
                let (url, options) = self.store(context)?;
                sinks::identity(&url, &options)?.name().to_owned()
            }
            None => String::new(),
        };
        context.program.tell_first_failures("check", [&queue, &store])
    }

    /// Whether the queue or its spool is to be looked at: not where the sink alone is meant.
    fn asks_for_queue(&self) -> bool {
        let limits = &self.limits;
        let limited = limits.of_the_queue() || limits.max_spooled.is_some();
        limited || self.queue_url().is_some() || limits.stored_within.is_none()
    }

    /// The sink, and what it is opened with.
    fn store(&self, context: &QueueContext<'_>) -> Result<(Location, sinks::Options)> {
        let environment = context.program.environment.clone();
        let url = cli::url_or(self.to.as_deref(), "KAKEHI_SINK", &environment)?;
        let url = self.collection.add(url)?;
        let data_dir = cli::data_dir(&environment, &[&url])?;
        Ok((url, sinks::Options::new(environment, data_dir)))
    }

    async fn look_at_queue(&self, looked: &mut Looked, context: &QueueContext<'_>) -> Result<()> {
        let limits = &self.limits;
        if !self.asks_for_queue() {
            return Ok(());
        }
        let (url, options) = context.resolve_url(self.queue_url(), &self.names)?;
        let folder = || context.program.environment.data_dir();
        let path = limits.spool.clone().or_else(|| Some(folder().ok()?.join(spool::FILE)));
        let name = queues::describe(&url, Side::From, &options);
        let Counted { spool, queue } = inspect::stats(url, &options, path).await?;
        looked.queue = Some((name, queue.as_ref().ok().cloned(), spool));
        match queue {
            Ok(stats) => looked.measured.extend(limits::of_queue(&stats, spool, limits)),
            Err(error) => looked.failures.push(error),
        }
        looked.measured.push(limits::of_spool(spool, limits));
        Ok(())
    }
}

impl Looked {
    /// How the worst thing stands to its limit.
    pub(super) fn worst(&self) -> Health {
        self.measured.iter().map(|measured| measured.health).max().unwrap_or(Health::Ok)
    }

    /// Writes the numbers of what was looked at.
    fn write(&self, path: &Path) {
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
    fn tell(self, context: &QueueContext<'_>) -> Result<()> {
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
