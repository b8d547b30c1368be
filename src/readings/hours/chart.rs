//! Lines of a chart from what is kept of each hour.

use super::Counted;
use super::day::{DAY, HOUR};
use super::fold::{Fold, OfSeries};
use crate::readings::tally::order;
use crate::readings::{Cell, Chart, Gap, Kind, Line, Metric, Range, Resolution, Series};
use chrono::{DateTime, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of the hours of a range, by series and metric.
#[derive(Default)]
pub(in crate::readings) struct HourLines {
    pub(super) series: Vec<OfSeries>,
    pub(super) metrics: Vec<Metric>,
    /// The numbers of series and metric, and the hours since 1970 with their cells, in order.
    pub(super) hours: BTreeMap<(usize, usize), BTreeMap<i64, Cell>>,
    pub(super) others: u64,
}

impl HourLines {
    /// Adds what was counted of a day, as far as it lies in a range.
    pub(super) fn add(&mut self, day: i64, line: (usize, usize), counted: &Counted, range: &Range) {
        let (from, to) = (range.from().timestamp_millis(), range.to().timestamp_millis());
        for (hour, cell) in counted.hours() {
            let hour = day * (DAY / HOUR) + hour as i64;
            if from < (hour + 1) * HOUR && hour * HOUR < to {
                Cell::add_to_map(self.hours.entry(line).or_default(), hour, &cell);
            }
        }
    }

    /// Everything that a fold has counted in a range.
    pub(in crate::readings) fn of_fold(fold: &Fold, range: &Range) -> Self {
        let (series, metrics, others) = (fold.series.clone(), fold.metrics.clone(), fold.others);
        let mut lines = Self { series, metrics, hours: BTreeMap::new(), others };
        for ((day, series, metric), counted) in &fold.days {
            lines.add(*day, (*series, *metric), counted, range);
        }
        lines
    }
}

impl Cell {
    fn add_to_map(hours: &mut BTreeMap<i64, Self>, hour: i64, cell: &Self) {
        hours.entry(hour).and_modify(|known| known.add(cell)).or_insert(*cell);
    }
}

/// The lines of a chart: each hour goes into the cell in which it begins.
pub(in crate::readings) fn chart(
    lines: &HourLines,
    range: Range,
    cells: usize,
    metrics: &[&str],
) -> Chart {
    let cells = cells.max(1);
    let wanted = |metric: &Metric| metrics.is_empty() || metrics.contains(&metric.key());
    let wanted = lines.hours.iter().filter(|((_, metric), _)| wanted(&lines.metrics[*metric]));
    let mut drawn: Vec<_> = wanted
        .map(|((series, metric), hours)| line(lines, (*series, *metric), hours, &range, cells))
        .collect();
    order(&mut drawn);
    Chart { range, cells, lines: drawn, resolution: Resolution::Hours, others: lines.others }
}

fn line(
    lines: &HourLines,
    (series, metric): (usize, usize),
    hours: &BTreeMap<i64, Cell>,
    range: &Range,
    cells: usize,
) -> Line {
    let (of_series, metric) = (&lines.series[series], lines.metrics[metric].clone());
    let mut drawn = vec![None; cells];
    let from = range.from().timestamp_millis();
    for (hour, cell) in hours {
        let at = range.cell_of_millis((hour * HOUR).max(from), cells);
        at.into_iter().for_each(|at| Cell::add_to(&mut drawn[at], cell));
    }
    let (gaps, interval) = match (metric.kind(), of_series.polled) {
        (Kind::Motion, _) => (Vec::new(), None),
        (_, true) => (gaps(hours.keys().copied(), interval(hours)), interval(hours)),
        // What is told when it changes has a gap where its whole series has one.
        (_, false) => (gaps(of_all(lines, series, hours).into_iter(), None), None),
    };
    let series = Series {
        id: of_series.id.clone(),
        name: of_series.name.as_ref().map(|(_, name)| name.clone()),
    };
    Line { series, metric, cells: drawn, gaps, interval }
}

/// The hours in which a series was heard, between the first and the last hour of one of its lines.
fn of_all(lines: &HourLines, series: usize, hours: &BTreeMap<i64, Cell>) -> BTreeSet<i64> {
    let ends = hours.keys().next().zip(hours.keys().next_back());
    let Some((first, last)) = ends else { return BTreeSet::new() };
    let own = lines.hours.range((series, 0)..=(series, usize::MAX));
    own.flat_map(|(_, hours)| hours.range(first..=last).map(|(hour, _)| *hour)).collect()
}

/// How long it usually takes from one value to the next, by how many there are in most hours.
fn interval(hours: &BTreeMap<i64, Cell>) -> Option<TimeDelta> {
    let mut counts: Vec<_> = hours.values().map(|cell| cell.count).collect();
    counts.sort_unstable();
    let usual = *counts.get(counts.len() / 2)?;
    (hours.len() > 1)
        .then(|| TimeDelta::milliseconds(HOUR / i64::try_from(usual).unwrap_or(i64::MAX)))
}

/// The runs of hours, longer than three intervals, in which there was nothing.
fn gaps(hours: impl Iterator<Item = i64>, interval: Option<TimeDelta>) -> Vec<Gap> {
    let longest = interval.map_or(0, |interval| 3 * interval.num_milliseconds());
    let hours: Vec<_> = hours.collect();
    let empty =
        hours.windows(2).filter(|pair| (pair[1] - pair[0] - 1) * HOUR > longest.max(HOUR - 1));
    let gap = |pair: &[i64]| {
        let from = DateTime::from_timestamp_millis((pair[0] + 1) * HOUR)?;
        Some(Gap { from, to: DateTime::from_timestamp_millis(pair[1] * HOUR)? })
    };
    empty.filter_map(gap).collect()
}
