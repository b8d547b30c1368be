//! When something was heard: runs of readings, and the gaps between them.

use super::Gap;
use chrono::DateTime;

/// Runs of readings that lie close together, in order, as times of the first and the last of each.
#[derive(Default)]
pub(super) struct Presence {
    runs: Vec<(i64, i64)>,
}

impl Presence {
    /// Adds a reading, in milliseconds. What lies no farther than the slack from a run belongs to it.
    pub(super) fn add(&mut self, at: i64, slack: i64) {
        match self.runs.last_mut() {
            // Nearly always it is the newest.
            Some((first, last)) if *first <= at && at <= last.saturating_add(slack) => {
                *last = at.max(*last);
            }
            _ => self.put(at, slack),
        }
    }

    fn put(&mut self, at: i64, slack: i64) {
        let next = self.runs.partition_point(|(first, _)| *first <= at);
        let joins_next = self.runs.get(next).is_some_and(|(first, _)| first - at <= slack);
        let joins_last = next > 0 && at - self.runs[next - 1].1 <= slack;
        match (joins_last, joins_next) {
            (true, true) => {
                self.runs[next - 1].1 = self.runs[next].1;
                self.runs.remove(next);
            }
            (true, false) => self.runs[next - 1].1 = at.max(self.runs[next - 1].1),
            (false, true) => self.runs[next].0 = at,
            (false, false) => self.runs.insert(next, (at, at)),
        }
    }

    /// The first and the last reading; `None` where there is none.
    pub(super) fn ends(&self) -> Option<(DateTime<chrono::Utc>, DateTime<chrono::Utc>)> {
        let (first, last) = (self.runs.first()?.0, self.runs.last()?.1);
        DateTime::from_timestamp_millis(first).zip(DateTime::from_timestamp_millis(last))
    }

    /// What lies between two readings that are farther from each other than this, in milliseconds.
    pub(super) fn gaps(&self, longest: i64) -> Vec<Gap> {
        let between = self.runs.windows(2).filter(|runs| runs[1].0 - runs[0].1 > longest);
        let gap = |runs: &[(i64, i64)]| {
            let from = DateTime::from_timestamp_millis(runs[0].1)?;
            Some(Gap { from, to: DateTime::from_timestamp_millis(runs[1].0)? })
        };
        between.filter_map(gap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs(times: &[i64], slack: i64) -> Vec<(i64, i64)> {
        let mut presence = Presence::default();
        times.iter().for_each(|at| presence.add(*at, slack));
        presence.runs
    }

    proptest! {
        #[test]
        fn the_order_of_readings_changes_nothing(
            times in prop::collection::vec(0i64..10_000, 1..60).prop_shuffle(),
            slack in 0i64..500,
        ) {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let in_order = runs(&sorted, slack);
            prop_assert_eq!(runs(&times, slack), in_order.clone());
            let gaps = sorted.windows(2).filter(|pair| pair[1] - pair[0] > slack).count();
            prop_assert_eq!(in_order.len(), gaps + 1);
        }
    }
}
