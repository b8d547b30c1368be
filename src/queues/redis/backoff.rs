//! How long a job waits after it has failed, as gocraft/work has it.

use std::time::Duration;

/// The random part is one of so many numbers, from 0.
const LOTS: f64 = 30.0;

/// After the attempt of this number, from 1: its fourth power and 15 seconds, and a random part that
/// grows with it.
pub(super) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let fails = u64::from(attempt);
    let lot = (jitter.clamp(0.0, 1.0) * LOTS).min(LOTS - 1.0).floor() as u64;
    let random = lot * fails.saturating_add(1);
    Duration::from_secs(fails.saturating_pow(4).saturating_add(15).saturating_add(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_are_those_of_the_original() {
        for (attempt, shortest, longest) in [(1, 16, 74), (2, 31, 118), (3, 96, 212)] {
            assert_eq!(backoff(attempt, 0.0), Duration::from_secs(shortest));
            assert_eq!(backoff(attempt, 0.999), Duration::from_secs(longest));
            assert_eq!(backoff(attempt, 1.0), Duration::from_secs(longest));
        }
        assert!(backoff(u32::MAX, 0.5) > backoff(1000, 1.0));
    }
}
