//! What becomes of a delivery: a pure function from what the sink said to a verdict.

use crate::queues::{Backoff, Verdict};
use crate::sinks::Outcome;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use std::time::Duration;

/// How often and how fast a message is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After this many failed attempts a message becomes a dead letter.
    pub max_attempts: u32,
    /// After this many leases lost in mid-work a message becomes a dead letter, too.
    pub max_lost: u32,
    /// The backoff after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest backoff.
    pub longest_pause: Duration,
    /// The queue's own rule for the backoff, in place of these two.
    pub backoff: Option<Backoff>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            max_lost: u32::MAX,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
            backoff: None,
        }
    }
}

/// How often a message was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    /// The number of this attempt, from 1: one more than the writes that failed and the leases that
    /// were lost; `None` where nobody counts them: then a temporary failure is never the last.
    pub attempt: Option<u32>,
    /// The queue itself takes the message away after this delivery, however it counts.
    pub last: bool,
}

/// What shall become of a delivery. `jitter` is a number from 0 to 1 that the caller has drawn.
pub fn verdict(outcome: Outcome, tries: Tries, limits: &Limits, jitter: f64) -> Verdict {
    match outcome {
        Outcome::Stored | Outcome::Duplicate | Outcome::Filtered => Verdict::Ack,
        Outcome::Reject(why) => Verdict::Bury(why),
        Outcome::Unwritten
        | Outcome::Unavailable(_)
        | Outcome::Throttled { .. }
        | Outcome::Denied(_)
        | Outcome::ConnectionLost(_)
        | Outcome::Closed => Verdict::Release,
        Outcome::Retry(why) | Outcome::Overrun(why) => match tries.attempt {
            Some(attempt) if attempt >= limits.max_attempts => {
                Verdict::Bury(format!("gave up after {attempt} attempts: {why}"))
            }
            _ if tries.last => {
                Verdict::Bury(format!("gave up at the last delivery that the queue makes: {why}"))
            }
            attempt => Verdict::Retry { after: pause(attempt.unwrap_or(1), limits, jitter), why },
        },
    }
}

/// Why a message is given up before this attempt; `None`: it is not. `lost`: so many of those before
/// ended without an answer.
pub fn spent(tries: Tries, lost: u32, limits: &Limits) -> Option<String> {
    let before = tries.attempt?.saturating_sub(1).max(lost);
    let spent = lost > 0 && (before >= limits.max_attempts || lost >= limits.max_lost);
    spent.then(|| {
        format!(
            "gave up after {before} attempts: in {lost} of them the program ended, or lost its \
             lease, while it wrote this message"
        )
    })
}

