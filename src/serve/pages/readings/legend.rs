//! The devices of a chart: their lines' looks, their newest values, and how low and high they went.

use super::super::numbers::{count, shown};
use super::super::stale::Reasons;
use super::super::words::ago;
use super::PATH;
use super::values::Figures;
use super::view::View;
use crate::readings::{Cell, Kind, LatestValue, Line, Metric};
use chrono::{DateTime, Utc};
use maud::{Markup, PreEscaped, html};

/// The table of a metric's devices.
pub(super) fn legend(view: &View, metric: &Metric, lines: &[(String, &Line)]) -> Markup {
    let figures = Figures::of(view, metric);
    let newest = |(name, line): &(String, &Line)| {
        Some((shown(name), view.newest(&line.series, metric)?.0.stale(view.now)?))
    };
    let reasons = Reasons::of(lines.iter().filter_map(newest));
    html! {
        table.legend {
            caption.hidden {
                (shown(metric.label())) ": newest values, and the range's; a name switches its lines off and on"
            }
            thead {
                tr {
                    th scope="col" { "Device" }
                    @for name in columns(metric.kind()) { th.number scope="col" { (name) } }
                }
            }
            tbody {
                @for (name, line) in lines { (device(view, figures, &reasons, name, line)) }
            }
        }
        (reasons.told())
    }
}

/// What stands above the numbers.
fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Motion => &["Last seen", "Movements"],
        Kind::Counter => &["Newest", "Grown by"],
        Kind::Level | Kind::Relative => &["Newest", "Lowest", "Highest"],
    }
}

fn device(view: &View, figures: Figures, reasons: &Reasons, name: &str, line: &Line) -> Markup {
    let newest = view.newest(&line.series, &line.metric);
    let stale =
        newest.and_then(|(latest, value)| Some((view.now - value.at, latest.stale(view.now)?)));
    let class = match (view.query.shows(&line.series), stale.is_some()) {
        (true, false) => "",
        (true, true) => "stale",
        (false, _) => "off",
    };
    html! {
        tr class=(class) {
            th scope="row" {
                (switch(view, name, line))
                @if let Some((age, why)) = stale {
                    span.age { (ago(age)) @if reasons.is_alone(why) { ", " (why) } }
                }
            }
            td.number.newest { (value(view.now, figures, newest.map(|(_, value)| value))) }
            @if let Some(total) = line.total() { (numbers(line.metric.kind(), figures, total)) }
        }
    }
}

/// The device's name, as a link that switches its lines off or on, in all charts.
fn switch(view: &View, name: &str, line: &Line) -> Markup {
    let (name, query) = (shown(name), view.query.switching(&line.series));
    let verb = if view.query.shows(&line.series) { "Hide" } else { "Show" };
    html! {
        a.device href=(query.address(PATH)) data-live="" title={ (verb) " " (name) }
            aria-label={ (verb) " " (name) } {
            (PreEscaped(view.mark(&line.series).sample()))
            span.name { (name) }
        }
    }
}

/// The newest value, large, with its unit; of movements, when the last one was seen.
fn value(now: DateTime<Utc>, figures: Figures, newest: Option<&LatestValue>) -> Markup {
    let Some(newest) = newest else { return html! { "–" } };
    html! {
        @match newest.metric.kind() {
            Kind::Motion => span.value { (ago(now - newest.at)) },
            Kind::Relative => span.value { (figures.value(newest.value)) },
            Kind::Level | Kind::Counter => {
                span.value { (figures.value(newest.value)) } " " span.unit { (newest.metric.unit()) }
            }
        }
    }
}

fn numbers(kind: Kind, figures: Figures, total: Cell) -> Markup {
    html! {
        @match kind {
            Kind::Motion => td.number { (count(total.count)) },
            Kind::Counter => td.number { (figures.value(total.high - total.low)) },
            Kind::Level | Kind::Relative => {
                td.number { (figures.value(total.low)) }
                td.number { (figures.value(total.high)) }
            }
        }
    }
}
