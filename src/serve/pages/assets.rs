//! What pages fetch besides themselves: all of it is built in, and none of it comes from elsewhere.

use super::Pages;
use crate::readings::chart;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;

const SCRIPT: &str = concat!(include_str!("script.js"), include_str!("readings/chart.js"));
const ICON: &str = include_str!("icon.svg");

/// The routes; nobody has to show anything for them.
pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new()
        .route("/assets/style.css", get(style))
        .route("/assets/script.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/assets/icon.svg", get(async || asset("image/svg+xml", ICON)))
}

/// How pages look, and the charts in them.
async fn style() -> impl IntoResponse {
    let style = format!("{}\n{}", include_str!("style.css"), chart::STYLE);
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], style)
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}
