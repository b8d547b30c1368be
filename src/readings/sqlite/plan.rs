//! Which rows a chart is drawn from: those of its range, or the hours that are kept of all of them.

use super::rows;
use super::{SKEW, Sqlite};
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::readings::hours::{DAY, Fold, HourLines, HoursFile};
use crate::readings::tally::Tally;
use crate::readings::{Chart, Range};
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use std::sync::Arc;

/// Longer ranges are drawn from hours.
const LONGEST: TimeDelta = TimeDelta::days(31);
/// How many rows are read for a range without asking first whether fewer would do.
const MANY: i64 = 150_000;

/// What a chart is to be drawn of.
pub(super) struct Wish {
    pub(super) range: Range,
    pub(super) cells: usize,
    pub(super) metrics: Vec<String>,
}

impl Wish {
    fn metrics(&self) -> Vec<&str> {
        self.metrics.iter().map(String::as_str).collect()
    }
}

impl Sqlite {
    /// Draws a chart from as few rows as do.
    pub(super) async fn draw(self: &Arc<Self>, wish: Wish) -> Result<Chart> {
        let reader = self.reader().await?;
        let rows = self.rows_without_file(&reader, &wish).await?;
        if let Some(rows) = rows {
            return self.from_rows(&reader, rows, wish).await;
        }
        match self.hours().await {
            Some(file) => {
                let drawn = self.from_hours(&reader, &file, wish).await;
                file.close().await.and(drawn)
            }
            None => self.without_file(&reader, wish).await,
        }
    }

    /// Draws a chart from the rows of its days, where these are few, else from what is kept of each hour.
    async fn from_hours(
        self: &Arc<Self>,
        reader: &Reader,
        file: &HoursFile,
        wish: Wish,
    ) -> Result<Chart> {
        self.refresh(reader, file).await?;
        if wish.range.length() <= LONGEST {
            let day = |at: DateTime<Utc>| at.timestamp_millis().div_euclid(DAY);
            // A movement shortly before midnight is told after it.
            let (from, to) = (day(wish.range.from()), day(wish.range.to()) + 1);
            let rows = file.rows(from, to).await?.unwrap_or((0, 0));
            if rows.1.saturating_sub(rows.0) <= MANY {
                return self.from_rows(reader, rows, wish).await;
            }
        }
        let lines = file.lines(wish.range, wish.cells).await?;
        Ok(lines.chart(&wish.metrics()))
    }

    /// The rows of a range that needs no file: of a small table all, of the last weeks those that were
    /// stored since. `None` where these are too many.
    async fn rows_without_file(
        self: &Arc<Self>,
        reader: &Reader,
        wish: &Wish,
    ) -> Result<Option<(i64, i64)>> {
        let (store, from) = (self.clone(), wish.range.from());
        let recent = from >= self.clock.now() - LONGEST;
        let since = from.checked_sub_signed(SKEW).unwrap_or(from);
        let look = move |connection: &Connection| {
            let Some((first, last)) = rows::ends(connection, &store.collection)? else {
                return Ok(Some((0, 0)));
            };
            if last - first < rows::FEW {
                return Ok(Some((first - 1, last)));
            }
            if !recent {
                return Ok(None);
            }
            let behind = rows::behind(connection, &store.collection, since)?;
            Ok((last - behind <= MANY).then_some((behind, last)))
        };
        self.look_with(reader, look).await
    }

    async fn from_rows(
        self: &Arc<Self>,
        reader: &Reader,
        rows: (i64, i64),
        wish: Wish,
    ) -> Result<Chart> {
        let (store, mut tally) =
            (self.clone(), Tally::new(wish.range, wish.cells, &wish.metrics()));
        let look = move |connection: &Connection| {
            store.each_seen(connection, rows, |_, seen| tally.add(seen))?;
            Ok(tally.finish())
        };
        self.look_with(reader, look).await
    }

    /// Counts all hours anew, where no file can be kept.
    async fn without_file(self: &Arc<Self>, reader: &Reader, wish: Wish) -> Result<Chart> {
        let store = self.clone();
        let look = move |connection: &Connection| {
            let fold = store.count(connection, rows::ALL, usize::MAX, Fold::default())?;
            let lines = HourLines::of_fold(&fold, wish.range, wish.cells);
            Ok(lines.chart(&wish.metrics()))
        };
        self.look_with(reader, look).await
    }

    /// The file in which hours are kept; `None` where there can be none.
    async fn hours(&self) -> Option<HoursFile> {
        // A user without a home has no folder for this.
        if self.hours_path.is_relative() {
            return None;
        }
        match HoursFile::open(&self.hours_path).await {
            Ok(file) => Some(file),
            Err(error) => {
                let why = error.one_line();
                tracing::debug!("the hours of `{}` are not kept: {why}", self.words);
                None
            }
        }
    }
}
