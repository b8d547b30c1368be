//! What the page shows, as CSV for a spreadsheet.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::frame::{refusal, status};
use super::Query;
use super::values::rows;
use super::view::View;
use crate::error::Result;
use crate::readings::{Cell, Line, Metric};
use crate::text;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use std::sync::Arc;

/// What stands above the rows.
const HEAD: [&str; 9] =
    ["time", "device", "name", "metric", "unit", "mean", "lowest", "highest", "count"];

/// The rows of what an address asks for.
pub(super) async fn download(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let read = async { View::read(&pages, Query::of(&Fields::of(&uri))?).await };
    match read.await {
        Ok(view) => answer(&view),
        Err(error) => refusal(status(&error), &error.to_string()),
    }
}

fn answer(view: &View) -> Response {
    let text = table(view).unwrap_or_default();
    let name = view.now.with_timezone(&view.zone).format("readings-%Y-%m-%d.csv");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

fn table(view: &View) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(HEAD)?;
    for metric in view.chart.metrics() {
        let lines = view.shown_lines(metric);
        for row in rows(view, &lines) {
            for ((_, line), cell) in lines.iter().zip(row.cells) {
                if let Some(cell) = cell {
                    writer.write_record(record(view, row.at, line, cell))?;
                }
            }
        }
    }
    Ok(writer.into_inner().unwrap_or_default())
}

fn record(view: &View, at: DateTime<Utc>, line: &Line, cell: Cell) -> [String; 9] {
    let Line { series, metric, .. } = line;
    let local = at.with_timezone(&view.zone).to_rfc3339_opts(SecondsFormat::AutoSi, false);
    let [mean, low, high] = levels(metric, cell);
    let name = series.name.as_deref().unwrap_or_default();
    let [id, name, key] = [&series.id, name, metric.key()].map(text::cell);
    [local, id, name, key, metric.unit().to_owned(), mean, low, high, cell.count.to_string()]
}

/// Mean, lowest and highest; movements have none of these.
fn levels(metric: &Metric, cell: Cell) -> [String; 3] {
    match metric.kind() {
        crate::readings::Kind::Motion => Default::default(),
        _ => [cell.mean(), cell.low, cell.high].map(|value| value.to_string()),
    }
}
