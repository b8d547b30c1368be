//! The newest values of a store's devices, as a table.

use super::super::Pages;
use super::super::numbers::{shown, time};
use super::super::stale::Reasons;
use super::super::stores::ShownStore;
use super::super::words::ago;
use super::address;
use crate::readings::chart::{Mark, digits, distinct};
use crate::readings::{Kind, Latest, Metric};
use chrono::{DateTime, Utc};
use maud::{Markup, PreEscaped, html};

/// How many decimals a value has at most.
const DECIMALS: usize = 1;

/// What a store that cannot be read held when it was read last, and when that was.
pub(in super::super) fn last(pages: &Pages, store: usize) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    let state = pages.stores.all().get(store).map(ShownStore::state);
    html! {
        @if let Some((at, latest)) = state.and_then(|state| state.newest) {
            p.as-of { "The newest values are from " (time(at, now, zone)) }
            (table(store, &latest, now))
        }
    }
}

/// A row for each device, a column for each metric.
pub(in super::super) fn table(store: usize, latest: &[Latest], now: DateTime<Utc>) -> Markup {
    let metrics = metrics(latest);
    let names = distinct(&latest.iter().map(|one| &one.series).collect::<Vec<_>>());
    let stale = latest.iter().zip(&names);
    let stale = stale.filter_map(|(one, name)| Some((shown(name), one.stale(now)?)));
    let reasons = Reasons::of(stale);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Newest readings" {
            table.latest {
                thead {
                    tr {
                        th scope="col" { "Device" }
                        @for metric in &metrics {
                            th.number scope="col" {
                                a href=(address(store, metric)) { (shown(metric.label())) }
                            }
                        }
                        th.number scope="col" { "Newest" }
                    }
                }
                tbody {
                    @for (at, (one, name)) in latest.iter().zip(names).enumerate() {
                        (row(one, (&shown(&name), Mark::of(at)), &metrics, &reasons, now))
                    }
                }
            }
        }
        (reasons.told())
    }
}

/// The metrics of all devices, each once, as people see them.
fn metrics(latest: &[Latest]) -> Vec<&Metric> {
    let values = latest.iter().flat_map(|one| &one.values);
    let mut metrics: Vec<_> = values.map(|value| &value.metric).collect();
    metrics.sort_by_key(|metric| metric.order());
    metrics.dedup();
    metrics
}

fn row(
    latest: &Latest,
    (name, mark): (&str, Mark),
    metrics: &[&Metric],
    reasons: &Reasons,
    now: DateTime<Utc>,
) -> Markup {
    let stale = latest.stale(now);
    let told = stale.filter(|why| reasons.is_alone(why));
    html! {
        tr.stale[stale.is_some()] {
            th scope="row" {
                span.device { (PreEscaped(mark.sample())) span.name title=(name) { (name) } }
            }
            @for metric in metrics { td.number { (value(latest, metric, now)) } }
            td.number { (ago(latest.age(now))) @if let Some(why) = told { span.age { (why) } } }
        }
    }
}

/// A value with its unit; of movements, when the last one was.
fn value(latest: &Latest, metric: &Metric, now: DateTime<Utc>) -> Markup {
    let value = latest.values.iter().find(|value| value.metric == *metric);
    html! {
        @match value {
            None => {},
            Some(value) if metric.kind() == Kind::Motion => (ago(now - value.at)),
            Some(value) => {
                span.value { (digits(value.value, DECIMALS)) }
                @if metric.kind() != Kind::Relative && !metric.unit().is_empty() { " " span.unit { (metric.unit()) } }
            }
        }
    }
}
