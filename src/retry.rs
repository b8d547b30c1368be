//! What becomes of a delivery: a pure function from what the sink said to a verdict.

use crate::queues::Verdict;
use crate::sinks::Outcome;
use std::time::Duration;

/// How often and how fast a message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After this many failed deliveries a message becomes a dead letter.
    pub max_attempts: u32,
    /// The pause after the first failure; it doubles with each one.
    pub first_pause: Duration,
    /// No pause is longer than this.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
        }
    }
}

/// What shall become of a delivery.
///
/// `attempt` is the number of this delivery, from 1; `None` where the queue does not count: then a
/// temporary failure is never the last. `jitter` is a number from 0 to 1 that the caller has drawn.
pub fn verdict(outcome: Outcome, attempt: Option<u32>, limits: &Limits, jitter: f64) -> Verdict {
    match outcome {
        Outcome::Stored | Outcome::Duplicate => Verdict::Ack,
        Outcome::Reject(why) => Verdict::Bury(why),
        Outcome::Unwritten | Outcome::Unavailable(_) | Outcome::Closed => Verdict::Release,
        Outcome::Retry(why) => match attempt {
            Some(attempt) if attempt >= limits.max_attempts => {
                Verdict::Bury(format!("gave up after {attempt} attempts: {why}"))
            }
            attempt => Verdict::Retry(pause(attempt.unwrap_or(1), limits, jitter)),
        },
    }
}

/// The pause after a failed attempt: exponential, its second half random, so that messages that
/// failed together do not come back together.
fn pause(attempt: u32, limits: &Limits, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let full = limits.first_pause.saturating_mul(1 << doublings).min(limits.longest_pause);
    full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_attempts: 3,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(5),
    };

    fn retry(attempt: Option<u32>, jitter: f64) -> Verdict {
        verdict(Outcome::Retry("busy".to_owned()), attempt, &LIMITS, jitter)
    }

    #[test]
    fn only_what_is_stored_is_acknowledged() {
        assert_eq!(verdict(Outcome::Stored, Some(1), &LIMITS, 0.0), Verdict::Ack);
        assert_eq!(verdict(Outcome::Duplicate, Some(9), &LIMITS, 0.0), Verdict::Ack);
        assert_eq!(
            verdict(Outcome::Unavailable("down".to_owned()), Some(99), &LIMITS, 0.0),
            Verdict::Release
        );
        assert_eq!(verdict(Outcome::Closed, None, &LIMITS, 0.0), Verdict::Release);
        assert_eq!(verdict(Outcome::Unwritten, Some(99), &LIMITS, 0.0), Verdict::Release);
        assert_eq!(
            verdict(Outcome::Reject("bad".to_owned()), Some(1), &LIMITS, 0.0),
            Verdict::Bury("bad".to_owned())
        );
    }

    #[test]
    fn a_temporary_failure_is_tried_again_until_the_limit() {
        assert_eq!(retry(Some(1), 1.0), Verdict::Retry(Duration::from_secs(1)));
        assert_eq!(retry(Some(2), 1.0), Verdict::Retry(Duration::from_secs(2)));
        assert_eq!(retry(Some(2), 0.0), Verdict::Retry(Duration::from_secs(1)));
        assert_eq!(retry(Some(3), 0.5), Verdict::Bury("gave up after 3 attempts: busy".to_owned()));
    }

    #[test]
    fn a_queue_that_does_not_count_never_gives_up() {
        assert_eq!(retry(None, 1.0), Verdict::Retry(Duration::from_secs(1)));
    }

    #[test]
    fn every_pause_is_within_its_bounds() {
        for attempt in (1..200).chain([u32::MAX - 1, u32::MAX]) {
            for jitter in [-1.0, 0.0, 0.3, 1.0, 7.0] {
                let pause = pause(attempt, &LIMITS, jitter);
                assert!(pause >= LIMITS.first_pause / 2 && pause <= LIMITS.longest_pause);
            }
        }
    }
}
