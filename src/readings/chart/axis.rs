//! The axis of values: from the lowest and the highest to round steps between them.

use super::digits::{digits, grouped};

/// The largest value that is drawn: beyond it a span of two values would have no end.
const LARGEST: f64 = 1e300;

/// How much of the span stays free above and below what is drawn.
const HEADROOM: f64 = 0.06;

/// The values from the bottom of a chart to its top, and those at which its grid stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The value at the bottom.
    pub low: f64,
    /// The value at the top.
    pub high: f64,
    /// The values of the grid's lines, rising.
    pub steps: Vec<f64>,
    decimals: usize,
}

impl Axis {
    /// An axis that holds every value with some headroom, in at most so many steps; from 0 to 1 where
    /// there is no value. What is no number is passed over.
    pub fn of(values: impl IntoIterator<Item = f64>, most_steps: usize) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let span = finite.fold(None, |span: Option<(f64, f64)>, value| {
            let value = value.clamp(-LARGEST, LARGEST);
            let (low, high) = span.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        let (low, high) = span.map_or((0.0, 1.0), with_headroom);
        let step = round_step((high - low) / most_steps.max(1) as f64);
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        Self { low, high, steps: multiples(step, low, high), decimals }
    }

    /// Where a value lies: 0 at the bottom, 1 at the top.
    pub fn position(&self, value: f64) -> f64 {
        ((value.clamp(-LARGEST, LARGEST) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// A value that was measured in digits, with at most two more decimals than the grid has.
    pub fn exact(&self, value: f64) -> String {
        digits(value, self.decimals + 2)
    }

    /// A value of the grid in digits, all of one axis with as many decimals.
    pub fn label(&self, value: f64) -> String {
        match value.abs() {
            0.0 => "0".to_owned(),
            1e7.. => format!("{value:.1e}"),
            _ if self.decimals > 4 => format!("{value:.1e}"),
            _ => grouped(&format!("{value:.*}", self.decimals)),
        }
    }
}

/// A span with room around it. A value that never changes is in the middle; what is never negative
/// has no room below zero.
fn with_headroom((low, high): (f64, f64)) -> (f64, f64) {
    let room = match high - low {
        span if span > low.abs().max(high.abs()) * 1e-12 => span * HEADROOM,
        _ => (high.abs() * 0.05).max(0.5),
    };
    let bottom = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
    (bottom, high + room)
}

/// The next larger one of 1, 2 and 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * power);
    steps.into_iter().find(|step| *step >= least * 0.999).unwrap_or(10.0 * power)
}

/// The multiples of a step within a span.
fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first).clamp(0.0, 20.0) as u32;
    let mut values: Vec<_> = (0..=count).map(|at| (first + f64::from(at)) * step).collect();
    values.retain(|value| (low..=high).contains(value));
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(values: &[f64]) -> Vec<String> {
        let axis = Axis::of(values.iter().copied(), 5);
        axis.steps.iter().map(|step| axis.label(*step)).collect()
    }

    #[test]
    fn steps_are_round_and_within_the_data() {
        assert_eq!(labels(&[17.6, 24.9]), ["18", "20", "22", "24"]);
        assert_eq!(labels(&[0.0, 100.0]), ["0", "50", "100"]);
        assert_eq!(labels(&[21.31, 21.52]), ["21.30", "21.35", "21.40", "21.45", "21.50"]);
        assert_eq!(labels(&[-12.5, 3.0]), ["-10", "-5", "0"]);
        assert_eq!(labels(&[2000.0, 12_000.0]), ["5,000", "10,000"]);
        assert_eq!(labels(&[1e9, 3e9]), ["1.0e9", "1.5e9", "2.0e9", "2.5e9", "3.0e9"]);
    }

    #[test]
    fn one_value_and_none_have_an_axis() {
        let axis = Axis::of([20.0, 20.0], 5);
        assert_eq!((axis.low, axis.high, axis.position(20.0)), (19.0, 21.0, 0.5));
        assert_eq!(Axis::of([0.0], 5).low, 0.0);
        for none in [vec![], vec![f64::NAN, f64::INFINITY]] {
            let axis = Axis::of(none, 5);
            assert_eq!((axis.low, axis.high), (0.0, 1.0));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_measured_lies_on_its_axis(values: Vec<f64>, most in 1_usize..12) {
            let axis = Axis::of(values.iter().copied(), most);
            prop_assert!(axis.low < axis.high, "{axis:?}");
            prop_assert!(axis.steps.len() <= most + 1, "{axis:?}");
            prop_assert!(axis.steps.iter().all(|step| axis.label(*step).len() <= 14), "{axis:?}");
            for value in values.into_iter().filter(|value| !value.is_nan()) {
                prop_assert!((0.0..=1.0).contains(&axis.position(value)), "{value} {axis:?}");
            }
        }
    }
}
