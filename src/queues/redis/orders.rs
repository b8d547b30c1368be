//! What shall become of jobs.

use super::in_flight::{Ended, Lease};
use super::job::Job;
use crate::queues::Verdict;
use bytes::Bytes;
use std::time::Duration;

/// The longest text of an error that a job keeps, in bytes.
const LONGEST_REASON: usize = 1024;

/// What shall become of a job that is in progress here.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// From which list it came, by the number of its job.
    pub(super) list: usize,
    pub(super) bytes: Bytes,
    pub(super) fate: Fate,
}

/// Where a job goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nowhere: its work is done.
    Ack,
    /// Back to the right end, where it is the next.
    Release,
    /// To what cannot be read.
    Poison,
    /// To be tried again at this unix second, as these bytes.
    Retry(i64, Vec<u8>),
    /// Among the dead at this unix second, as these bytes.
    Dead(i64, Vec<u8>),
}

impl Order {
    /// What a verdict at this unix second means for a job.
    pub(super) fn of(lease: &Lease, verdict: &Verdict, now: i64) -> Self {
        let fate = match verdict {
            Verdict::Ack => Fate::Ack,
            Verdict::Release => Fate::Release,
            Verdict::Retry { after, why } => {
                let failed = failed(&lease.bytes, why, now);
                failed.map_or(Fate::Poison, |bytes| Fate::Retry(due(now, *after), bytes))
            }
            Verdict::Bury(why) => {
                failed(&lease.bytes, why, now).map_or(Fate::Poison, |bytes| Fate::Dead(now, bytes))
            }
        };
        Self { list: lease.list, bytes: lease.bytes.clone(), fate }
    }
}

impl Fate {
    /// What the script calls it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Release => "release",
            Self::Poison => "poison",
            Self::Retry(..) => "retry",
            Self::Dead(..) => "dead",
        }
    }
}

/// The unix second at which something is due, rounded up.
fn due(now: i64, after: Duration) -> i64 {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A job after an attempt that failed; `None` where it cannot be read, which it was.
pub(super) fn failed(bytes: &[u8], why: &str, now: i64) -> Option<Vec<u8>> {
    let job = Job::parse(bytes).ok()?;
    let why = &why[..why.floor_char_boundary(LONGEST_REASON)];
    Some(job.failed(job.fails.saturating_add(1), why, now))
}

/// What is settled by one run of the script.
#[derive(Debug)]
pub(super) struct Batch {
    /// Under which the answer is kept, until it has come.
    pub(super) number: u64,
    pub(super) orders: Vec<Order>,
    pub(super) ended: Ended,
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &[u8] = br#"{"name":"a","id":"1","t":5,"args":null,"fails":1,"d":7}"#;

    fn fate(verdict: &Verdict) -> Fate {
        let lease = Lease::new(0, Bytes::from_static(JOB));
        Order::of(&lease, verdict, 100).fate
    }

    #[test]
    fn a_verdict_says_where_a_job_goes() {
        let text = r#"{"name":"a","id":"1","t":5,"args":null,"fails":2,"d":7,"err":"no \u003c1\u003e","failed_at":100}"#;
        let (why, after) = ("no <1>".to_owned(), Duration::from_millis(1500));
        assert_eq!(fate(&Verdict::Ack), Fate::Ack);
        assert_eq!(fate(&Verdict::Release), Fate::Release);
        let retry = fate(&Verdict::Retry { after, why: why.clone() });
        assert_eq!(retry, Fate::Retry(102, text.into()));
        assert_eq!(fate(&Verdict::Bury(why)), Fate::Dead(100, text.into()));
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let Fate::Dead(_, bytes) = fate(&Verdict::Bury("é".repeat(600) + "x")) else { panic!() };
        let job = Job::parse(&bytes).unwrap();
        assert_eq!(job.err.len(), LONGEST_REASON);
        let Fate::Dead(_, bytes) = fate(&Verdict::Bury("x".to_owned() + &"é".repeat(600))) else {
            panic!()
        };
        assert_eq!(Job::parse(&bytes).unwrap().err.len(), LONGEST_REASON - 1);
    }
}
