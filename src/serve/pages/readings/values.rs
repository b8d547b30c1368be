//! The values of a metric in rows: a row for each cell in which any device has some.

use super::view::View;
use crate::readings::{Cell, Line, Metric};
use chrono::{DateTime, Utc};

/// A row: when its cell begins, and what each line has in it.
pub(super) struct Row {
    pub(super) at: DateTime<Utc>,
    pub(super) cells: Vec<Option<Cell>>,
}

/// The rows of some lines of a view, the oldest first.
pub(super) fn rows<'v>(
    view: &'v View,
    lines: &'v [(String, &'v Line)],
) -> impl Iterator<Item = Row> + 'v {
    let span = view.span;
    let row = move |cell: usize| {
        let at = span.range.start_of(cell, span.cells);
        Row {
            at,
            cells: lines.iter().map(|(_, line)| line.cells.get(cell).copied().flatten()).collect(),
        }
    };
    (0..span.cells).map(row).filter(|row| row.cells.iter().any(Option::is_some))
}

/// How the values of a metric are written: all with as many decimals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    decimals: usize,
}

/// As many decimals a value has at most.
const MOST_DECIMALS: usize = 2;

impl Figures {
    /// As many decimals as the values of these lines need, at most two; and the newest ones.
    pub(super) fn of(view: &View, metric: &Metric) -> Self {
        let lines = view.chart.lines.iter().filter(|line| line.metric == *metric);
        let cells = lines.flat_map(|line| line.cells.iter().flatten());
        let measured = cells.flat_map(|cell| [cell.low, cell.high]);
        let newest = view.latest.iter().flat_map(|latest| &latest.values);
        let newest = newest.filter(|value| value.metric == *metric).map(|value| value.value);
        Self { decimals: measured.chain(newest).map(needed).max().unwrap_or(0) }
    }

    /// A value that was measured.
    pub(super) fn value(self, value: f64) -> String {
        crate::readings::chart::fixed(value, self.decimals)
    }

    /// A mean, which has one decimal though what was measured has none.
    pub(super) fn mean(self, mean: f64) -> String {
        crate::readings::chart::fixed(mean, self.decimals.max(1))
    }
}

/// How many decimals a value has, at most two.
fn needed(value: f64) -> usize {
    let is_exact = |decimals: &usize| {
        let shift = 10_f64.powi(*decimals as i32);
        (value * shift - (value * shift).round()).abs() < 1e-6 * shift
    };
    (0..MOST_DECIMALS).find(is_exact).unwrap_or(MOST_DECIMALS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_decimals_that_they_need() {
        for (value, decimals) in [(21.0, 0), (21.5, 1), (25.149_109, 2), (-0.1, 1), (1e300, 0)] {
            assert_eq!(needed(value), decimals, "{value}");
        }
    }
}
