//! `queue check` with limits: whether they hold, for a person, a program or a monitoring system.

use super::super::context::{QueueContext, say};
use super::Check;
use super::limits;
use super::looked::Looked;
use super::nagios;
use crate::cli::OnFailure;
use crate::cli::tell::Form;
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Counted};
use crate::location::Location;
use crate::queues::{self, Side};
use crate::{cli, sinks, spool};
use chrono::{DateTime, TimeDelta, Utc};

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
