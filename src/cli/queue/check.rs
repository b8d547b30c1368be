//! `queue check`: touches each end of a pipeline, and moves nothing through it.

use super::context::{QueueContext, say};
use super::format;
use crate::cli;
use crate::cli::names::{CollectionName, QueueNames};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::preflight::{self, Finding, Standing};
use crate::queues::Side;
use crate::sinks::legacy;
use crate::{queues, sinks, sources, units};
use clap::Args;
use std::time::Duration;

/// Touch each end of a pipeline and tell whether it would work
///
/// A line for each thing: `ok`, `wrong` or `unknown`. It moves no message, and leaves nothing
/// behind.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The queue as `subscribe --from` has it
    #[arg(long, value_name = "QUEUE")]
    from: Option<String>,

    /// The sink as `subscribe --to` has it; with `--source` and without `--from`, the queue as
    /// `publish --to` has it
    #[arg(long, value_name = "URL")]
    to: Option<String>,

    /// The source as `publish` has it. Of an API this spends one request
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,

    /// The queue as `publish --to` has it, where both programs are meant
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,

    #[command(flatten)]
    names: QueueNames,

    #[command(flatten)]
    collection: CollectionName,

    /// The lease that `subscribe` will have
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    lease: Duration,
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
        let to = match (&self.source, &self.from) {
            (Some(_), None) => Role::Into,
            _ => Role::Sink,
        };
        let given = [
            (Role::Source, &self.source),
            (Role::Into, &self.queue),
            (Role::From, &self.from),
            (to, &self.to),
        ];
        let given: Vec<_> = given
            .into_iter()
            .filter_map(|(role, url)| Some((role, Some(url.as_deref()?))))
            .collect();
        if given.is_empty() { vec![(Role::From, None), (Role::Sink, None)] } else { given }
    }

    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
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

    fn refuse_one_end_twice(&self) -> Result<()> {
        let to_is_queue = self.source.is_some() && self.from.is_none() && self.to.is_some();
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
