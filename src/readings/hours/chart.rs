//! Lines of a chart from what is kept of each hour.

use super::Counted;
use super::day::{DAY, HOUR};
use super::fold::{Fold, OfSeries};
use crate::readings::tally::order;
use crate::readings::{Cell, Chart, Gap, Kind, Line, Metric, Range, Resolution, Series};
use chrono::{DateTime, TimeDelta};
use std::collections::BTreeMap;

/// Lines that are being drawn, by series and metric.
pub(in crate::readings) struct HourLines {
    range: Range,
    cells: usize,
    pub(super) series: Vec<OfSeries>,
    pub(super) metrics: Vec<Metric>,
    /// What was drawn, by the numbers of series and metric.
    lines: BTreeMap<(usize, usize), OfHours>,
    pub(super) others: u64,
}

/// What was drawn of one line.
struct OfHours {
    cells: Vec<Option<Cell>>,
    /// The hours since 1970 that hold anything.
    hours: Vec<i32>,
    /// How many values there were in each of these hours.
    counts: Vec<u64>,
}

impl HourLines {
    /// No lines yet, over a range in so many cells.
    pub(in crate::readings) fn new(range: Range, cells: usize) -> Self {
        let (series, metrics, lines) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { range, cells: cells.max(1), series, metrics, lines, others: 0 }
    }

    /// Everything that a fold has counted.
    pub(in crate::readings) fn of_fold(fold: &Fold, range: Range, cells: usize) -> Self {
        let (series, metrics) = (fold.series.clone(), fold.metrics.clone());
        let mut lines = Self { series, metrics, others: fold.others, ..Self::new(range, cells) };
        let mut days: Vec<_> = fold.days.iter().collect();
        // Sums are rounded, and so depend on the order.
        days.sort_unstable_by_key(|(key, _)| **key);
        for ((day, series, metric), counted) in days {
            lines.add(*day, (*series, *metric), counted);
        }
        lines
    }

    /// Draws what was counted of a day, as far as it lies in the range: each hour goes into the cell in
    /// which it begins.
    pub(super) fn add(&mut self, day: i64, line: (usize, usize), counted: &Counted) {
        let (range, cells) = (self.range, self.cells);
        let from = range.from().timestamp_millis();
        let begins = |hour: usize| (day * (DAY / HOUR) + hour as i64) * HOUR;
        let at = |begin: i64| range.cell_of_millis(begin.max(from), cells);
        let hours = counted.hours().into_iter().map(|(hour, cell)| (begins(hour), cell));
        let inside = hours.filter(|(begin, _)| from < begin + HOUR);
        let inside = inside.filter_map(|(begin, cell)| Some((at(begin)?, begin / HOUR, cell)));
        let mut inside = inside.peekable();
        if inside.peek().is_some() {
            let line = self.lines.entry(line).or_insert_with(|| OfHours::new(cells));
            inside.for_each(|(at, hour, cell)| line.add(at, hour, &cell));
        }
    }

    /// The chart of these metrics; none named means all.
    pub(in crate::readings) fn chart(mut self, metrics: &[&str]) -> Chart {
        self.lines.values_mut().for_each(|line| line.hours.sort_unstable());
        let wanted = |metric: &Metric| metrics.is_empty() || metrics.contains(&metric.key());
        let wanted = self.lines.iter().filter(|((_, metric), _)| wanted(&self.metrics[*metric]));
        let mut drawn: Vec<_> = wanted.map(|(line, of)| self.line(*line, of)).collect();
        order(&mut drawn);
        let Self { range, cells, others, .. } = self;
        Chart { range, cells, lines: drawn, resolution: Resolution::Hours, others }
    }

    fn line(&self, (series, metric): (usize, usize), drawn: &OfHours) -> Line {
        let (of, metric) = (&self.series[series], self.metrics[metric].clone());
        let interval = drawn.interval().filter(|_| of.polled && metric.kind() != Kind::Motion);
        let gaps = match (metric.kind(), of.polled) {
            (Kind::Motion, _) => Vec::new(),
            (_, true) => gaps(&drawn.hours, interval),
            // What is told when it changes has a gap where its whole series has one.
            (_, false) => gaps(&self.all_hours(series, drawn), None),
        };
        let name = of.name.told().map(|(_, name)| name.to_owned());
        let series = Series { id: of.id.clone(), name };
        Line { series, metric, cells: drawn.cells.clone(), gaps, interval }
    }

    /// The hours in which a series was heard, between the first and the last hour of one of its lines.
    fn all_hours(&self, series: usize, line: &OfHours) -> Vec<i32> {
        let Some((first, last)) = line.hours.first().zip(line.hours.last()) else {
            return Vec::new();
        };
        let lines = self.lines.range((series, 0)..=(series, usize::MAX));
        let hours = lines.flat_map(|(_, line)| line.hours.iter().copied());
        let mut hours: Vec<_> = hours.filter(|hour| (first..=last).contains(&hour)).collect();
        hours.sort_unstable();
        hours.dedup();
        hours
    }
}

impl OfHours {
    fn new(cells: usize) -> Self {
        Self { cells: vec![None; cells], hours: Vec::new(), counts: Vec::new() }
    }

    fn add(&mut self, at: usize, hour: i64, cell: &Cell) {
        Cell::add_to(&mut self.cells[at], cell);
        self.hours.extend(i32::try_from(hour));
        self.counts.push(cell.count);
    }

    /// How long it usually takes from one value to the next, by how many there are in most hours.
    fn interval(&self) -> Option<TimeDelta> {
        let mut counts = self.counts.clone();
        let middle = counts.len().checked_sub(1)? / 2;
        let usual = i64::try_from(*counts.select_nth_unstable(middle).1).ok()?;
        (self.hours.len() > 1).then(|| TimeDelta::milliseconds(HOUR / usual.max(1)))
    }
}

/// The runs of hours, longer than three intervals, in which there was nothing.
fn gaps(hours: &[i32], interval: Option<TimeDelta>) -> Vec<Gap> {
    let longest = interval.map_or(0, |interval| 3 * interval.num_milliseconds());
    let empty = |pair: &[i32]| i64::from(pair[1] - pair[0] - 1) * HOUR;
    let empty = hours.windows(2).filter(|pair| empty(pair) > longest.max(HOUR - 1));
    let at = |hour: i32| DateTime::from_timestamp_millis(i64::from(hour) * HOUR);
    let gap = |pair: &[i32]| Some(Gap { from: at(pair[0] + 1)?, to: at(pair[1])? });
    empty.filter_map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_readings_are_a_gap_where_that_is_unusual() {
        let minutes = |minutes| Some(TimeDelta::minutes(minutes));
        assert_eq!(gaps(&[1, 2, 4], minutes(5)).len(), 1);
        assert_eq!(gaps(&[1, 2, 3], minutes(5)), []);
        assert_eq!(gaps(&[1, 3, 5, 9], minutes(60)), []);
        let gap = &gaps(&[1, 6], minutes(60))[0];
        assert_eq!((gap.to - gap.from).num_hours(), 4);
    }
}
