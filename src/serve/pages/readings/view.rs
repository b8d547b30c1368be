//! What a page of readings, and its CSV, are made from.

use super::super::Pages;
use super::super::stores::{self, ShownStore};
use super::Query;
use super::span::Span;
use crate::error::{Error, Kind, Result};
use crate::readings::chart::{Mark, distinct};
use crate::readings::{Chart, Latest, LatestValue, Line, Metric, Series, Store};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// What was read for a page.
pub(super) struct View {
    /// What was asked for.
    pub(super) query: Query,
    /// The range of time.
    pub(super) span: Span,
    /// The lines.
    pub(super) chart: Chart,
    /// The newest values of all devices of the store.
    pub(super) latest: Vec<Latest>,
    /// When this was read.
    pub(super) now: DateTime<Utc>,
    /// The zone of all times.
    pub(super) zone: Tz,
}

impl View {
    /// Reads what is asked for.
    ///
    /// # Errors
    /// Those of the address, and of a store that cannot be read.
    pub(super) async fn read(pages: &Pages, query: Query) -> Result<Self> {
        let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
        let span = query.span(now, zone)?;
        let store = store(pages, &query)?;
        let metrics: Vec<_> = query.metrics.iter().map(String::as_str).collect();
        let read = async {
            let latest = store.latest().await?;
            Ok((latest, store.chart(span.range, span.cells, &metrics).await?))
        };
        let (latest, chart) = stores::within(read).await?;
        Ok(Self { query, span, chart, latest, now, zone })
    }

    /// The lines of a metric, each with the name of its device, which tells it from the others.
    pub(super) fn lines(&self, metric: &Metric) -> Vec<(String, &Line)> {
        let lines: Vec<&Line> = self.chart.lines.iter().filter(|it| it.metric == *metric).collect();
        let series: Vec<_> = lines.iter().map(|line| &line.series).collect();
        distinct(&series).into_iter().zip(lines).collect()
    }

    /// The lines of a metric that are not switched off, each with the name of its device.
    pub(super) fn shown_lines(&self, metric: &Metric) -> Vec<(String, &Line)> {
        let mut lines = self.lines(metric);
        lines.retain(|(_, line)| self.query.shows(&line.series));
        lines
    }

    /// The colour and the dash of a device, by its position among all devices of the store.
    pub(super) fn mark(&self, series: &Series) -> Mark {
        let position = self.latest.iter().position(|latest| latest.series.id == series.id);
        Mark::of(position.unwrap_or(self.latest.len()))
    }

    /// What is newest of a device, and its value of a metric.
    pub(super) fn newest(
        &self,
        series: &Series,
        metric: &Metric,
    ) -> Option<(&Latest, &LatestValue)> {
        let latest = self.latest.iter().find(|latest| latest.series.id == series.id)?;
        let value = latest.values.iter().find(|value| value.metric == *metric)?;
        Some((latest, value))
    }
}

fn store<'p>(pages: &'p Pages, query: &Query) -> Result<&'p dyn Store> {
    pages.stores.all().get(query.store).map(ShownStore::store).ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no store {}", query.store))
            .hint("stores are counted from 0: follow a link of the page")
            .of_missing()
    })
}
