//! What the clock enqueues: the runs of the next minutes, put into `scheduled` before they are due.
//!
//! Several pools do this side by side. One run is one member, since all of them write the same bytes.

use super::cron::Cron;
use crate::queues::redis::error::ServiceError;
use crate::queues::redis::job::{More, NewJob};
use crate::queues::redis::shared::Shared;
use chrono::DateTime;
use chrono_tz::Tz;
use foldhash::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How many seconds of runs are put in ahead.
const AHEAD: i64 = 240;
/// After so many seconds somebody looks again.
const RECENT: i64 = 2;
/// How often a pool looks, and up to how many seconds later, by chance.
const SWEEP: Duration = Duration::from_secs(120);
const LATER: u64 = 30;
/// How soon a look that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// A job that the clock enqueues.
#[derive(Debug, Clone)]
pub(in crate::queues::redis) struct Entry {
    /// The job's name.
    pub(in crate::queues::redis) job: String,
    /// When, as it was written.
    pub(in crate::queues::redis) spec: String,
    pub(in crate::queues::redis) cron: Cron,
}

/// What the clock enqueues, and in which zone it goes.
#[derive(Debug, Clone)]
pub(in crate::queues::redis) struct Periodic {
    pub(in crate::queues::redis) entries: Vec<Entry>,
    pub(in crate::queues::redis) zone: Tz,
}

impl Entry {
    /// What pauses this one, and no other entry.
    fn name(&self) -> String {
        format!("{}:{}", self.job, self.spec)
    }

    /// The bytes of the run that is due then: those of the original.
    fn run(&self, due: i64) -> Vec<u8> {
        let id = format!("periodic:{}:{}:{due}", self.job, self.spec);
        let more = &More::default();
        let job = NewJob { name: &self.job, id: &id, t: due, args: "null", unique_key: None, more };
        job.bytes()
    }

    /// The runs after a time, each with when it is due.
    fn runs(&self, zone: Tz, now: i64) -> Vec<(i64, Vec<u8>)> {
        let means = |at: &i64| {
            let time = DateTime::from_timestamp(*at, 0);
            time.is_some_and(|time| self.cron.means(time.with_timezone(&zone)))
        };
        (now + 1..now + AHEAD).filter(means).map(|at| (at, self.run(at))).collect()
    }
}

impl Periodic {
    /// Puts the runs of the next minutes in, unless somebody has done so this moment.
    pub(super) async fn sweep(&self, shared: &Shared) -> Result<(), ServiceError> {
        let (keys, now) = (&shared.keys, shared.now());
        let last: Option<Vec<u8>> =
            shared.redis.query(redis::cmd("GET").arg(keys.last_periodic_enqueue())).await?;
        let last = last.and_then(|last| String::from_utf8(last).ok()?.parse::<i64>().ok());
        if last.is_some_and(|last| last >= now - RECENT) {
            return Ok(());
        }
        let paused: HashSet<String> =
            shared.redis.query(redis::cmd("SMEMBERS").arg(keys.paused_periodic())).await?;
        let mut pipeline = redis::pipe();
        for entry in self.entries.iter().filter(|entry| !paused.contains(&entry.name())) {
            let runs = entry.runs(self.zone, now);
            if !runs.is_empty() {
                pipeline.cmd("ZADD").arg(keys.scheduled()).arg(runs).ignore();
            }
        }
        pipeline.cmd("SET").arg(keys.last_periodic_enqueue()).arg(now).ignore();
        shared.redis.pipeline(&pipeline).await
    }

    /// Looks again and again until it is told to stop.
    pub(super) async fn run(self, shared: Arc<Shared>, stop: CancellationToken) {
        loop {
            let pause = match self.sweep(&shared).await {
                Ok(()) => SWEEP + Duration::from_secs(fastrand::u64(..LATER)),
                Err(error) => {
                    let why = error.reason;
                    tracing::warn!("no periodic jobs are enqueued in {}: {why}", shared.name);
                    AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_the_originals_to_the_byte() {
        let spec = "0 */2 * * * *";
        let entry = Entry {
            job: "send_email".to_owned(),
            spec: spec.to_owned(),
            cron: Cron::parse(spec).unwrap(),
        };
        let runs = entry.runs(Tz::UTC, 1_795_289_862);
        let texts: Vec<_> =
            runs.iter().map(|(at, run)| (*at, str::from_utf8(run).unwrap())).collect();
        assert_eq!(
            texts,
            [
                (
                    1_795_289_880,
                    r#"{"name":"send_email","id":"periodic:send_email:0 */2 * * * *:1795289880","t":1795289880,"args":null}"#
                ),
                (
                    1_795_290_000,
                    r#"{"name":"send_email","id":"periodic:send_email:0 */2 * * * *:1795290000","t":1795290000,"args":null}"#
                ),
            ]
        );
    }
}
