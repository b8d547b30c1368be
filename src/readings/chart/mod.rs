//! Charts of readings, purely: from lines to the text of a picture, or to lines of a terminal.
//!
//! A chart is an SVG without a `viewBox`, so that its text has one size at every width; what is drawn
//! lies in an inner one, which is stretched, with strokes that are not. [`STYLE`] is how it looks.

mod axis;
mod body;
mod digits;
mod ends;
mod lanes;
mod levels;
mod mark;
mod names;
mod svg;
mod terminal;

pub use axis::Axis;
pub use digits::{digits, fixed};
pub use mark::{Mark, Marks};
pub use names::distinct;
pub use svg::{file, page};
pub use terminal::terminal;

use super::days::Tick;
use super::{Chart, Kind, Line, Metric, Point, Range, Series};
use chrono::{DateTime, Utc};

/// The style of every chart, as CSS: a page serves it beside its own, a file holds it.
pub const STYLE: &str = include_str!("style.css");

/// What a picture shows: one metric of several devices over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Metric, unit and range in words: the heading of a file, and what a screen reader tells.
    pub name: String,
    /// The range of time, from edge to edge.
    pub range: Range,
    /// How the values are to be taken: movements are ticks in lanes, all else are lines.
    pub kind: Kind,
    /// What is drawn, in the order of the names.
    pub lines: Vec<DrawnLine>,
    /// What is written below, in order.
    pub ticks: Vec<Tick>,
    /// What is shaded.
    pub nights: Vec<Range>,
}

/// The line of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnLine {
    /// What stands at its end.
    pub name: String,
    /// The colour and the dash.
    pub mark: Mark,
    /// The points, in runs that are joined.
    pub runs: Vec<Vec<Point>>,
}

impl Drawing {
    /// The picture of one metric, with the mark that `mark` gives each device; ticks and nights are
    /// still to be filled in.
    pub fn of(
        chart: &Chart,
        metric: &Metric,
        name: String,
        mark: impl Fn(&Series) -> Mark,
    ) -> Self {
        let lines: Vec<&Line> = chart.of(metric).collect();
        let series: Vec<_> = lines.iter().map(|line| &line.series).collect();
        let drawn = lines.iter().zip(distinct(&series)).map(|(line, name)| DrawnLine {
            name,
            mark: mark(&line.series),
            runs: line.runs(&chart.range),
        });
        let (range, lines) = (chart.range, drawn.collect());
        let (ticks, nights) = (Vec::new(), Vec::new());
        Self { name, range, kind: metric.kind(), lines, ticks, nights }
    }

    /// Where a moment lies: 0 at the left edge, 1 at the right one.
    fn position(&self, at: DateTime<Utc>) -> f64 {
        let length = self.range.length().num_milliseconds() as f64;
        let offset = (at - self.range.from()).num_milliseconds() as f64;
        (offset / length).clamp(0.0, 1.0)
    }

    /// The axis of all values, in at most so many steps.
    fn axis(&self, most_steps: usize) -> Axis {
        let points = self.lines.iter().flat_map(|line| line.runs.iter().flatten());
        Axis::of(points.flat_map(|point| [point.cell.low, point.cell.high]), most_steps)
    }
}
