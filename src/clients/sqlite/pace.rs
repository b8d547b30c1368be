//! How often a process looks for what others have committed.
//!
//! Of many that wait for messages in one file each wakes at every commit, and one of them gets
//! something. Whoever wakes for nothing again and again looks less often, until it finds something:
//! so one or two of them are quick, and the others cost little.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The shortest time between two looks. `PRAGMA data_version` costs some microseconds.
const SHORTEST: Duration = Duration::from_millis(5);

/// The shortest time is doubled up to so many times.
const DOUBLED_AT_MOST: u32 = 3;

/// How many times in a row it may be for nothing: one publisher's run is more than one commit.
const FOR_NOTHING: u32 = 2;

/// Counts how often in a row it was woken for nothing.
#[derive(Debug, Default)]
pub struct Pace(AtomicU32);

impl Pace {
    /// The time between two looks.
    pub fn interval(&self) -> Duration {
        let doubled = self.0.load(Ordering::Relaxed).saturating_sub(FOR_NOTHING);
        SHORTEST * (1 << doubled.min(DOUBLED_AT_MOST))
    }

    /// A commit of another process brought something for this one.
    pub fn found(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// A commit of another process brought nothing for this one.
    pub fn found_nothing(&self) {
        let times = self.0.load(Ordering::Relaxed);
        self.0.store((times + 1).min(FOR_NOTHING + DOUBLED_AT_MOST), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_nothing_looks_less_often_until_it_finds_something() {
        let pace = Pace::default();
        let intervals: Vec<_> = (0..8)
            .map(|_| {
                pace.found_nothing();
                pace.interval().as_millis()
            })
            .collect();
        assert_eq!(intervals, [5, 5, 10, 20, 40, 40, 40, 40]);
        pace.found();
        assert_eq!(pace.interval(), SHORTEST);
    }
}
