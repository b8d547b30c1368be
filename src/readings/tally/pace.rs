//! How long it usually takes from one reading to the next.

use chrono::TimeDelta;
use foldhash::HashMap;

/// How many different lengths are counted: what comes at so many has no pace.
const LENGTHS: usize = 4096;

/// The lengths of time between readings, counted by the second. Readings come in the order in which they
/// were stored, which is nearly that of their times.
#[derive(Default)]
pub(super) struct Pace {
    last: Option<i64>,
    seconds: HashMap<u32, u32>,
}

impl Pace {
    /// Counts a reading at this time, in milliseconds.
    pub(super) fn add(&mut self, at: i64) {
        let since = self.last.map_or(0, |last| at - last);
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        // Half a second and less is rounded down: that is one moment.
        let seconds = u32::try_from((since + 499) / 1000).unwrap_or(0);
        if seconds > 0 && (self.seconds.len() < LENGTHS || self.seconds.contains_key(&seconds)) {
            *self.seconds.entry(seconds).or_default() += 1;
        }
    }

    /// The median length; `None` before there are two readings.
    pub(super) fn interval(&self) -> Option<TimeDelta> {
        self.interval_millis().map(TimeDelta::milliseconds)
    }

    /// The median length in milliseconds.
    pub(super) fn interval_millis(&self) -> Option<i64> {
        let mut lengths: Vec<_> =
            self.seconds.iter().map(|(length, count)| (*length, *count)).collect();
        lengths.sort_unstable();
        let half = lengths.iter().map(|(_, count)| u64::from(*count)).sum::<u64>().div_ceil(2);
        let mut below = 0;
        let median = lengths.into_iter().find(|(_, count)| {
            below += u64::from(*count);
            below >= half
        });
        median.map(|(length, _)| i64::from(length) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_length_is_the_median_whatever_comes_late() {
        let mut pace = Pace::default();
        assert_eq!(pace.interval(), None);
        for minutes in [0, 5, 10, 15, 200, 205, 30, 210, 210] {
            pace.add(minutes * 60_000);
        }
        assert_eq!(pace.interval(), Some(TimeDelta::minutes(5)));
    }
}
