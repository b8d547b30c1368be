//! Lines for a chart: what each series measured over a range of time, in equal cells.

use super::{Cell, Metric, Range, Series};
use chrono::{DateTime, TimeDelta, Utc};

/// How finely a chart was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// From each reading.
    Readings,
    /// From what is kept of each hour: a cell holds whole hours, and a gap within an hour is not seen.
    Hours,
}

/// Lines over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The range of time.
    pub range: Range,
    /// Into how many equal cells the range is divided.
    pub cells: usize,
    /// One for each metric of each series.
    pub lines: Vec<Line>,
    /// How finely it was counted.
    pub resolution: Resolution,
    /// How many documents were looked at and hold no reading. Where this is not 0 and there are no
    /// lines, the documents are of a form that the URL has to name: `time=`, `series=`, `values=`.
    pub others: u64,
}

/// What one series measured of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Who measured it.
    pub series: Series,
    /// What was measured.
    pub metric: Metric,
    /// What lies in each cell of the chart; `None` where nothing does. An empty cell is no gap: cells
    /// may be narrower than the time between two readings.
    pub cells: Vec<Option<Cell>>,
    /// Where nothing was heard for more than three intervals, in order; only between two readings of
    /// the range. Movements have none.
    pub gaps: Vec<Gap>,
    /// How long it usually takes from a reading to the next, where that is known.
    pub interval: Option<TimeDelta>,
}

/// A time in which nothing was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last reading before it.
    pub from: DateTime<Utc>,
    /// The first reading after it.
    pub to: DateTime<Utc>,
}

/// A point of a line: one cell that holds something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The middle of the cell.
    pub at: DateTime<Utc>,
    /// What lies in it: `cell.mean()` is where the line goes, `low` and `high` where its band does.
    pub cell: Cell,
}

impl Line {
    /// All values of the range together: lowest, highest, mean, how many. `None` where there is none.
    pub fn total(&self) -> Option<Cell> {
        let mut total = None;
        self.cells.iter().flatten().for_each(|cell| Cell::add_to(&mut total, cell));
        total
    }

    /// The points of the line, in runs that are to be joined: it is broken where a gap is.
    pub fn runs(&self, range: &Range) -> Vec<Vec<Point>> {
        let count = self.cells.len();
        let mut runs: Vec<Vec<Point>> = Vec::new();
        for (at, cell) in self.cells.iter().enumerate() {
            let Some(cell) = *cell else { continue };
            let point = Point { at: range.middle_of(at, count), cell };
            match runs.last_mut() {
                Some(run) if !self.is_broken(run.last(), &point) => run.push(point),
                _ => runs.push(vec![point]),
            }
        }
        runs
    }

    /// Whether a gap lies between two points: whatever of it is in their cells, its middle is between
    /// them, unless it is narrower than a cell.
    fn is_broken(&self, before: Option<&Point>, after: &Point) -> bool {
        let Some(before) = before else { return false };
        let middle = |gap: &Gap| gap.from + (gap.to - gap.from) / 2;
        self.gaps.iter().any(|gap| (before.at..after.at).contains(&middle(gap)))
    }
}

impl Chart {
    /// The metrics of the lines, each once, as people see them.
    pub fn metrics(&self) -> Vec<&Metric> {
        let mut metrics: Vec<_> = self.lines.iter().map(|line| &line.metric).collect();
        metrics.dedup();
        metrics
    }

    /// The lines of one metric.
    pub fn of<'c>(&'c self, metric: &'c Metric) -> impl Iterator<Item = &'c Line> {
        self.lines.iter().filter(move |line| line.metric == *metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn line(cells: &[Option<f64>], gaps: &[(i64, i64)]) -> Line {
        Line {
            series: Series { id: "d".to_owned(), name: None },
            metric: Metric::new("te"),
            cells: cells.iter().map(|value| value.map(Cell::of)).collect(),
            gaps: gaps.iter().map(|(from, to)| Gap { from: at(*from), to: at(*to) }).collect(),
            interval: None,
        }
    }

    #[test]
    fn a_line_is_broken_by_a_gap_and_not_by_an_empty_cell() {
        let range = Range::new(at(0), at(60)).unwrap();
        let cells = [Some(1.0), None, Some(2.0), None, None, Some(3.0)];
        let runs = |gaps: &[(i64, i64)]| -> Vec<usize> {
            line(&cells, gaps).runs(&range).iter().map(Vec::len).collect()
        };
        assert_eq!(runs(&[]), [3]);
        assert_eq!(runs(&[(25, 55)]), [2, 1]);
        assert_eq!(line(&[], &[]).runs(&range).len(), 0);
        assert_eq!(line(&cells, &[]).total().unwrap().count, 3);
        assert_eq!(line(&[None], &[]).total(), None);
    }
}
