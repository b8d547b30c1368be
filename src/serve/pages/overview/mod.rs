//! The overview: at a glance, whether all is well.

mod glance;
mod queues;
mod spark;
mod stores;

use super::Pages;
use super::frame::{Frame, Section, refreshed};
use axum::extract::State;
use axum::response::Html;
use glance::Glance;
use maud::{Markup, html};
use std::sync::Arc;

/// How many seconds after an answer the page is asked for again.
const PAUSE: u32 = 5;

/// The page.
pub(super) async fn show(State(pages): State<Arc<Pages>>) -> Html<String> {
    let (sites, _) = tokio::join!(pages.sites.fresh(), pages.stores.fresh());
    let glance = Glance::of(sites);
    let live = html! {
        (said(&pages, &glance))
        (as_of(&pages))
        (queues::table(&pages, sites))
        (stores::tables(&pages))
    };
    let content = html! { h1 { "Overview" } (refreshed(PAUSE, &live)) };
    Frame { title: "Overview", section: Section::Overview }.page(&pages, &content)
}

/// How all is, in a sentence or two.
fn said(pages: &Pages, glance: &Glance) -> Markup {
    let now = pages.shown.options.clock.now();
    let (queues_are_well, mut sentences) = glance.sentences();
    let (stores_are_well, of_stores) = stores::sentences(pages.stores.all(), now);
    let is_well = queues_are_well && stores_are_well;
    sentences.extend(of_stores);
    html! {
        p #glance.glance.bad[!is_well] role="status" {
            @for sentence in sentences { span { (sentence) } " " }
        }
    }
}

/// When this was so.
fn as_of(pages: &Pages) -> Markup {
    let now = pages.shown.options.clock.now();
    let zone = pages.shown.timezone;
    html! {
        p.as-of {
            "As of " time datetime=(now.to_rfc3339()) { (now.with_timezone(&zone).format("%H:%M:%S")) }
            " " (zone.name())
        }
    }
}
