//! The queues of the overview: a row each, and below it why it cannot be counted, where that is so.

use super::super::frame::error_box;
use super::super::numbers::{count, rate, shown, time};
use super::super::sites::{Failure, QueueState, Sample, ShownQueue, Site};
use super::super::{Pages, messages, paths, states, words};
use super::spark;
use crate::queues::{MessageState, Stats};
use chrono::TimeDelta;
use maud::{Markup, html};
use std::sync::Arc;

/// The heads of the columns of counts, and the state that each counts.
const STATES: [(&str, MessageState); 4] = [
    ("Ready", MessageState::Ready),
    ("Waiting", MessageState::Waiting),
    ("Scheduled", MessageState::Scheduled),
    ("Leased", MessageState::Leased),
];

/// All queues, by their sites.
pub(super) fn table(pages: &Pages, sites: &[Arc<Site>]) -> Markup {
    let shown = pages.sites.queues();
    html! {
        h2 { "Queues" }
        @for site in sites { (site_failure(pages, site)) }
        @if shown.is_empty() { (empty(sites)) } @else {
            div.scroll tabindex="0" role="region" aria-label="Queues" {
                table.queues { (head()) tbody { @for queue in &shown { (rows(pages, queue)) } } }
            }
        }
    }
}

fn head() -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { "Queue" }
                @for (name, state) in STATES {
                    th.number scope="col" { span class={ "key " (messages::name(state)) } { (name) } }
                }
                th.number scope="col" { span.key.dead { "Dead" } }
                th.number scope="col" { "Oldest" }
                th.number scope="col" { "Spool" }
                th scope="col" { "Depth" }
                th.number scope="col" { "Rate" }
            }
        }
    }
}

/// Why nobody can tell which queues there are.
fn site_failure(pages: &Pages, site: &Site) -> Markup {
    html! {
        @if let Some(failure) = site.failure() {
            h3 { (site.told()) }
            (failed(pages, &failure))
        }
    }
}

fn empty(sites: &[Arc<Site>]) -> Markup {
    let is_down = sites.iter().any(|site| site.failure().is_some() || !site.was_counted());
    html! {
        @if !is_down {
            div.empty {
                p { "No queue yet." }
                p { "The first message makes one: " code { "date | publish --from stdin: --to sqlite:queue.db" } }
            }
        }
    }
}

/// A failure: its error, and since when.
fn failed(pages: &Pages, failure: &Failure) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    html! {
        (error_box(&failure.error))
        p.as-of { "Since " (time(failure.since, now, zone)) }
    }
}

/// A queue's row, and where it could not be counted another one with the reason.
fn rows(pages: &Pages, shown_queue: &ShownQueue) -> Markup {
    let states = shown_queue.site.queues();
    let Some(state) = states.iter().find(|it| it.queue == shown_queue.queue) else {
        return html! {};
    };
    let newest = state.history.newest();
    html! {
        tr.stale[state.failure.is_some()] data-key=(shown_queue.label) {
            th scope="row" {
                (link(shown_queue))
                @if let Some(sample) = newest { (states::bar(&sample.stats)) }
            }
            (counts(shown_queue, newest))
            td { (spark::line(&state.history.depths())) }
            td.number { (state.history.rate().map(rate).unwrap_or_default()) }
        }
        @if let Some(failure) = &state.failure {
            tr.why data-key={ "why " (shown_queue.label) } { td colspan="10" { (failed(pages, failure)) (last_seen(pages, state)) } }
        }
    }
}

/// When a queue that is down was counted last.
fn last_seen(pages: &Pages, state: &QueueState) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    html! {
        @match state.history.newest() {
            Some(sample) => p.as-of { "The numbers are from " (time(sample.at, now, zone)) },
            None => p.as-of { "It was never counted since this server was started." },
        }
    }
}

fn link(queue: &ShownQueue) -> Markup {
    let path = if queue.queue.has_jobs { paths::JOBS } else { paths::MESSAGES };
    html! { a.name href=(queue.address(path, &[])) title=(queue.site.told()) { (shown(&queue.label)) } }
}

fn counts(queue: &ShownQueue, newest: Option<&Sample>) -> Markup {
    let stats = newest.map(|sample| &*sample.stats);
    let spool = newest.map(|sample| sample.spool.waiting + sample.spool.dead);
    html! {
        @for (name, state) in STATES {
            @let path = queue.address(paths::MESSAGES, &[("state", messages::name(state))]);
            (cell(stats.and_then(|stats| states::counted(stats, state)), name, Some(&path)))
        }
        @let dead = queue.address(paths::DEAD_LETTERS, &[]);
        (cell(stats.and_then(|stats| stats.dead), "Dead letters", Some(&dead)))
        td.number { (oldest(stats)) }
        (cell(spool, "in the spool", None))
    }
}

/// A count that leads to what it counts.
fn cell(number: Option<u64>, name: &str, path: Option<&str>) -> Markup {
    html! {
        td.number {
            @match (number, path) {
                (None, _) => span.faint { "–" span.hidden { " not known" } },
                (Some(0), _) => span.faint { "0" },
                (Some(number), None) => (count(number)),
                (Some(number), Some(path)) => a href=(path) {
                    (count(number)) span.hidden { " " (name) }
                },
            }
        }
    }
}

fn oldest(stats: Option<&Stats>) -> String {
    let seconds = stats.and_then(|stats| stats.oldest_seconds);
    let length = seconds.and_then(|seconds| TimeDelta::try_seconds(seconds.try_into().ok()?));
    length.map_or_else(|| "–".to_owned(), words::length)
}
