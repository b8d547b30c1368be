//! The file in which the hours are kept, in a folder of our own: it can be counted anew at any time.

use super::chart::HourLines;
use super::fold::{Fold, OfSeries};
use super::{Counted, DAY};
use crate::clients::sqlite::{self, Database, Purpose, Schema};
use crate::error::{Kind as ErrorKind, Result};
use crate::readings::newest_name::NewestName;
use crate::readings::{Kind, Metric, Range};
use foldhash::HashMap;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;
use std::sync::Arc;

static SCHEMA: Schema = Schema {
    purpose: Purpose::Hours,
    version: 1,
    tables: "CREATE TABLE counted (built_at INTEGER NOT NULL, row INTEGER, key TEXT, others INTEGER NOT NULL);
             CREATE TABLE series (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT,
                                  named_at INTEGER, polled INTEGER NOT NULL);
             CREATE TABLE metric (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
             CREATE TABLE hours (day INTEGER, series INTEGER, metric INTEGER, cells BLOB NOT NULL,
                                 PRIMARY KEY (day, series, metric));
             CREATE TABLE day (day INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
                               stale INTEGER NOT NULL DEFAULT 0);",
    upgrades: &[],
};

/// How far the documents of a store have been counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::readings) struct Mark {
    /// When the counting began, in milliseconds since 1970; 0 where it did not yet.
    pub(in crate::readings) built_at: i64,
    /// The last row, by its number and its key.
    pub(in crate::readings) last: Option<(i64, String)>,
}

impl Mark {
    /// The number of the last row; that of none is below all others.
    pub(in crate::readings) fn row(&self) -> i64 {
        self.last.as_ref().map_or(i64::MIN, |(row, _)| *row)
    }
}

/// Days whose documents were changed, and the rows that these may be in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::readings) struct Stale {
    /// Each day, and how often it was changed.
    pub(in crate::readings) days: Vec<(i64, i64)>,
    pub(in crate::readings) first: i64,
    pub(in crate::readings) last: i64,
}

/// The hours of one collection.
pub(in crate::readings) struct HoursFile(Arc<Database>);

impl HoursFile {
    /// Opens the file, and makes it where it is missing. One that is damaged, or of another version, is
    /// made anew.
    pub(in crate::readings) async fn open(path: &Path) -> Result<Self> {
        match Database::open(path, &SCHEMA).await {
            Err(error) if error.kind() == ErrorKind::Configuration && path.is_file() => {
                sqlite::remove(path);
                Database::open(path, &SCHEMA).await.map(Self)
            }
            opened => opened.map(Self),
        }
    }

    /// Opens a file that is there; `None` where there is none.
    pub(in crate::readings) async fn open_if_there(path: &Path) -> Result<Option<Self>> {
        Ok(Database::open_if_there(path, &SCHEMA).await?.map(Self))
    }

    /// Lets go of the file, once what was asked of it is done.
    pub(in crate::readings) async fn close(self) -> Result<()> {
        self.0.close().await
    }

    /// How far the documents have been counted.
    pub(in crate::readings) async fn mark(&self) -> Result<Mark> {
        self.0.look(mark).await
    }

    /// Forgets everything: counting begins anew.
    pub(in crate::readings) async fn clear(&self) -> Result<()> {
        self.0
            .write(|c| {
                c.execute_batch(
                    "DELETE FROM counted; DELETE FROM series; DELETE FROM metric;
                                 DELETE FROM hours; DELETE FROM day;",
                )
            })
            .await
    }

    /// Adds what a fold has counted behind a mark, and moves the mark. Where another program has moved
    /// it meanwhile, nothing is added; whether it was.
    pub(in crate::readings) async fn add(
        &self,
        fold: Fold,
        behind: Mark,
        now: i64,
    ) -> Result<bool> {
        let add = move |c: &Connection| {
            if mark(c)? != behind {
                return Ok(false);
            }
            let built_at = if behind.built_at == 0 { now } else { behind.built_at };
            put(c, &fold)?;
            let (row, key) = fold.last.or(behind.last).unzip();
            let others: Option<i64> =
                c.query_row("SELECT others FROM counted", [], |row| row.get(0)).optional()?;
            let others = others.unwrap_or(0) + i64::try_from(fold.others).unwrap_or(i64::MAX);
            c.execute("DELETE FROM counted", [])?;
            c.execute(
                "INSERT INTO counted VALUES (?1, ?2, ?3, ?4)",
                params![built_at, row, key, others],
            )
            .map(|_| true)
        };
        self.0.write(add).await
    }

