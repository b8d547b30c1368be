//! The windows whose rows were published: pure arithmetic.

use super::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// At most this many windows are remembered: each beyond one is a time at which the clock jumped, or at which
/// nobody looked before it was too late.
const MOST: usize = 16;

/// The windows whose rows were published, in their order; none touches another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken(Vec<Window>);

impl Taken {
    /// The last window that begins before this time.
    pub(super) fn last_before(&self, time: DateTime<Utc>) -> Option<Window> {
        self.0.iter().rev().find(|window| window.since < time).copied()
    }

    /// Notes where the first window will begin, by an empty one; whether there was none.
    pub(super) fn begin(&mut self, since: DateTime<Utc>) -> bool {
        let is_first = self.0.is_empty();
        if is_first {
            self.0.push(Window { since, until: since });
        }
        is_first
    }

    /// Adds a window; what touches it becomes one with it. The oldest are forgotten.
    pub(super) fn add(&mut self, mut new: Window) {
        if new.is_empty() {
            return;
        }
        self.0.retain(|old| {
            let apart = old.until < new.since || new.until < old.since;
            if !apart {
                new.since = new.since.min(old.since);
                new.until = new.until.max(old.until);
            }
            apart
        });
        let at = self.0.partition_point(|old| old.since < new.since);
        self.0.insert(at, new);
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn window(since: i64, until: i64) -> Window {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        Window { since: at(since), until: at(until) }
    }

    fn taken(windows: &[(i64, i64)]) -> Taken {
        let mut taken = Taken::default();
        windows.iter().for_each(|(since, until)| taken.add(window(*since, *until)));
        taken
    }

    #[test]
    fn windows_that_touch_become_one() {
        assert_eq!(taken(&[(0, 1), (1, 2), (2, 3)]).0, [window(0, 3)]);
        assert_eq!(taken(&[(5, 6), (0, 1), (1, 5)]).0, [window(0, 6)]);
        assert_eq!(taken(&[(0, 9), (2, 3)]).0, [window(0, 9)]);
        assert_eq!(
            taken(&[(8, 9), (0, 1), (4, 5), (3, 3)]).0,
            [window(0, 1), window(4, 5), window(8, 9)]
        );
    }

    #[test]
    fn the_first_one_may_have_begun_only() {
        let mut taken = Taken::default();
        assert!(taken.begin(window(3, 3).since) && !taken.begin(window(4, 4).since));
        assert_eq!(taken.last_before(window(4, 4).since), Some(window(3, 3)));
        taken.add(window(3, 5));
        assert_eq!(taken.0, [window(3, 5)]);
    }

    #[test]
    fn the_last_one_before_a_time_is_found() {
        let taken = taken(&[(0, 2), (8, 9)]);
        let before = |minutes| taken.last_before(window(minutes, minutes).since);
        assert_eq!(before(0), None);
        assert_eq!(before(1), Some(window(0, 2)));
        assert_eq!(before(8), Some(window(0, 2)));
        assert_eq!(before(100), Some(window(8, 9)));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let many: Vec<_> = (0..40).map(|at| (at * 2, at * 2 + 1)).collect();
        let taken = taken(&many);
        assert_eq!((taken.0.len(), taken.0[MOST - 1]), (MOST, window(78, 79)));
    }
}
