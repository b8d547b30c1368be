//! What a chart shows, in words and in numbers.

use crate::cli::store::format::{json as json_line, length};
use crate::readings::chart::distinct;
use crate::readings::{Chart, Line, Metric, Point, Range};
use crate::text::visible;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

/// How many gaps of a metric are told, at most.
const GAPS: usize = 5;

/// Metric, unit and range, as they stand above a chart.
pub(super) fn heading(metric: &Metric, range: &Range, zone: Tz) -> String {
    let unit = match metric.unit() {
        "" => String::new(),
        unit => format!(" ({unit})"),
    };
    let label = visible(metric.label().as_bytes());
    format!("{label}{unit} {}", self::range(range, zone))
}

/// A range of time in a zone: `from 26 Nov 2026 13:05 to 27 Nov 2026 13:05, Asia/Tokyo`.
pub(super) fn range(range: &Range, zone: Tz) -> String {
    let (from, to) = (minute(range.from(), zone), minute(range.to(), zone));
    format!("from {from} to {to}, {zone}")
}

fn minute(time: DateTime<Utc>, zone: Tz) -> String {
    time.with_timezone(&zone).format("%-d %b %Y %H:%M").to_string()
}

/// The longest gaps of a metric, a line each: when nothing was heard of a device, and for how long.
pub(super) fn gaps(chart: &Chart, metric: &Metric, zone: Tz) -> String {
    let lines: Vec<&Line> = chart.of(metric).collect();
    let series: Vec<_> = lines.iter().map(|line| &line.series).collect();
    let names = distinct(&series);
    let gaps = lines
        .iter()
        .zip(&names)
        .flat_map(|(line, name)| line.gaps.iter().map(move |gap| (gap.to - gap.from, gap, name)));
    let mut gaps: Vec<_> = gaps.collect();
    gaps.sort_by_key(|(length, ..)| std::cmp::Reverse(*length));
    let shown = gaps.iter().take(GAPS).map(|(time, gap, name)| {
        let (name, from) = (visible(name.as_bytes()), minute(gap.from, zone));
        format!("nothing heard of {name} from {from} for {}\n", length(*time))
    });
    let rest = match gaps.len().saturating_sub(GAPS) {
        0 => String::new(),
        more => format!("and {more} shorter gaps\n"),
    };
    shown.collect::<String>() + &rest
}

/// A line of a chart, as a program is told of it.
#[derive(Serialize)]
struct JsonLine<'a> {
    metric: &'a str,
    unit: &'static str,
    id: &'a str,
    name: Option<&'a str>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    points: Vec<JsonPoint>,
    gaps: Vec<[DateTime<Utc>; 2]>,
}

#[derive(Serialize)]
struct JsonPoint {
    at: DateTime<Utc>,
    count: u64,
    low: f64,
    mean: f64,
    high: f64,
}

impl From<Point> for JsonPoint {
    fn from(Point { at, cell }: Point) -> Self {
        Self { at, count: cell.count, low: cell.low, mean: cell.mean(), high: cell.high }
    }
}

/// A line of JSON for each line of a chart, with its points and its gaps.
pub(super) fn json(chart: &Chart) -> String {
    let one = |line: &Line| {
        json_line(&JsonLine {
            metric: line.metric.key(),
            unit: line.metric.unit(),
            id: &line.series.id,
            name: line.series.name.as_deref(),
            from: chart.range.from(),
            to: chart.range.to(),
            points: line.runs(&chart.range).into_iter().flatten().map(JsonPoint::from).collect(),
            gaps: line.gaps.iter().map(|gap| [gap.from, gap.to]).collect(),
        })
    };
    chart.lines.iter().map(one).collect()
}