    /// The days whose documents were changed, if any.
    pub(in crate::readings) async fn stale(&self) -> Result<Option<Stale>> {
        let look = |c: &Connection| {
            let mut stale = Stale { first: i64::MAX, last: i64::MIN, ..Stale::default() };
            let mut days = c.prepare("SELECT day, first, last, stale FROM day WHERE stale > 0")?;
            let mut days = days.query([])?;
            while let Some(day) = days.next()? {
                stale.days.push((day.get(0)?, day.get(3)?));
                stale.first = stale.first.min(day.get(1)?);
                stale.last = stale.last.max(day.get(2)?);
            }
            Ok((!stale.days.is_empty()).then_some(stale))
        };
        self.0.look(look).await
    }

    /// Puts what was counted of stale days, up to a mark, in the place of what was known of them. A day
    /// that was changed again meanwhile stays stale, and all do where the mark has moved.
    pub(in crate::readings) async fn recount(
        &self,
        fold: Fold,
        stale: Stale,
        counted: &Mark,
    ) -> Result<()> {
        let counted = counted.clone();
        let replace = move |c: &Connection| {
            if mark(c)? != counted {
                return Ok(());
            }
            for (day, changes) in &stale.days {
                c.execute("DELETE FROM hours WHERE day = ?1", [day])?;
                let done = "UPDATE day SET stale = 0 WHERE day = ?1 AND stale = ?2";
                c.execute(done, [day, changes])?;
            }
            put(c, &fold)
        };
        self.0.write(replace).await
    }

    /// Says that documents of these days were changed, in a row of this number where it is known.
    pub(in crate::readings) async fn forget(&self, days: Vec<(i64, Option<i64>)>) -> Result<()> {
        let forget = move |c: &Connection| {
            for (day, row) in &days {
                c.execute(
                    "INSERT INTO day VALUES (?1, ifnull(?2, 9223372036854775807), ifnull(?2, -9223372036854775808), 1)
                     ON CONFLICT (day) DO UPDATE SET stale = stale + 1,
                     first = min(first, excluded.first), last = max(last, excluded.last)",
                    params![day, row],
                )?;
            }
            Ok(())
        };
        self.0.write(forget).await
    }

    /// Says in the file at a path, where there is one, that documents of all days up to this one are
    /// changed. A file that this cannot be written into, as on a full disk, is removed: all is counted
    /// anew.
    pub(in crate::readings) async fn forget_until(path: &Path, day: i64) -> Result<()> {
        let sql = "UPDATE day SET stale = stale + 1 WHERE day <= ?1";
        let told = async {
            let Some(file) = Self::open_if_there(path).await? else { return Ok(()) };
            let told = file.0.write(move |c| c.execute(sql, [day]).map(drop)).await;
            file.close().await.and(told)
        };
        let told = told.await;
        if told.is_err() {
            sqlite::remove(path);
        }
        if path.exists() { told } else { Ok(()) }
    }

    /// The rows that tell of these days, behind a number and up to another one; `None` where none does.
    pub(in crate::readings) async fn rows(&self, from: i64, to: i64) -> Result<Option<(i64, i64)>> {
        let sql = "SELECT min(first) - 1, max(last) FROM day WHERE day BETWEEN ?1 AND ?2";
        let look = move |c: &Connection| {
            c.query_row(sql, [from, to], |row| {
                let (behind, last): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
                Ok(behind.zip(last))
            })
        };
        self.0.look(look).await
    }

    /// The lines of a range, in so many cells.
    pub(in crate::readings) async fn lines(&self, range: Range, cells: usize) -> Result<HourLines> {
        self.0.look(move |c| lines(c, range, cells)).await
    }
}

