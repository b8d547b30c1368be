//! Readings counted into lines, and the newest of them found, one document at a time: memory holds the
//! answer only, whatever the number of documents.

mod newest;
mod pace;
mod presence;

pub(super) use newest::Newest;

use super::newest_name::NewestName;
use super::shape::{Seen, SeenValue};
use super::{Cell, Chart, Gap, Kind, Line, Metric, Range, Resolution, Series};
use foldhash::{HashMap, HashSet};
use pace::Pace;
use presence::Presence;

/// How long events may fail to come before that is a gap, in milliseconds: what does not change has
/// none.
const QUIET: i64 = 3_600_000;

/// Lines that are being counted.
pub(super) struct Tally {
    range: Range,
    cells: usize,
    /// The keys of the metrics that are counted; none means all.
    metrics: Vec<String>,
    series: HashMap<String, OfSeries>,
    others: u64,
}

/// What is counted of one series.
struct OfSeries {
    name: NewestName,
    polled: bool,
    /// All its documents.
    heard: Heard,
    /// A line each metric: there are few, and a look at each is quicker than any table.
    lines: Vec<OfLine>,
}

/// What is counted of one metric of a series.
struct OfLine {
    metric: Metric,
    cells: Vec<Option<Cell>>,
    heard: Heard,
    /// The times of movements: each is told again and again.
    movements: HashSet<i64>,
}

/// When something was heard, and how often.
#[derive(Default)]
struct Heard {
    presence: Presence,
    pace: Pace,
}

impl Heard {
    fn add(&mut self, at: i64, slack: i64) {
        self.presence.add(at, slack);
        self.pace.add(at);
    }

    /// The times of more than three intervals, and more than this, in which nothing was heard.
    fn gaps(&self, at_least: i64) -> Vec<Gap> {
        let Some(interval) = self.pace.interval_millis() else { return Vec::new() };
        self.presence.gaps((3 * interval).max(at_least))
    }
}

impl Tally {
    /// Counts into so many cells of a range.
    pub(super) fn new(range: Range, cells: usize, metrics: &[&str]) -> Self {
        let metrics = metrics.iter().map(|metric| (*metric).to_owned()).collect();
        Self { range, cells: cells.max(1), metrics, series: HashMap::default(), others: 0 }
    }

    /// Counts what a document tells; `None` is a document that is no reading.
    pub(super) fn add(&mut self, seen: Option<&Seen>) {
        let Some(seen) = seen else {
            self.others += 1;
            return;
        };
        if !self.series.contains_key(seen.id.as_ref()) {
            self.series.insert(seen.id.as_ref().to_owned(), OfSeries::new(seen.polled));
        }
        let series = self.series.get_mut(seen.id.as_ref()).expect("it is there now");
        series.add(seen, &self.range, self.cells, &self.metrics);
    }

    /// The lines, each with a name that people know.
    pub(super) fn finish(self) -> Chart {
        let mut lines = Vec::new();
        for (id, series) in self.series {
            series.finish(id, &self.range, &mut lines);
        }
        order(&mut lines);
        let Self { range, cells, others, .. } = Self { series: HashMap::default(), ..self };
        Chart { range, cells, lines, resolution: Resolution::Readings, others }
    }
}

/// Puts lines into the order in which people see them.
pub(super) fn order(lines: &mut [Line]) {
    lines.sort_by(|a, b| {
        (a.metric.order(), a.series.order()).cmp(&(b.metric.order(), b.series.order()))
    });
}

/// The shortest time between two readings that may be a gap, in milliseconds: what is shorter is not
/// to be seen in a chart.
fn slack(range: &Range) -> i64 {
    range.length().num_milliseconds() / 4096
}

impl OfSeries {
    fn new(polled: bool) -> Self {
        Self { name: NewestName::default(), polled, heard: Heard::default(), lines: Vec::new() }
    }

    fn add(&mut self, seen: &Seen, range: &Range, cells: usize, metrics: &[String]) {
        if let Some(name) = &seen.name {
            self.name.tell(seen.at, name);
        }
        self.polled |= seen.polled;
        if range.cell_of_millis(seen.at, cells).is_some() {
            self.heard.add(seen.at, slack(range));
        }
        for value in &seen.values {
            if metrics.is_empty() || metrics.iter().any(|metric| *metric == value.metric) {
                self.add_value(value, range, cells);
            }
        }
    }

    fn add_value(&mut self, value: &SeenValue, range: &Range, cells: usize) {
        let Some(cell) = range.cell_of_millis(value.at, cells) else { return };
        let known = self.lines.iter().position(|line| line.metric.key() == value.metric);
        let at = known.unwrap_or_else(|| {
            self.lines.push(OfLine::new(Metric::new(value.metric.as_ref()), cells));
            self.lines.len() - 1
        });
        self.lines[at].add(value, cell, slack(range));
    }

    fn finish(self, id: String, range: &Range, lines: &mut Vec<Line>) {
        let series = Series { id, name: self.name.into_name() };
        let shared = (!self.polled).then(|| self.heard.gaps(QUIET.max(slack(range))));
        let interval = self.heard.pace.interval();
        lines.extend(self.lines.into_iter().map(|line| {
            let gaps = line.gaps(shared.as_deref(), range);
            let interval = line.heard.pace.interval().filter(|_| self.polled).or(interval);
            Line { series: series.clone(), metric: line.metric, cells: line.cells, gaps, interval }
        }));
    }
}

impl OfLine {
    fn new(metric: Metric, cells: usize) -> Self {
        let (heard, movements) = (Heard::default(), HashSet::default());
        Self { metric, cells: vec![None; cells], heard, movements }
    }

    fn add(&mut self, value: &SeenValue, cell: usize, slack: i64) {
        let moves = self.metric.kind() == Kind::Motion;
        if moves && !self.movements.insert(value.at) {
            return;
        }
        Cell::add_to(&mut self.cells[cell], &Cell::of(value.value));
        self.heard.add(value.at, slack);
    }

    /// The gaps of this line; where its documents are events, those of its series that lie between two
    /// readings of its own.
    fn gaps(&self, shared: Option<&[Gap]>, range: &Range) -> Vec<Gap> {
        let Some((first, last)) = self.heard.presence.ends() else { return Vec::new() };
        match shared {
            _ if self.metric.kind() == Kind::Motion => Vec::new(),
            None => self.heard.gaps(slack(range)),
            Some(gaps) => {
                gaps.iter().filter(|gap| first <= gap.from && gap.to <= last).copied().collect()
            }
        }
    }
}
