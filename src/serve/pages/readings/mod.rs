//! The page of readings: a chart for each metric with a line for each device, and its values in digits.
//!
//! | path | what it is |
//! |---|---|
//! | `/readings` | the page |
//! | `/readings.csv` | what it shows, for a spreadsheet |
//!
//! Both take what they show from their address: see [`Query`].

mod csv;
mod legend;
mod metric;
pub(super) mod newest;
mod page;
mod query;
mod span;
mod values;
mod view;

use super::Pages;
use super::paths;
use crate::readings::Metric;
use axum::Router;
use axum::routing::get;
use query::Query;
use std::sync::Arc;

/// Where the page is.
const PATH: &str = paths::READINGS;
/// Where its CSV is.
const CSV_PATH: &str = "/readings.csv";

/// The address of the page of one metric of a store, counted from 0.
pub(super) fn address(store: usize, metric: &Metric) -> String {
    let metrics = vec![metric.key().to_owned()];
    Query { store, metrics, ..Query::plain() }.address(PATH)
}

/// The routes of the page and of its CSV.
pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new().route(PATH, get(page::show)).route(CSV_PATH, get(csv::download))
}
