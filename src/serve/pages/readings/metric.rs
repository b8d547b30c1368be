//! A metric of the page: its devices, its chart, and its values in digits.

use super::super::numbers::shown;
use super::legend::legend;
use super::values::{Figures, rows};
use super::view::View;
use crate::readings::chart::{self, Drawing};
use crate::readings::days::{nights, ticks, told};
use crate::readings::{Cell, Gap, Kind, Line, Metric};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use maud::{Markup, PreEscaped, html};

/// How many ticks a chart has at most.
const TICKS: usize = 8;
/// The longest range whose nights are shaded: beyond it they would be a pattern.
const WITH_NIGHTS: TimeDelta = TimeDelta::days(31);
/// How many gaps of a device are told one by one.
const GAPS: usize = 3;

/// All that the page tells of a metric.
pub(super) fn section(view: &View, metric: &Metric) -> Markup {
    let lines = view.shown_lines(metric);
    let (label, id) = (shown(metric.label()), format!("metric-{}", metric.key()));
    html! {
        section.metric id={ "of-" (id) } aria-labelledby=(id) {
            h2 id=(id) { (label) @if !metric.unit().is_empty() { " " span.unit { (metric.unit()) } } }
            (legend(view, metric, &view.lines(metric)))
            figure.readings data-cell=(view.span.range.length().num_milliseconds() / view.span.cells as i64) {
                div.plot-box { (PreEscaped(chart::page(&drawing(view, metric)))) }
            }
            (gaps(view, &lines))
            details {
                summary { (label) " as a table" }
                div.scroll tabindex="0" role="region" aria-label={ (label) " as a table" } {
                    (table(view, metric, &lines))
                }
            }
        }
    }
}

/// The chart, named by metric, unit and range for those who do not see it.
fn drawing(view: &View, metric: &Metric) -> Drawing {
    let range = view.span.range;
    let unit =
        if metric.unit().is_empty() { String::new() } else { format!(" in {}", metric.unit()) };
    let day =
        |at: DateTime<Utc>| at.with_timezone(&view.zone).format("%-d %b %Y %H:%M").to_string();
    let label = shown(metric.label());
    let name = format!("{label}{unit}, {} to {}", day(range.from()), day(range.to()));
    let mut drawn = Drawing::of(&view.chart, metric, name, |series| view.mark(series));
    let mut shows = view.chart.of(metric).map(|line| view.query.shows(&line.series));
    drawn.lines.retain(|_| shows.next().unwrap_or(true));
    let shaded = range.length() <= WITH_NIGHTS;
    let nights = if shaded { nights(&range, view.zone) } else { Vec::new() };
    let ticks = ticks(&range, view.zone, TICKS);
    Drawing { ticks, nights, ..drawn }
}

/// Where nothing was heard of a device, in words.
fn gaps(view: &View, lines: &[(String, &Line)]) -> Markup {
    let silent: Vec<_> = lines.iter().filter(|(_, line)| !line.gaps.is_empty()).collect();
    html! {
        @if !silent.is_empty() {
            ul.gaps {
                @for (name, line) in silent {
                    li {
                        "Nothing from " b { (shown(name)) } ": "
                        (line.gaps.iter().rev().take(GAPS).map(|gap| gap_told(view, gap)).collect::<Vec<_>>().join("; "))
                        @if line.gaps.len() > GAPS { "; and " (line.gaps.len() - GAPS) " times before" }
                    }
                }
            }
        }
    }
}

fn gap_told(view: &View, gap: &Gap) -> String {
    let told = |at| told(at, &view.span.range, view.zone);
    format!("{} to {}", told(gap.from), told(gap.to))
}

/// The table of all cells that hold something, the newest first.
fn table(view: &View, metric: &Metric, lines: &[(String, &Line)]) -> Markup {
    let figures = Figures::of(view, metric);
    let mut all: Vec<_> = rows(view, lines).collect();
    all.reverse();
    html! {
        table.values {
            thead {
                tr {
                    th scope="col" { "Time" }
                    @for (name, _) in lines { th.number scope="col" { (shown(name)) } }
                }
            }
            tbody {
                @for row in all {
                    tr {
                        th scope="row" { (time(view, row.at)) }
                        @for cell in row.cells { td.number { (value(metric.kind(), figures, cell)) } }
                    }
                }
            }
        }
    }
}

fn time(view: &View, at: DateTime<Utc>) -> Markup {
    let local = at.with_timezone(&view.zone).to_rfc3339_opts(SecondsFormat::Secs, false);
    html! { time datetime=(local) { (told(at, &view.span.range, view.zone)) } }
}

/// What lies in a cell: the mean, and how low and high the values went where they differ.
fn value(kind: Kind, figures: Figures, cell: Option<Cell>) -> Markup {
    let Some(cell) = cell else { return html! {} };
    html! {
        @if kind == Kind::Motion {
            (cell.count)
        } @else if cell.low < cell.high {
            (figures.mean(cell.mean()))
            " " span.span { "(" (figures.value(cell.low)) " to " (figures.value(cell.high)) ")" }
        } @else {
            (figures.value(cell.low))
        }
    }
}
