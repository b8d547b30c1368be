//! What a store holds, read back: series of readings, lines for a chart, whole documents. Reads only.
//!
//! A *series* is what one device measures, told by the device's id and shown under its newest name. A
//! *metric* is one of the things that it measures: `te`, `hu`, `power_w`. A reading is a value of a
//! metric at a time. Which documents are readings, and of what, [`Shapes`] says.

mod cell;
pub mod chart;
pub mod days;
mod document;
mod hours;
mod kept;
mod keys;
mod latest;
mod line;
mod metric;
#[cfg(feature = "mongodb")]
mod mongodb;
mod newest_name;
mod options;
mod range;
mod series;
pub mod shape;
mod sqlite;
mod tally;

pub use cell::Cell;
pub use document::{Document, Documents};
pub use kept::Kept;
pub use latest::{Latest, LatestValue};
pub use line::{Chart, Gap, Line, Point, Resolution};
pub use metric::{Kind, Metric};
pub use options::Options;
pub use range::Range;
pub use series::Series;
pub use shape::Shapes;

use crate::error::Result;
use crate::location::Location;
use crate::registry::{Entry, Registry, built_with};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::path::Path;

/// A store that is read. Every method reads what is there at that moment; a store that was replaced,
/// or was down, is found again by the next call. One read of a store runs at a time, and others wait.
///
/// # Errors
/// Of every method: `Unreachable` for a store that is down or does not answer in time, `Configuration`
/// for one that is not there, is no store, or lacks the collection, `Credentials` for one that refuses
/// us.
#[async_trait]
pub trait Store: Send + Sync {
    /// What is read, in words and without secrets: `sqlite store.db collection readings`.
    fn describe(&self) -> &str;

    /// The newest value of each metric of each series, sorted by the series' names. Empty where the
    /// store holds no readings.
    async fn latest(&self) -> Result<Vec<Latest>>;

    /// Lines over a range of time, in so many cells (at least one): one line for each metric of each
    /// series that has a reading in the range, sorted by metric, then by the series' names.
    ///
    /// No metric named means all of them.
    async fn chart(&self, range: Range, cells: usize, metrics: &[&str]) -> Result<Chart>;

    /// The documents that are not older than this time, or all of them, one after the other and each
    /// once, in the order in which they were stored where the store knows it. A document without a
    /// time is among them. The store is held by this no longer than until the answer is dropped.
    async fn documents(&self, since: Option<DateTime<Utc>>) -> Result<Documents>;

    /// Says that documents up to a time were removed, or may have been: what was counted of their days
    /// is counted anew by the next chart that needs it. Without this it is within a day. Where nothing
    /// is kept, nothing is to be done.
    async fn forget(&self, _until: DateTime<Utc>) -> Result<()> {
        Ok(())
    }

    /// Closes connections.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// A kind of store: everything that its scheme stands for.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Takes the URL apart and opens the store. Nothing is read yet, and nothing made: whether the
    /// store is there shows at the first read.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Store>>;

    /// What is kept of the readings of the store that a sink's URL names, to be told of replaced
    /// documents; `None` where nothing is.
    fn kept(&self, _url: &Location, _data_dir: &Path, _cache_dir: &Path) -> Option<Kept> {
        None
    }
}

/// The stores that can be read, one line each.
pub static STORES: Registry<dyn Backend> = Registry {
    noun: "store",
    lines: &[
        ("sqlite", Entry::Built(&sqlite::SqliteBackend)),
        ("mongodb", built_with!("mongodb", mongodb::MongoDbBackend)),
        ("mongodb+srv", built_with!("mongodb", mongodb::MongoDbBackend)),
    ],
};

/// Opens a store by its URL, to be read.
///
/// The URL is that of the sink which wrote it: `sqlite:PATH?collection=NAME`, `mongodb://HOST/DB`. What else a URL says is how
/// documents are read: see [`Shapes::take`].
///
/// # Errors
/// `Usage` for an unknown scheme, parameter or value.
pub async fn open(url: Location, options: &Options) -> Result<Box<dyn Store>> {
    STORES.find(&url)?.open(url, options).await
}

/// What is kept of the readings of the store that a sink's URL names, to be told of replaced documents;
/// `None` where nothing is.
pub fn kept(url: &Location, data_dir: &Path, cache_dir: &Path) -> Option<Kept> {
    STORES.find(url).ok()?.kept(url, data_dir, cache_dir)
}
