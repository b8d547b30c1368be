//! Documents counted into days, one after the other.

use super::Counted;
use super::day::DAY;
use crate::readings::newest_name::NewestName;
use crate::readings::shape::Seen;
use crate::readings::{Kind, Metric};
use foldhash::{HashMap, HashSet};
use std::collections::hash_map::Entry;

/// What a run of documents adds to what is kept.
#[derive(Default)]
pub(in crate::readings) struct Fold {
    /// The days that are counted; `None` is all of them.
    only: Option<HashSet<i64>>,
    /// The series, by the numbers that this fold gives them.
    pub(super) series: Vec<OfSeries>,
    numbers: HashMap<String, usize>,
    /// The metrics, by the numbers that this fold gives them.
    pub(super) metrics: Vec<Metric>,
    /// What was counted of each day, series and metric.
    pub(super) days: HashMap<(i64, usize, usize), Counted>,
    /// The first and the last row that told something of a day.
    pub(super) spans: HashMap<i64, (i64, i64)>,
    /// How many documents were no readings.
    pub(super) others: u64,
    /// The last row, by its number and its key.
    pub(super) last: Option<(i64, String)>,
    /// How many rows there were.
    pub(in crate::readings) rows: usize,
}

/// What is kept of a series itself.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::readings) struct OfSeries {
    pub(super) id: String,
    /// The newest name, with the time of its document.
    pub(super) name: NewestName,
    pub(super) polled: bool,
}

impl Fold {
    /// A fold of these days only.
    pub(in crate::readings) fn of_days(days: impl IntoIterator<Item = i64>) -> Self {
        Self { only: Some(days.into_iter().collect()), ..Self::default() }
    }

    /// Nothing yet, of the days that this fold is of.
    pub(in crate::readings) fn empty(&self) -> Self {
        Self { only: self.only.clone(), ..Self::default() }
    }

    /// Adds what was counted of rows that come after all of these.
    pub(in crate::readings) fn merge(&mut self, later: Self) {
        let series: Vec<_> = later.series.iter().map(|of| self.merge_series(of)).collect();
        let metrics: Vec<_> = later
            .metrics
            .iter()
            .enumerate()
            .map(|(at, metric)| self.metric_of(at, metric.key()))
            .collect();
        for ((day, of, metric), counted) in later.days {
            match self.days.entry((day, series[of], metrics[metric])) {
                Entry::Occupied(mut known) => known.get_mut().merge(&counted),
                Entry::Vacant(none) => drop(none.insert(counted)),
            }
        }
        for (day, (first, last)) in later.spans {
            let span = self.spans.entry(day).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
        self.others += later.others;
        self.rows += later.rows;
        self.last = later.last.or(self.last.take());
    }

    fn merge_series(&mut self, later: &OfSeries) -> usize {
        let number = self.number_of(&later.id);
        let series = &mut self.series[number];
        series.polled |= later.polled;
        series.name.merge(&later.name);
        number
    }

    /// Counts what the document of a row tells; `None` is a document that is no reading.
    pub(in crate::readings) fn add(&mut self, row: i64, seen: Option<&Seen>) {
        self.rows += 1;
        let Some(seen) = seen else {
            self.others += 1;
            return;
        };
        let series = self.series_of(seen);
        // Nearly all values of a document are of one day.
        let mut noted = None;
        for (place, value) in seen.values.iter().enumerate() {
            let (day, at) = (value.at.div_euclid(DAY), value.at.rem_euclid(DAY));
            if self.only.as_ref().is_some_and(|only| !only.contains(&day)) {
                continue;
            }
            let metric = self.metric_of(place, &value.metric);
            let new = || Counted::new(self.metrics[metric].kind() == Kind::Motion);
            let counted = self.days.entry((day, series, metric)).or_insert_with(new);
            counted.add(at, value.value);
            // A movement is told until the next one: that it was long ago makes no row one of its day.
            if noted != Some(day) && seen.at.div_euclid(DAY) - day <= 1 {
                noted = Some(day);
                let span = self.spans.entry(day).or_insert((row, row));
                *span = (span.0.min(row), span.1.max(row));
            }
        }
    }

    /// The number of the last row; that of none is below all others.
    pub(in crate::readings) fn row(&self) -> i64 {
        self.last.as_ref().map_or(i64::MIN, |(row, _)| *row)
    }

    /// Notes which row was the last.
    pub(in crate::readings) fn end_at(&mut self, row: i64, key: &str) {
        match &mut self.last {
            Some((last, known)) => {
                *last = row;
                known.clear();
                known.push_str(key);
            }
            None => self.last = Some((row, key.to_owned())),
        }
    }

    fn series_of(&mut self, seen: &Seen) -> usize {
        let number = self.number_of(&seen.id);
        let series = &mut self.series[number];
        series.polled |= seen.polled;
        if let Some(name) = &seen.name {
            series.name.tell(seen.at, name);
        }
        number
    }

    fn number_of(&mut self, id: &str) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        self.numbers.insert(id.to_owned(), self.series.len());
        self.series.push(OfSeries {
            id: id.to_owned(),
            name: NewestName::default(),
            polled: false,
        });
        self.series.len() - 1
    }

    /// The number of a metric. Nearly all documents tell theirs in one order, so that this is where it
    /// stands.
    fn metric_of(&mut self, place: usize, key: &str) -> usize {
        let is_it = |metric: &Metric| metric.key() == key;
        if self.metrics.get(place).is_some_and(is_it) {
            return place;
        }
        self.metrics.iter().position(is_it).unwrap_or_else(|| {
            self.metrics.push(Metric::new(key));
            self.metrics.len() - 1
        })
    }
}