/// The backoff after a failed attempt: by the queue's own rule, where it has one; else exponential,
/// its second half random, so that messages that failed together do not come back together.
pub fn pause(attempt: u32, limits: &Limits, jitter: f64) -> Duration {
    if let Some(backoff) = limits.backoff {
        return backoff(attempt, jitter);
    }
    /// After this many doublings every backoff is the longest one.
    const DOUBLINGS: u32 = 64;
    let full = ExponentialBuilder::new()
        .with_min_delay(limits.first_pause)
        .with_max_delay(limits.longest_pause)
        .without_max_times()
        .build()
        .nth(attempt.saturating_sub(1).min(DOUBLINGS) as usize)
        .expect("there is no end to the pauses");
    full.min(limits.longest_pause).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        max_attempts: 3,
        max_lost: u32::MAX,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(5),
        backoff: None,
    };

    fn retry(attempt: Option<u32>, last: bool, jitter: f64) -> Verdict {
        verdict(Outcome::Retry("busy".to_owned()), Tries { attempt, last }, &LIMITS, jitter)
    }

    #[test]
    fn a_rule_of_the_queues_own_comes_before_ours() {
        let backoff: Backoff =
            |attempt, jitter| Duration::from_secs(attempt.into()).mul_f64(jitter);
        let limits = Limits { backoff: Some(backoff), ..LIMITS };
        assert_eq!(pause(60, &limits, 1.0), Duration::from_secs(60), "beyond our longest");
        assert_eq!(pause(60, &limits, 0.5), Duration::from_secs(30));
        assert_eq!(pause(60, &LIMITS, 1.0), LIMITS.longest_pause);
    }

    fn after(pause: Duration) -> Verdict {
        Verdict::Retry { after: pause, why: "busy".to_owned() }
    }

    #[test]
    fn a_temporary_failure_is_tried_again_until_the_limit() {
        assert_eq!(retry(Some(1), false, 1.0), after(Duration::from_secs(1)));
        assert_eq!(retry(Some(2), false, 1.0), after(Duration::from_secs(2)));
        assert_eq!(retry(Some(2), false, 0.0), after(Duration::from_secs(1)));
        let given_up = Verdict::Bury("gave up after 3 attempts: busy".to_owned());
        assert_eq!(retry(Some(3), false, 0.5), given_up);
        assert_eq!(retry(Some(3), true, 0.5), given_up);
    }

    #[test]
    fn a_message_is_given_up_unwritten_only_where_leases_were_lost() {
        let spent = |attempt, lost, limits: &Limits| {
            spent(Tries { attempt, last: false }, lost, limits).map(|why| why[..24].to_owned())
        };
        let gave_up = |n: u32| Some(format!("gave up after {n} attempts: ")[..24].to_owned());
        assert_eq!(spent(Some(3), 2, &LIMITS), None);
        assert_eq!(spent(Some(4), 0, &LIMITS), None, "it has one more try");
        assert_eq!(spent(Some(4), 1, &LIMITS), gave_up(3));
        assert_eq!(spent(Some(9), 8, &LIMITS), gave_up(8));
        assert_eq!(spent(None, 9, &LIMITS), None, "nobody counts");
        let patient = Limits { max_attempts: u32::MAX, max_lost: 3, ..LIMITS };
        assert_eq!(spent(Some(90), 2, &patient), None);
        assert_eq!(spent(Some(4), 3, &patient), gave_up(3));
    }

    #[test]
    fn what_the_queue_would_take_away_is_buried_with_its_reason() {
        let given_up = "gave up at the last delivery that the queue makes: busy".to_owned();
        assert_eq!(retry(Some(1), true, 0.5), Verdict::Bury(given_up.clone()));
        assert_eq!(retry(None, true, 0.5), Verdict::Bury(given_up));
    }

    fn outcomes() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Stored),
            Just(Outcome::Duplicate),
            Just(Outcome::Unwritten),
            Just(Outcome::Filtered),
            "[a-z ]{0,9}".prop_map(Outcome::Overrun),
            Just(Outcome::Closed),
            "[a-z ]{0,9}".prop_map(Outcome::Retry),
            "[a-z ]{0,9}".prop_map(Outcome::Reject),
            "[a-z ]{0,9}".prop_map(Outcome::Unavailable),
            "[a-z ]{0,9}".prop_map(Outcome::ConnectionLost),
            "[a-z ]{0,9}".prop_map(throttled),
        ]
    }

    fn throttled(why: String) -> Outcome {
        Outcome::Throttled { why, wait: Duration::from_secs(30) }
    }

    fn tries() -> impl Strategy<Value = Tries> {
        let attempt = prop_oneof![1..20u32, any::<u32>()];
        (proptest::option::of(attempt), any::<bool>())
            .prop_map(|(attempt, last)| Tries { attempt, last })
    }

    fn limits() -> impl Strategy<Value = Limits> {
        let pause = || (0..10_000_000u64).prop_map(Duration::from_micros);
        (1..100u32, pause(), pause()).prop_map(|(max_attempts, first_pause, longest_pause)| {
            Limits { max_attempts, max_lost: u32::MAX, first_pause, longest_pause, backoff: None }
        })
    }

    /// From 0 to 1, and what a careless caller may draw.
    fn jitters() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..=1.0f64, -9.0..9.0f64]
    }

    proptest! {
        #[test]
        fn only_what_is_stored_or_left_out_is_acknowledged(
            outcome in outcomes(), tries in tries(), limits in limits(), jitter in jitters()
        ) {
            let done = [Outcome::Stored, Outcome::Duplicate, Outcome::Filtered].contains(&outcome);
            let acknowledged = verdict(outcome, tries, &limits, jitter) == Verdict::Ack;
            prop_assert_eq!(acknowledged, done);
        }

        #[test]
        fn only_what_is_rejected_or_at_its_limit_is_buried(
            outcome in outcomes(), tries in tries(), limits in limits(), jitter in jitters()
        ) {
            let at_limit = tries.last || tries.attempt.is_some_and(|n| n >= limits.max_attempts);
            let may_be = match &outcome {
                Outcome::Reject(_) => true,
                Outcome::Retry(_) | Outcome::Overrun(_) => at_limit,
                _ => false,
            };
            let buried = matches!(verdict(outcome, tries, &limits, jitter), Verdict::Bury(_));
            prop_assert_eq!(buried, may_be);
        }

        #[test]
        fn an_outage_costs_nothing(
            why in "[a-z ]{0,9}", tries in tries(), limits in limits(), jitter in jitters()
        ) {
            let lost = Outcome::ConnectionLost(why.clone());
            let unavailable = Outcome::Unavailable(why.clone());
            let own = [Outcome::Closed, Outcome::Unwritten, Outcome::Denied("no".to_owned())];
            for outcome in [lost, unavailable, throttled(why)].into_iter().chain(own) {
                prop_assert_eq!(verdict(outcome, tries, &limits, jitter), Verdict::Release);
            }
        }

        #[test]
        fn every_pause_is_within_its_bounds(
            attempt in prop_oneof![1..20u32, any::<u32>()], limits in limits(), jitter in jitters()
        ) {
            let pause = pause(attempt, &limits, jitter);
            let shortest = limits.first_pause.min(limits.longest_pause) / 2;
            prop_assert!(pause >= shortest && pause <= limits.longest_pause, "{:?}", pause);
        }

        #[test]
        fn no_pause_is_shorter_than_the_one_before(
            attempt in 1..200u32, limits in limits(), jitter in jitters()
        ) {
            prop_assert!(pause(attempt + 1, &limits, jitter) >= pause(attempt, &limits, jitter));
        }

        #[test]
        fn no_pause_is_shorter_for_a_greater_jitter(
            attempt in 1..200u32, limits in limits(), one in jitters(), other in jitters()
        ) {
            let (less, more) = (one.min(other), one.max(other));
            prop_assert!(pause(attempt, &limits, less) <= pause(attempt, &limits, more));
        }
    }
}
