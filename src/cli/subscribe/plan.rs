//! What the command line says of the run: how much at once, how long, how often.

use super::Subscribe;
use crate::cli::Context;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::queues::{self, Emptiness, Subscriber};
use crate::retry::Limits;
use crate::sinks::{self, Defaults};
use crate::subscribe::{Mode, Plan, Rehearsal};
use std::path::PathBuf;
use std::time::Duration;

/// How long a drain of a service waits for more.
const IDLE_OF_A_SERVICE: Duration = Duration::from_secs(2);

/// How long a delivery is ours, where nobody says.
const LEASE: Duration = Duration::from_secs(30);

/// A queue that allows so many deliveries of a message allows the most that any service does:
/// nobody can raise it.
const MOST_DELIVERIES: u32 = 1000;

/// How much at once.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) batch: usize,
    pub(super) in_flight: usize,
}

impl Subscribe {
    /// One write gives a command as many messages as one of its runs takes: each run has its place
    /// among the writes, and whatever ends first makes room for the next.
    pub(super) fn bounds(&self, sink: &Location) -> Result<Bounds> {
        let Defaults { batch, runs, .. } = sinks::defaults(sink);
        let batch = self.batch.unwrap_or(batch);
        let batch = self.rate.as_ref().map_or(batch, |rate| batch.min(rate.at_once()));
        let ahead = if runs { batch.saturating_mul(self.concurrency) } else { batch };
        let in_flight = ahead.saturating_mul(self.concurrency.saturating_add(1));
        let in_flight = self.max_in_flight.unwrap_or(in_flight);
        if batch > in_flight {
            return Err(Error::new(Kind::Usage, "`--batch` is larger than `--max-in-flight`")
                .hint("a batch is part of what is in hand: raise `--max-in-flight`"));
        }
        if self.lease() < Duration::from_secs(1) {
            return Err(Error::new(Kind::Usage, "`--lease` is shorter than a second")
                .hint("a lease must outlast a write: `--lease 30s`"));
        }
        if self.timeout.is_some() && !runs {
            return Err(Error::new(Kind::Usage, "`--timeout` is for a command")
                .hint("write `-- COMMAND ARGS...`, or leave it out"));
        }
        if self.write_timeout.is_zero() {
            return Err(Error::new(Kind::Usage, "`--write-timeout` is no time at all")
                .hint("give a write some seconds: `--write-timeout 20s`"));
        }
        if !runs && self.lease() < self.write_timeout {
            tracing::warn!(
                "`--lease` is shorter than a write may take: if it cannot be extended meanwhile, \
                 messages come twice; give it more than `--write-timeout`"
            );
        }
        Ok(Bounds { batch, in_flight })
    }

    /// The most attempts that a message is given, where the queue itself allows so many; `own` is
    /// what the queue gives where nobody says.
    fn max_attempts(&self, own: Option<u32>, max_deliveries: Option<u32>) -> Result<u32> {
        let most = max_deliveries.unwrap_or(u32::MAX);
        match self.max_attempts {
            None => Ok(most.min(own.unwrap_or(Limits::default().max_attempts))),
            Some(asked) if asked <= most => Ok(asked),
            Some(asked) => {
                let what = format!("`--max-attempts {asked}` is more than the queue allows");
                Err(Error::new(Kind::Configuration, what)
                    .because_of(format!("it takes a message away after {most} deliveries"))
                    .hint(format!("ask for at most {most}, or raise the queue's own limit")))
            }
        }
    }

    pub(super) async fn plan(&self, queue: &dyn Subscriber, bounds: Bounds) -> Result<Plan> {
        let max_deliveries = queue.max_deliveries().await?;
        let own = queue.capabilities().max_attempts;
        let max_attempts = self.max_attempts(own, max_deliveries)?;
        let rehearsal = self.rehearsal();
        if queue.capabilities().release_counts {
            warn_of_releases(rehearsal, max_deliveries);
        }
        let idle = match queue.capabilities().emptiness {
            Emptiness::Certain => Duration::ZERO,
            Emptiness::Reported | Emptiness::Unknown => IDLE_OF_A_SERVICE,
        };
        Ok(Plan {
            mode: match (self.once, self.follow) {
                (true, _) => Mode::Once,
                (_, true) => Mode::Follow,
                _ => Mode::Drain,
            },
            rehearsal,
            batch: bounds.batch,
            concurrency: self.concurrency,
            in_flight: bounds.in_flight,
            in_flight_bytes: self.max_in_flight_bytes,
            max_messages: self.max_messages,
            max_time: self.max_time,
            idle: self.idle.unwrap_or(idle),
            lease: self.lease(),
            select: self.tags.select_from(queue.capabilities().selects_tags)?,
            grace: self.common.grace,
            retries: Limits { max_attempts, ..Limits::default() },
            max_deliveries,
            rate: self.rate.clone(),
            ..Plan::default()
        })
    }

    /// How long a delivery is ours.
    fn lease(&self) -> Duration {
        self.lease.unwrap_or(LEASE)
    }

    fn rehearsal(&self) -> Rehearsal {
        match (self.debug, self.dry_run) {
            (true, _) => Rehearsal::Write,
            (_, true) => Rehearsal::Look,
            _ => Rehearsal::No,
        }
    }

    pub(super) fn queue_options(
        &self,
        context: &Context,
        bounds: Bounds,
        data_dir: PathBuf,
    ) -> queues::Options {
        let once = self.once.then_some(bounds.batch);
        queues::Options {
            lease: self.lease(),
            lease_is_given: self.lease.is_some(),
            workers: self.concurrency,
            at_once: bounds.batch.saturating_mul(self.concurrency),
            in_flight: bounds.in_flight,
            in_flight_bytes: self.max_in_flight_bytes,
            max_messages: [self.max_messages, once].into_iter().flatten().min(),
            create: self.create,
            checkins: context.checkins.clone(),
            ..queues::Options::new(context.environment.clone(), data_dir)
        }
    }
}

/// Warns of a queue that counts every delivery, also those that are only released.
fn warn_of_releases(rehearsal: Rehearsal, max_deliveries: Option<u32>) {
    if rehearsal != Rehearsal::No {
        tracing::warn!("giving a message back counts as a delivery attempt of this queue");
    }
    if let Some(limit) = max_deliveries.filter(|limit| *limit < MOST_DELIVERIES) {
        tracing::warn!(
            "the queue itself takes a message away after {limit} deliveries, and counts those that \
             are only given back: outages of the sink may bring good messages there"
        );
    }
}
