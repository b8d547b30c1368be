//! `queue check`: touches each end of a pipeline, and moves nothing through it; with limits it tells
//! whether they hold.

mod health;
mod limits;
mod looked;
mod nagios;

use super::context::{QueueContext, say};
use super::format;
use crate::cli::names::{CollectionName, QueueNames};
use crate::cli::{self, Metrics, OnFailure};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::preflight::{self, Finding, Standing};
use crate::queues::Side;
use crate::sinks::legacy;
use crate::{queues, sinks, sources, units};
use clap::{Args, ValueEnum};
use limits::Limits;
use std::time::Duration;

/// Tell whether a pipeline would work, or keeps to limits
///
/// Each end is touched, and a line told for each thing: `ok`, `wrong` or `unknown`. It moves no
/// message, and leaves nothing behind. With limits (`--max-age`, `--max-ready`, `--max-dead`,
/// `--max-spooled`, `--stored-within`) it counts instead: nothing is said and the exit code is 0 where
/// all hold, else 1 with a line for each that is broken.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The queue, as `--from` has it
    #[arg(value_name = "URL", conflicts_with = "from")]
    url: Option<String>,

    /// The queue as `subscribe --from` has it
    #[arg(long, value_name = "QUEUE")]
    from: Option<String>,

    /// The sink as `subscribe --to` has it; with `--source` and without `--from`, the queue as
    /// `publish --to` has it
    #[arg(long, value_name = "URL")]
    to: Option<String>,

    /// The source as `publish` has it. Of an API this spends one request
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["Limits", "format", "metrics"])]
    source: Option<String>,

    /// The queue as `publish --to` has it, where both programs are meant
    #[arg(long, value_name = "QUEUE", conflicts_with_all = ["Limits", "format", "metrics"])]
    queue: Option<String>,

    #[command(flatten)]
    names: QueueNames,

    #[command(flatten)]
    collection: CollectionName,

    /// The lease that `subscribe` will have
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    lease: Duration,

    #[command(flatten)]
    limits: Limits,

    #[command(flatten)]
    metrics: Metrics,

    /// Which of the calls that find limits broken tell it: each, or the first and the one that finds
    /// them kept again
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = OnFailure::Each)]
    #[arg(requires = "Limits", hide_short_help = true)]
    on_failure: OnFailure,

    /// Answer in one line and with the exit codes of a monitoring plugin: 0 OK, 1 WARNING,
    /// 2 CRITICAL, 3 UNKNOWN
    #[arg(long, value_name = "FORM", value_enum)]
    format: Option<Format>,
}

/// For whom `queue check` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Nagios, Icinga, Naemon, Checkmk
    Nagios,
}

/// What an end is to its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Source,
    Into,
    From,
    Sink,
}

impl Role {
    /// The flag that names it.
    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Into => "queue",
            Self::From => "from",
            Self::Sink => "to",
        }
    }
}

impl Check {
    /// The ends that are asked for; where none is, those that `subscribe` uses by itself.
    fn ends(&self) -> Vec<(Role, Option<&str>)> {
        let from = self.queue_url();
        let to = match (&self.source, from) {
            (Some(_), None) => Role::Into,
            _ => Role::Sink,
        };
        let given = [
            (Role::Source, self.source.as_deref()),
            (Role::Into, self.queue.as_deref()),
            (Role::From, from),
            (to, self.to.as_deref()),
        ];
        let given: Vec<_> =
            given.into_iter().filter_map(|(role, url)| Some((role, Some(url?)))).collect();
        if given.is_empty() { vec![(Role::From, None), (Role::Sink, None)] } else { given }
    }

    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let counts = self.limits.any() || self.format.is_some();
        if counts || self.metrics.metrics.is_some() {
            return self.hold(context).await;
        }
        self.refuse_one_end_twice()?;
        let mut all = Vec::new();
        for (role, url) in self.ends() {
            let url = self.url(role, url, context)?;
            let looked = match role {
                Role::Sink => self.look_at_sink(url.clone(), context).await,
                _ => self.look_at(role, url.clone(), context).await,
            };
            let findings = match looked {
                Ok(findings) => findings,
                Err(error) => vec![Finding::of(&error)],
            };
            let lines =
                findings.iter().map(|it| format::finding(role.word(), &url, it, context.form));
            say(&lines.collect::<String>())?;
            all.extend(findings);
        }
        let wrong = all.iter().filter(|finding| finding.standing == Standing::Wrong).count();
        match preflight::worst(&all) {
            None => Ok(()),
            Some(kind) => Err(Error::new(
                kind,
                format!("{wrong} of {} checks found something wrong", all.len()),
            )
            .hint("the lines above tell what, and what to do about it")),
        }
    }

    /// The queue that is received from, where it was named.
    fn queue_url(&self) -> Option<&str> {
        self.from.as_deref().or(self.url.as_deref())
    }

    fn refuse_one_end_twice(&self) -> Result<()> {
        let to_is_queue = self.source.is_some() && self.queue_url().is_none() && self.to.is_some();
        if !to_is_queue || self.queue.is_none() {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "`--to` and `--queue` name the same end")
            .because_of("with `--source` and without `--from`, `--to` is the queue of `publish`")
            .hint("leave one of them out, or add `--from`"))
    }

    fn url(&self, role: Role, given: Option<&str>, context: &QueueContext<'_>) -> Result<Location> {
        let variable = if role == Role::Sink { "KAKEHI_SINK" } else { "KAKEHI_QUEUE" };
        let url = cli::url_or(given, variable, &context.program.environment)?;
        match role {
            Role::Source => Ok(url),
            Role::Into => self.names.queue().add(url),
            Role::From => self.names.add(url),
            Role::Sink => self.collection.add(url),
        }
    }

    async fn look_at(
        &self,
        role: Role,
        url: Location,
        context: &QueueContext<'_>,
    ) -> Result<Vec<Finding>> {
        let environment = context.program.environment.clone();
        let data_dir = cli::data_dir(&environment, &[&url])?;
        let queue = || queues::Options {
            lease: self.lease,
            ..queues::Options::new(environment.clone(), data_dir.clone())
        };
        match role {
            Role::Source => {
                let options = sources::Options::new(environment.clone(), data_dir.clone());
                sources::preflight(url, &options).await
            }
            Role::Into => queues::preflight(url, Side::Into, &queue()).await,
            Role::From => queues::preflight(url, Side::From, &queue()).await,
            Role::Sink => {
                let options = sinks::Options::new(environment.clone(), data_dir.clone());
                sinks::preflight(url, &options).await
            }
        }
    }

    /// Looks at a sink; one that is another queue is looked at as `publish` would use that.
    async fn look_at_sink(
        &self,
        url: Location,
        context: &QueueContext<'_>,
    ) -> Result<Vec<Finding>> {
        let Some(mut queue) = sinks::queue(&url)? else {
            return self.look_at(Role::Sink, url, context).await;
        };
        legacy::take(&mut queue)?;
        self.look_at(Role::Into, queue, context).await
    }
}
