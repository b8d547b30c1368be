//! `queue check` with limits: whether they hold, for a person, a program or a monitoring system.

use super::super::context::{QueueContext, say};
use super::Check;
use super::limits::{self, Health, Measure};
use super::nagios;
use crate::cli::tell::Form;
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Counted};
use crate::{cli, sinks, spool};
use chrono::{DateTime, TimeDelta, Utc};

/// What was looked at: how each thing stands, and why some could not be looked at.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) measured: Vec<Measure>,
    pub(super) failures: Vec<Error>,
}

impl Check {
    /// Holds the queue, its spool and the sink to their limits.
    pub(super) async fn hold(&self, context: &QueueContext<'_>) -> Result<()> {
        let nagios = self.format == Some(super::Format::Nagios);
        if nagios && context.form == Form::Json {
            return Err(Error::new(Kind::Usage, "`--format nagios` does not go with `--json`")
                .hint("leave one of the two out"));
        }
        let looked = match self.look_at_all(context).await {
            Err(error) if nagios => Looked { failures: vec![error], ..Looked::default() },
            looked => looked?,
        };
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
            let environment = context.program.environment.clone();
            let url = cli::url_or(self.to.as_deref(), "KAKEHI_SINK", &environment)?;
            let url = self.collection.add(url)?;
            let data_dir = cli::data_dir(&environment, &[&url])?;
            let options = sinks::Options::new(environment, data_dir);
            let now = options.clock.now();
            let enough = now - TimeDelta::seconds(limit.most.min(1 << 40).cast_signed());
            let ago = |time: DateTime<Utc>| (now - time).num_seconds().max(0).unsigned_abs();
            match sinks::newest(url, &options, enough).await {
                Ok(newest) => looked.measured.push(limits::of_store(newest, limit, ago)),
                Err(error) => looked.failures.push(error),
            }
        }
        Ok(looked)
    }

    async fn look_at_queue(&self, looked: &mut Looked, context: &QueueContext<'_>) -> Result<()> {
        let limits = &self.limits;
        let queue_is_asked = limits.of_the_queue() || limits.max_spooled.is_some();
        if !queue_is_asked && limits.any() && self.queue_url().is_none() {
            return Ok(()); // the sink alone is meant
        }
        let (url, options) = context.resolve_url(self.queue_url(), &self.names)?;
        let folder = || context.program.environment.data_dir();
        let path = limits.spool.clone().or_else(|| Some(folder().ok()?.join(spool::FILE)));
        let Counted { spool, queue } = inspect::stats(url, &options, path).await?;
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

    /// Tells what is not as it should be; a program is told everything.
    fn tell(self, context: &QueueContext<'_>) -> Result<()> {
        let lines = self.measured.iter().filter_map(|measured| line(measured, context.form));
        say(&lines.collect::<String>())?;
        let (worst, measured) = (self.worst(), self.measured);
        let limited = measured.iter().filter(|measured| measured.limit.is_some()).count();
        let of = |health| measured.iter().filter(|measured| measured.health == health).count();
        match (self.failures.into_iter().next(), worst) {
            (Some(failure), _) => Err(failure),
            (None, Health::Broken) => {
                let broken = of(Health::Broken);
                let are = if broken == 1 { "is" } else { "are" };
                Err(Error::new(Kind::Failed, format!("{broken} of {limited} limits {are} broken")))
            }
            (None, Health::Unknown) => {
                let unknown = of(Health::Unknown);
                let what = format!("{unknown} of {limited} limits cannot be looked at");
                Err(Error::new(Kind::Configuration, what)
                    .hint("leave out what the queue and the sink cannot tell"))
            }
            (None, _) => Ok(()),
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
