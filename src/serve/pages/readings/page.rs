//! The page of readings.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::frame::{Frame, Section, error_box, refreshed, status};
use super::metric::section;
use super::newest;
use super::query::{Query, Time};
use super::span::PRESETS;
use super::view::View;
use super::{CSV_PATH, PATH};
use crate::error::{Error, Kind, Result};
use crate::readings::Latest;
use crate::times::is_carried;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};
use std::sync::Arc;

const FRAME: Frame = Frame { title: "Readings", section: Section::Readings };
/// How many seconds after an answer a page is asked for again, and one whose cells are long.
const PAUSE: u32 = 5;
const SLOW_PAUSE: u32 = 30;
/// What a browser's field of a time of day holds.
const FIELD: &str = "%Y-%m-%dT%H:%M";

/// The page that an address asks for.
pub(super) async fn show(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    if pages.stores.all().is_empty() {
        return FRAME.page(&pages, &no_store()).into_response();
    }
    let fields = Fields::of(&uri);
    let query = Query::of(&fields);
    let ways = query.as_ref().ok().cloned().unwrap_or_else(Query::plain);
    match read(&pages, query).await {
        Ok(view) => {
            let content = refreshed(pause(&view), &content(&pages, &view));
            FRAME.page(&pages, &content).into_response()
        }
        Err(error) => failed(&pages, &ways, &error),
    }
}

/// What failed, and what the store held when it was read last.
fn failed(pages: &Pages, query: &Query, error: &Error) -> Response {
    let is_down = error.kind() != Kind::Usage;
    let content = html! {
        (head(pages, query))
        (error_box(error))
        @if is_down { (newest::last(pages, query.store)) }
    };
    let content = if is_down { refreshed(PAUSE, &content) } else { content };
    (status(error), FRAME.page(pages, &content)).into_response()
}

async fn read(pages: &Pages, query: Result<Query>) -> Result<View> {
    View::read(pages, query?).await
}

fn no_store() -> Markup {
    html! {
        h1 { "Readings" }
        div.empty {
            p { "No store is shown." }
            p { "Start the server with one: " code { "queue serve --store sqlite:" } }
        }
    }
}

/// The heading, and the ways to other stores and ranges.
fn head(pages: &Pages, query: &Query) -> Markup {
    html! {
        h1 { "Readings" }
        @if pages.stores.all().len() > 1 {
            nav.choices aria-label="Stores" {
                @for (at, store) in pages.stores.all().iter().enumerate() {
                    a href=(Query { store: at, ..query.clone() }.address(PATH))
                        aria-current=[(at == query.store).then_some("true")] { (store.told()) }
                }
            }
        }
        nav.choices aria-label="Range" {
            @for preset in PRESETS {
                @let time = Time::Preset(preset);
                a href=(query.over(time.clone()).address(PATH)) data-live=""
                    aria-current=[(query.time == time).then_some("true")] { (preset.name) }
            }
        }
    }
}

fn content(pages: &Pages, view: &View) -> Markup {
    let metrics = view.chart.metrics();
    html! {
        div.toolbar {
            (head(pages, &view.query))
            (between(view))
            @if let Some(wider) = wider(view) {
                a.button href=(wider.address(PATH)) data-live="" { "Zoom out" }
            }
            a.csv href=(view.query.address(CSV_PATH)) download { "CSV" }
        }
        p.as-of { (range_told(view)) }
        @if metrics.is_empty() { (nothing(view)) }
        @for metric in metrics { (section(view, metric)) }
    }
}

/// How many seconds after an answer the page is asked for again: where a cell is longer than some
/// minutes, little changes.
fn pause(view: &View) -> u32 {
    if view.span.range.length() <= TimeDelta::days(1) { PAUSE } else { SLOW_PAUSE }
}

/// What is asked for here, over three times the time, but not beyond now; only where somebody has chosen
/// from when to when.
fn wider(view: &View) -> Option<Query> {
    let Time::Between(..) = view.query.time else { return None };
    let range = view.span.range;
    let written = |at: DateTime<Utc>| at.with_timezone(&view.zone).format(FIELD).to_string();
    let from = range.from().checked_sub_signed(range.length()).filter(|at| is_carried(*at))?;
    let to = range.to().checked_add_signed(range.length())?.min(view.now.max(range.to()));
    Some(view.query.over(Time::Between(written(from), written(to))))
}

/// The form for a range of one's own; without a script it works as any form.
fn between(view: &View) -> Markup {
    let local = |at: DateTime<Utc>| at.with_timezone(&view.zone).format(FIELD).to_string();
    let (from, to) = (view.span.range.from(), view.span.range.to());
    html! {
        form.between action=(PATH) {
            @if view.query.store > 0 { input type="hidden" name="store" value=(view.query.store); }
            @for metric in &view.query.metrics { input type="hidden" name="metric" value=(metric); }
            @for device in &view.query.hidden { input type="hidden" name="hide" value=(device); }
            label { "From " input type="datetime-local" name="from" value=(local(from)) required; }
            label { "To " input type="datetime-local" name="to" value=(local(to)) required; }
            button type="submit" { "Show" }
        }
    }
}

fn range_told(view: &View) -> String {
    let told = |at: DateTime<Utc>, form| at.with_timezone(&view.zone).format(form).to_string();
    let (from, to) = (view.span.range.from(), view.span.range.to());
    let day = "%-d %b %Y, %H:%M";
    let (from, to, now) = (told(from, day), told(to, day), told(view.now, "%H:%M:%S"));
    format!("{from} to {to} ({}), as of {now}", view.zone)
}

/// What to do where there is nothing to be shown.
fn nothing(view: &View) -> Markup {
    html! {
        div.empty {
            @match newest(&view.latest) {
                Some(at) => (elsewhere(view, at)),
                None if view.chart.others > 0 => {
                    p { "This store holds " (view.chart.others) " documents, but none that tells a reading." }
                    p { "Name the fields in its URL: " code { "--store 'sqlite:store.db?collection=NAME&time=FIELD&series=FIELD&values=FIELD,FIELD'" } }
                },
                None => {
                    p { "This store holds no readings yet." }
                    p { "Fill it: " code { "publish nature-remo:" } " and then " code { "subscribe" } }
                }
            }
        }
    }
}

fn newest(latest: &[Latest]) -> Option<DateTime<Utc>> {
    latest.iter().map(|latest| latest.at).max()
}

/// The way to the newest readings, where this range holds none.
fn elsewhere(view: &View, at: DateTime<Utc>) -> Markup {
    let written = |at: DateTime<Utc>| at.with_timezone(&view.zone).format(FIELD).to_string();
    let time = Time::Between(written(at - TimeDelta::days(1)), written(at + TimeDelta::minutes(1)));
    html! {
        p { "No readings in this range." }
        p {
            "The newest are of " (at.with_timezone(&view.zone).format("%-d %b %Y, %H:%M")) ". "
            a href=(view.query.over(time).address(PATH)) { "Show these" }
        }
    }
}
