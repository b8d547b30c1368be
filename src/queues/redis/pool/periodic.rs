//! What the clock enqueues, and the runs of the next minutes.

use super::cron::Cron;
use crate::queues::redis::job::{More, NewJob};
use chrono::DateTime;
use chrono_tz::Tz;

/// How many seconds of runs are put in ahead.
const AHEAD: i64 = 240;

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
    pub(super) fn name(&self) -> String {
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
    pub(super) fn runs(&self, zone: Tz, now: i64) -> Vec<(i64, Vec<u8>)> {
        let means = |at: &i64| {
            let time = DateTime::from_timestamp(*at, 0);
            time.is_some_and(|time| self.cron.means(time.with_timezone(&zone)))
        };
        (now + 1..now + AHEAD).filter(means).map(|at| (at, self.run(at))).collect()
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
