//! `sqlite:PATH?collection=NAME`: the embedded store, read by row.

mod crew;
mod documents;
mod latest;
mod plan;
mod refresh;
mod rows;

use super::hours::{DAY, Fold, HoursFile};
use super::shape::Seen;
use super::{Backend, Chart, Documents, Kept, Latest, Options, Range, Shapes, Store};
use crate::clients::sqlite::Reader;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::{Location, list};
use crate::sinks::sqlite::{SCHEMA, Target};
use crate::text;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use documents::Reading;
use plan::Wish;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How much earlier a document may be stored than its own time says: clocks differ.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// The kind of store that is a table in a file of ours.
pub struct SqliteBackend;

#[async_trait]
impl Backend for SqliteBackend {
    async fn open(&self, mut url: Location, options: &Options) -> Result<Box<dyn Store>> {
        let target = Target::take(&mut url, &options.data_dir)?;
        let shapes = Shapes::take(&mut url, &target.collection)?;
        url.take("conflict")?;
        url.finish(PARAMETERS)?;
        let hours_path = kept(&options.cache_dir, &target).path(&shapes);
        let Target { path, collection } = target;
        let words = format!("sqlite {} collection {collection}", text::of_name(&path));
        let (clock, turn, counting) = (options.clock.clone(), Arc::default(), Mutex::default());
        let store = Sqlite { path, collection, shapes, words, hours_path, clock, turn, counting };
        Ok(Box::new(Shared(Arc::new(store))))
    }

    fn kept(&self, url: &Location, data_dir: &Path, cache_dir: &Path) -> Option<Kept> {
        let target = Target::take(&mut url.clone(), data_dir).ok()?;
        Some(kept(cache_dir, &target))
    }
}

/// What the URL of a store that is read may say.
const PARAMETERS: &[&str] =
    &["collection", "conflict", "time", "series", "name", "values", "offsets"];

/// Where the hours of a collection are kept: a file for each way to read it.
fn kept(cache_dir: &Path, target: &Target) -> Kept {
    let path = std::fs::canonicalize(&target.path).unwrap_or_else(|_| target.path.clone());
    let parts = [path.as_os_str().as_encoded_bytes(), target.collection.as_bytes()];
    Kept::new(cache_dir.join("readings"), text::short_name(parts.join(&b"\n"[..])))
}

struct Sqlite {
    path: PathBuf,
    collection: String,
    shapes: Shapes,
    words: String,
    /// Where the hours of its readings are kept.
    hours_path: PathBuf,
    clock: Clock,
    /// Held by whoever reads: others wait.
    turn: Arc<Mutex<()>>,
    /// Held by whoever counts hours.
    counting: Mutex<()>,
}

impl Sqlite {
    async fn reader(&self) -> Result<Reader> {
        Reader::open(&self.path, &SCHEMA).await
    }

    /// Looks at one moment of the file, when its turn comes.
    async fn look<T, F>(&self, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.look_with(&self.reader().await?, look).await
    }

    /// Looks at one moment of an open file, when its turn comes. A look that nobody waits for any more
    /// keeps its turn until it is over.
    async fn look_with<T, F>(&self, reader: &Reader, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let turn = self.turn.clone().lock_owned().await;
        let collection = self.collection.clone();
        let looked = reader.read(move |connection| {
            let _turn = turn;
            match rows::is_there(connection, &collection)? {
                true => look(connection).map(Ok),
                false => rows::collections(connection).map(Err),
            }
        });
        looked.await?.map_err(|known| self.missing(&known))
    }

    /// The error for a collection that is not there.
    fn missing(&self, known: &[String]) -> Error {
        let what = format!("there is no collection `{}` in the store", self.collection);
        let known: Vec<_> = known.iter().map(|name| text::visible(name.as_bytes())).collect();
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        let hint = match known.as_slice() {
            [] => "the store is empty: `subscribe` fills it".to_owned(),
            known => format!("add `?collection=NAME`: it is one of {}", list(known)),
        };
        Error::new(Kind::Configuration, what).hint(hint).of_missing()
    }

    /// Counts the rows behind a number, up to another one, into a fold that has none yet, but no more than
    /// so many.
    fn count(
        &self,
        connection: &Connection,
        rows: (i64, i64),
        most: usize,
        fold: Fold,
    ) -> rusqlite::Result<Fold> {
        crew::count(connection, &self.collection, rows, most, &self.shapes, fold)
    }

    /// Shows what each row behind a number tells, up to another one, with its own number.
    fn each_seen(
        &self,
        connection: &Connection,
        rows: (i64, i64),
        mut show: impl FnMut(i64, Option<&Seen>),
    ) -> rusqlite::Result<()> {
        let mut reader = self.shapes.reader();
        rows::each(connection, &self.collection, rows, |row| {
            let document = row.document()?;
            show(row.number()?, reader.read(&document, row.stored_at()).as_ref());
            Ok(true)
        })
    }
}

/// A store, as several look at it at a time.
struct Shared(Arc<Sqlite>);

#[async_trait]
impl Store for Shared {
    fn describe(&self) -> &str {
        &self.0.words
    }

    async fn latest(&self) -> Result<Vec<Latest>> {
        let store = self.0.clone();
        self.0.look(move |connection| store.newest(connection)).await
    }

    async fn chart(&self, range: Range, cells: usize, metrics: &[&str]) -> Result<Chart> {
        let metrics = metrics.iter().map(|metric| (*metric).to_owned()).collect();
        self.0.draw(Wish { range, cells, metrics }).await
    }

    async fn documents(&self, since: Option<DateTime<Utc>>) -> Result<Documents> {
        Ok(Documents::of(Reading::begin(self.0.clone(), since).await?))
    }

    async fn forget(&self, until: DateTime<Utc>) -> Result<()> {
        let day = until.timestamp_millis().div_euclid(DAY);
        HoursFile::forget_until(&self.0.hours_path, day).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
