//! A stretch of time, and its division into equal cells.

use chrono::{DateTime, TimeDelta, Utc};

/// A stretch of time: from its first moment on, up to and without its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Range {
    /// From one moment on, up to and without another; `None` where the second is not the later one.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Self> {
        // What is compared and divided below are milliseconds.
        (from.timestamp_millis() < to.timestamp_millis()).then_some(Self { from, to })
    }

    /// What lies between so long ago and now; `None` for no time at all, or more than there was.
    pub fn back_from(now: DateTime<Utc>, length: TimeDelta) -> Option<Self> {
        Self::new(now.checked_sub_signed(length)?, now)
    }

    /// The first moment.
    pub fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// The moment at which it ends.
    pub fn to(&self) -> DateTime<Utc> {
        self.to
    }

    /// How long it is.
    pub fn length(&self) -> TimeDelta {
        self.to - self.from
    }

    /// Whether a moment lies in it.
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// In which of so many cells a moment lies; `None` outside the range.
    pub fn cell_of(&self, at: DateTime<Utc>, cells: usize) -> Option<usize> {
        self.cell_of_millis(at.timestamp_millis(), cells)
    }

    /// In which of so many cells a moment lies, told in milliseconds since 1970; `None` outside the
    /// range.
    pub(super) fn cell_of_millis(&self, at: i64, cells: usize) -> Option<usize> {
        let (from, to) = (self.from.timestamp_millis(), self.to.timestamp_millis());
        if !(from..to).contains(&at) {
            return None;
        }
        let (passed, length) = (at - from, to - from);
        // Years 0000 to 9999 in milliseconds, times as many cells as anybody draws, need more than 64 bits;
        // what needs no more is divided ten times as fast.
        Some(match passed.checked_mul(cells as i64) {
            Some(product) => (product / length) as usize,
            None => (i128::from(passed) * cells as i128 / i128::from(length)) as usize,
        })
    }

    /// The moment at which a cell begins, of so many.
    pub fn start_of(&self, cell: usize, cells: usize) -> DateTime<Utc> {
        self.part(cell as i128, cells as i128)
    }

    /// The moment in the middle of a cell, of so many.
    pub fn middle_of(&self, cell: usize, cells: usize) -> DateTime<Utc> {
        self.part(2 * cell as i128 + 1, 2 * cells as i128)
    }

    fn part(&self, part: i128, parts: i128) -> DateTime<Utc> {
        let length = i128::from(self.length().num_milliseconds());
        // Rounded up, so that the start of a cell lies in that cell.
        let offset = (part * length + parts - 1) / parts.max(1);
        self.from + TimeDelta::milliseconds(offset as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    #[test]
    fn a_range_has_a_length() {
        assert_eq!(Range::new(at(5), at(5)), None);
        assert_eq!(Range::new(at(6), at(5)), None);
        assert_eq!(Range::back_from(at(5), TimeDelta::MAX), None);
        let day = Range::back_from(at(86_400_000), TimeDelta::days(1)).unwrap();
        assert_eq!((day.from(), day.to()), (at(0), at(86_400_000)));
    }

    proptest! {
        #[test]
        fn every_moment_of_a_range_is_in_one_cell_that_begins_before_it(
            from in -10_000_000_000i64..10_000_000_000,
            length in 1i64..1_000_000_000,
            share in 0.0..1.0f64,
            cells in 1usize..1000,
        ) {
            let range = Range::new(at(from), at(from + length)).unwrap();
            let moment = at(from + (share * length as f64) as i64);
            let cell = range.cell_of(moment, cells).unwrap();
            prop_assert!(cell < cells);
            prop_assert!(range.start_of(cell, cells) <= moment);
            prop_assert!(cell + 1 == cells || moment < range.start_of(cell + 1, cells));
            prop_assert_eq!(range.cell_of(at(from - 1), cells), None);
            prop_assert_eq!(range.cell_of(at(from + length), cells), None);
        }
    }
}
