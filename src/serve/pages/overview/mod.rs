//! The overview: at a glance, whether all is well.

mod glance;
mod queues;
mod spark;

use super::Pages;
use super::frame::{Frame, Section};
use axum::extract::State;
use axum::response::Html;
use glance::Glance;
use maud::{Markup, html};
use std::sync::Arc;

/// Where the page is.
pub(super) const PATH: &str = "/";

/// The page.
pub(super) async fn show(State(pages): State<Arc<Pages>>) -> Html<String> {
    let sites = pages.sites.fresh().await;
    let glance = Glance::of(sites);
    let content = html! {
        h1 { "Overview" }
        div #live data-refresh="" {
            (said(&glance))
            (as_of(&pages))
            (queues::table(&pages, sites))
        }
        p { button #refresh type="button" hidden { "Stop refreshing" } }
    };
    Frame { title: "Overview", section: Section::Overview }.page(&pages, &content)
}

/// How all is, in a sentence or two.
fn said(glance: &Glance) -> Markup {
    let (is_well, sentences) = glance.sentences();
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
