//! The overview: at a glance, whether all is well.

use super::Pages;
use super::frame::{Frame, Section};
use axum::extract::State;
use axum::response::Html;
use maud::html;
use std::sync::Arc;

/// The page.
pub(super) async fn show(State(pages): State<Arc<Pages>>) -> Html<String> {
    let content = html! {
        h1 { "Overview" }
    };
    Frame { title: "Overview", section: Section::Overview }.page(&pages, &content)
}
