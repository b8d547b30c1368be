//! `store chart`: what was measured, drawn.

mod words;

use super::arguments::{StoreUrl, Zone, before};
use super::context::{StoreContext, closing};
use super::format::{COLUMNS, no_readings};
use crate::cli::tell::{Form, say};
use crate::error::{Error, Kind, Result};
use crate::location::list;
use crate::readings::chart::{Drawing, Marks, file, terminal};
use crate::readings::days::{nights, ticks};
use crate::readings::{Chart, Metric, Range, Store};
use crate::units;
use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many parts of the range are told apart: in a terminal two for each column, and in a picture
/// about one for each pixel.
const CELLS: usize = 2 * COLUMNS;
const PICTURE_CELLS: usize = 720;

/// How wide a picture is, in pixels.
const PICTURE_WIDTH: u32 = 960;

/// How many moments are named below a chart, at most.
const TICKS: usize = 9;

/// The longest range whose nights are shaded: beyond it they would be a pattern.
const WITH_NIGHTS: TimeDelta = TimeDelta::days(31);

/// Draw what was measured, in the terminal or as a picture
///
/// The mean of each moment as a line, from its lowest to its highest value as a band; a line is broken
/// where nothing was heard for three intervals. Each metric is a chart of its own; all devices of it
/// have one scale. Illuminance is relative: a device's own, and not to be compared with another's.
#[derive(Debug, Args)]
pub(super) struct DrawChart {
    #[command(flatten)]
    store: StoreUrl,

    /// What to draw: `te`, `hu`, `il`, `mo`, `power_w`, or another field. Without it, everything
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,

    /// How far back: `24h`, `7d`, `365d`
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = units::duration)]
    since: Duration,

    /// Write a picture into this file, as SVG; it needs `--field`
    #[arg(long, value_name = "FILE", requires = "field")]
    svg: Option<PathBuf>,

    #[command(flatten)]
    zone: Zone,
}

impl DrawChart {
    pub(super) async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        let range = self.range(context)?;
        let zone = self.zone.of(&context.program.environment)?;
        let store = context.open(&self.store).await?;
        let drawn = self.draw(&*store, range, zone, context.form).await;
        closing(store, drawn).await
    }

    fn range(&self, context: &StoreContext<'_>) -> Result<Range> {
        let now = context.options(&context.url(&self.store)?)?.clock.now();
        let range = before(now, self.since).and_then(|from| Range::new(from, now));
        range.ok_or_else(|| {
            Error::new(Kind::Usage, "`--since` is no time, or longer than time is reckoned")
                .hint("say how far back: `--since 7d`")
        })
    }

    async fn draw(&self, store: &dyn Store, range: Range, zone: Tz, form: Form) -> Result<()> {
        let fields: Vec<_> = self.field.as_deref().into_iter().collect();
        let cells = if self.svg.is_some() { PICTURE_CELLS } else { CELLS };
        let chart = store.chart(range, cells, &fields).await?;
        if let Some(field) = self.field.as_deref().filter(|_| chart.lines.is_empty()) {
            refuse_unknown(store, field).await?;
        }
        let Some(path) = &self.svg else {
            return say(&told(&chart, store.describe(), zone, form)).map(drop);
        };
        let metric = Metric::new(self.field.as_deref().unwrap_or_default());
        let latest = store.latest().await?;
        let marks = Marks::of(latest.iter().map(|one| &one.series));
        write(path, &file(&drawing(&chart, &metric, &marks, zone), PICTURE_WIDTH)).await?;
        match form {
            Form::Json => say(&words::json(&chart)).map(drop),
            Form::Human => Ok(()),
        }
    }
}

/// Refuses a field that no device measures, with those that there are; one that was not measured in the
/// range is no mistake.
async fn refuse_unknown(store: &dyn Store, field: &str) -> Result<()> {
    let latest = store.latest().await?;
    let values = latest.iter().flat_map(|one| &one.values);
    let mut known: Vec<_> = values.map(|value| value.metric.key()).collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() || known.contains(&field) {
        return Ok(());
    }
    let place = store.describe();
    Err(Error::new(Kind::Usage, format!("nothing in {place} measures `{field}`"))
        .hint(format!("what is measured there is {}", list(&known))))
}

/// The charts of all metrics, below one another.
fn told(chart: &Chart, place: &str, zone: Tz, form: Form) -> String {
    if form == Form::Json {
        return words::json(chart);
    }
    if chart.lines.is_empty() {
        return match chart.others {
            0 => format!("no readings {} in {place}\n", words::range(&chart.range, zone)),
            _ => no_readings(place),
        };
    }
    let marks = Marks::of(chart.lines.iter().map(|line| &line.series));
    let charts = chart.metrics().into_iter().map(|metric| {
        let drawing = drawing(chart, metric, &marks, zone);
        let gaps = words::gaps(chart, metric, zone);
        format!("{}\n\n{}{gaps}", drawing.name, terminal(&drawing, COLUMNS as u16))
    });
    charts.collect::<Vec<_>>().join("\n")
}

/// What is drawn of a metric.
fn drawing(chart: &Chart, metric: &Metric, marks: &Marks, zone: Tz) -> Drawing {
    let name = words::heading(metric, &chart.range, zone);
    let mut drawing = Drawing::of(chart, metric, name, |series| marks.of_series(series));
    drawing.ticks = ticks(&chart.range, zone, TICKS);
    if chart.range.length() <= WITH_NIGHTS {
        drawing.nights = nights(&chart.range, zone);
    }
    drawing
}

async fn write(path: &Path, text: &str) -> Result<()> {
    tokio::fs::write(path, text).await.map_err(|cause| {
        Error::new(Kind::Configuration, format!("cannot write `{}`", path.display()))
            .because_of_file(cause, path)
            .hint("name a file in a folder that this user may write")
    })
}