fn mark(c: &Connection) -> rusqlite::Result<Mark> {
    let found = c.query_row("SELECT built_at, row, key FROM counted", [], |row| {
        let last: (Option<i64>, Option<String>) = (row.get(1)?, row.get(2)?);
        Ok(Mark { built_at: row.get(0)?, last: last.0.zip(last.1) })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Adds what a fold has counted to what is there.
fn put(c: &Connection, fold: &Fold) -> rusqlite::Result<()> {
    let series = fold.series.iter().map(|series| put_series(c, series));
    let series = series.collect::<rusqlite::Result<Vec<_>>>()?;
    let metrics = fold.metrics.iter().map(|metric| put_metric(c, metric));
    let metrics = metrics.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut days: Vec<_> = fold.days.iter().collect();
    days.sort_unstable_by_key(|(key, _)| **key);
    let newest: Option<i64> = c.query_row("SELECT max(day) FROM hours", [], |row| row.get(0))?;
    for ((day, of, metric), counted) in days {
        let key = (*day, series[*of], metrics[*metric]);
        let known = if newest < Some(*day) { None } else { day_of(c, key, counted)? };
        put_day(c, key, known.as_ref().unwrap_or(counted))?;
    }
    let mut span = c.prepare_cached(
        "INSERT INTO day (day, first, last) VALUES (?1, ?2, ?3) ON CONFLICT (day) DO UPDATE
         SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    for (day, (first, last)) in &fold.spans {
        span.execute([day, first, last])?;
    }
    Ok(())
}

fn put_series(c: &Connection, series: &OfSeries) -> rusqlite::Result<i64> {
    let (named_at, name) = series.name.told().unzip();
    let sql = "INSERT INTO series (id, name, named_at, polled) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (id) DO UPDATE SET polled = max(polled, excluded.polled),
               name = iif(ifnull(excluded.named_at >= ifnull(named_at, excluded.named_at), 0),
                          excluded.name, name),
               named_at = ifnull(max(named_at, excluded.named_at), ifnull(named_at, excluded.named_at))
               RETURNING number";
    let mut put = c.prepare_cached(sql)?;
    put.query_row(params![series.id, name, named_at, series.polled], |row| row.get(0))
}

fn put_metric(c: &Connection, metric: &Metric) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO metric (key) VALUES (?1) ON CONFLICT (key) DO UPDATE SET key = key
               RETURNING number";
    c.prepare_cached(sql)?.query_row([metric.key()], |row| row.get(0))
}

/// What is known of a day, with what was counted of it now; `None` where nothing was known.
fn day_of(
    c: &Connection,
    (day, series, metric): (i64, i64, i64),
    counted: &Counted,
) -> rusqlite::Result<Option<Counted>> {
    let sql = "SELECT cells FROM hours WHERE day = ?1 AND series = ?2 AND metric = ?3";
    let mut read = c.prepare_cached(sql)?;
    let known: Option<Vec<u8>> =
        read.query_row([day, series, metric], |row| row.get(0)).optional()?;
    let moves = matches!(counted, Counted::Movements(_));
    let known = known.and_then(|bytes| Counted::of_bytes(&bytes, moves));
    Ok(known.map(|mut known| {
        known.merge(counted);
        known
    }))
}

fn put_day(
    c: &Connection,
    (day, series, metric): (i64, i64, i64),
    counted: &Counted,
) -> rusqlite::Result<()> {
    let mut put = c.prepare_cached("INSERT OR REPLACE INTO hours VALUES (?1, ?2, ?3, ?4)")?;
    put.execute(params![day, series, metric, counted.bytes()]).map(drop)
}

fn lines(c: &Connection, range: Range, cells: usize) -> rusqlite::Result<HourLines> {
    let mut lines = HourLines::new(range, cells);
    let others =
        c.query_row("SELECT others FROM counted", [], |row| row.get::<_, i64>(0)).optional()?;
    lines.others = others.and_then(|others| u64::try_from(others).ok()).unwrap_or(0);
    let (series, metrics) =
        (all_series(c, &mut lines.series)?, all_metrics(c, &mut lines.metrics)?);
    let day = |at: i64| at.div_euclid(DAY);
    let (from, to) = (day(range.from().timestamp_millis()), day(range.to().timestamp_millis()));
    let mut days =
        c.prepare("SELECT day, series, metric, cells FROM hours WHERE day BETWEEN ?1 AND ?2")?;
    let mut days = days.query([from, to])?;
    while let Some(row) = days.next()? {
        let (of, metric): (i64, i64) = (row.get(1)?, row.get(2)?);
        let Some((of, metric)) = series.get(&of).zip(metrics.get(&metric)) else { continue };
        let moves = lines.metrics[*metric].kind() == Kind::Motion;
        let counted = Counted::of_bytes(row.get_ref(3)?.as_blob()?, moves);
        if let Some(counted) = counted {
            lines.add(row.get(0)?, (*of, *metric), &counted);
        }
    }
    Ok(lines)
}

/// The series by their numbers, which are told by where each is in the list.
fn all_series(c: &Connection, list: &mut Vec<OfSeries>) -> rusqlite::Result<HashMap<i64, usize>> {
    let mut numbers = HashMap::default();
    let mut all = c.prepare("SELECT number, id, name, named_at, polled FROM series")?;
    let mut all = all.query([])?;
    while let Some(row) = all.next()? {
        let name: (Option<i64>, Option<String>) = (row.get(3)?, row.get(2)?);
        numbers.insert(row.get(0)?, list.len());
        let name = NewestName::of(name.0.zip(name.1));
        list.push(OfSeries { id: row.get(1)?, name, polled: row.get(4)? });
    }
    Ok(numbers)
}

/// The metrics by their numbers, which are told by where each is in the list.
fn all_metrics(c: &Connection, list: &mut Vec<Metric>) -> rusqlite::Result<HashMap<i64, usize>> {
    let mut numbers = HashMap::default();
    let mut all = c.prepare("SELECT number, key FROM metric")?;
    let mut all = all.query([])?;
    while let Some(row) = all.next()? {
        numbers.insert(row.get(0)?, list.len());
        list.push(Metric::new(row.get::<_, String>(1)?));
    }
    Ok(numbers)
}
