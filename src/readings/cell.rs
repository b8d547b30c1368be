//! What is known of a stretch of time: how many values, the lowest, the highest, their sum.

/// The values of one metric of one series in one stretch of time; at least one.
///
/// A cell of [`Kind::Motion`](super::Kind::Motion) holds one value, 1, for each movement: `count` is
/// how many there were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// How many values.
    pub count: u64,
    /// The lowest of them.
    pub low: f64,
    /// The highest of them.
    pub high: f64,
    /// All of them together.
    pub sum: f64,
}

impl Cell {
    /// The cell of one value.
    pub fn of(value: f64) -> Self {
        Self { count: 1, low: value, high: value, sum: value }
    }

    /// The mean of the values.
    pub fn mean(&self) -> f64 {
        // Sums of finite values may be beyond every double, and rounding may carry a mean past them.
        let mean = self.sum / self.count as f64;
        if mean.is_nan() { self.low } else { mean.clamp(self.low, self.high) }
    }

    /// Adds the values of another cell.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.sum += other.sum;
    }

    /// Adds the values of another cell to what may be none yet.
    pub fn add_to(cell: &mut Option<Self>, other: &Self) {
        match cell {
            Some(cell) => cell.add(other),
            None => *cell = Some(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_peak_survives_and_the_mean_lies_between_the_ends() {
        let mut cell = None;
        for value in [20.0, 20.5, 35.0, 20.1] {
            Cell::add_to(&mut cell, &Cell::of(value));
        }
        let cell = cell.unwrap();
        assert_eq!((cell.count, cell.low, cell.high), (4, 20.0, 35.0));
        assert!((cell.mean() - 23.9).abs() < 1e-9);
    }

    #[test]
    fn what_is_too_large_to_be_summed_up_still_has_a_mean() {
        let mut cell = Cell::of(f64::MAX);
        cell.add(&Cell::of(f64::MAX));
        assert_eq!(cell.mean(), f64::MAX);
        let mut third = Cell::of(0.1);
        (0..2).for_each(|_| third.add(&Cell::of(0.1)));
        assert_eq!(third.mean(), 0.1);
    }
}
