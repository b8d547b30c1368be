//! A store of readings: what is in it, and how it is opened to be read.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use kakehi::clock::{Clock, ClockControl};
use kakehi::environment::Environment;
use kakehi::readings::{self, Chart, Line, Options, Range, Store};
use kakehi::sinks::{self, Outcome, Sink};
use kakehi::{Delivery, Error, Location, Message, Receipt};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The time of all these tests, until they move it.
pub const NOW: &str = "2026-05-01T12:00:00Z";

/// A folder with a store of readings and a cache, at a time of its own.
pub struct ReadingStore {
    folder: TempDir,
    pub clock: Clock,
    pub control: ClockControl,
}

impl ReadingStore {
    pub fn new() -> Self {
        let (clock, control) = Clock::manual(at(NOW));
        Self { folder: tempfile::tempdir().expect("a folder"), clock, control }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    pub fn cache_dir(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub fn url(&self, more: &str) -> Location {
        let file = self.file();
        let url = format!("sqlite:{}?collection=readings{more}", file.display());
        Location::parse(&url).expect("a URL")
    }

    pub fn options(&self) -> Options {
        let data_dir = self.folder.path().join("data");
        let options = Options::new(Environment::default(), data_dir, self.cache_dir());
        Options { clock: self.clock.clone(), ..options }
    }

    /// The store, opened to be read.
    pub async fn open(&self, more: &str) -> Box<dyn Store> {
        readings::open(self.url(more), &self.options()).await.expect("a store")
    }

    /// The sink that writes it, and tells of what it replaces.
    pub async fn sink(&self, more: &str) -> Box<dyn Sink> {
        let url = self.url(more);
        let data_dir = self.folder.path().join("data");
        let kept = readings::kept(&url, &data_dir, &self.cache_dir()).expect("a cache");
        let options = sinks::Options {
            clock: self.clock.clone(),
            replaced: Some(std::sync::Arc::new(kept)),
            ..sinks::Options::new(Environment::default(), data_dir)
        };
        sinks::open(url, &options).await.expect("a sink")
    }

    /// Writes documents through the sink.
    pub async fn write(&self, documents: &[(String, Value)]) {
        let sink = self.sink("").await;
        write(&*sink, documents).await;
        sink.close().await.expect("it closes");
    }

    /// Puts documents into the table as the sink would have, each at its time.
    pub async fn fill(&self, documents: impl Iterator<Item = (String, Value, DateTime<Utc>)>) {
        self.write(&[]).await;
        let mut file = rusqlite::Connection::open(self.file()).expect("the file");
        let all = file.transaction().expect("a transaction");
        {
            let mut insert =
                all.prepare("INSERT INTO readings VALUES (?1, ?2, ?3)").expect("a table");
            for (id, document, stored_at) in documents {
                insert.execute([id, document.to_string(), text(stored_at)]).expect("a row");
            }
        }
        all.commit().expect("it commits");
    }

    /// Runs SQL on the file, as another program would.
    pub fn sql(&self, sql: &str) {
        let file = rusqlite::Connection::open(self.file()).expect("the file");
        file.execute_batch(sql).expect("it runs");
    }

    /// A chart of this much time until now.
    pub async fn chart(&self, store: &dyn Store, back: TimeDelta) -> Chart {
        let range = Range::back_from(self.clock.now(), back).expect("a range");
        store.chart(range, 200, &[]).await.expect("a chart")
    }
}

/// Writes documents through a sink, and has each stored.
pub async fn write(sink: &dyn Sink, documents: &[(String, Value)]) {
    let delivery = |(id, document): &(String, Value)| Delivery {
        message: Message::new(id.as_str(), document.to_string().into_bytes()),
        attempts: Some(1),
        lost: 0,
        receipt: Receipt("".into()),
    };
    let batch: Vec<_> = documents.iter().map(delivery).collect();
    let stored = sink.write(&batch).await;
    assert!(stored.iter().all(|it| *it == Outcome::Stored), "{stored:?}");
}

pub fn at(time: &str) -> DateTime<Utc> {
    time.parse().expect("a time")
}

pub fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A snapshot of a device, with its id.
pub fn snapshot(device: &str, name: &str, time: DateTime<Utc>, events: Value) -> (String, Value) {
    let document = json!({
        "device_id": device, "name": name, "request_at": text(time), "newest_events": events,
    });
    (format!("{device}@{}", text(time)), document)
}

/// An event of a snapshot.
pub fn event(val: f64, created_at: DateTime<Utc>) -> Value {
    json!({"val": val, "created_at": text(created_at)})
}

/// The line of a metric of a series.
pub fn line<'c>(chart: &'c Chart, series: &str, metric: &str) -> &'c Line {
    let found = chart.lines.iter().find(|it| it.series.id == series && it.metric.key() == metric);
    found.unwrap_or_else(|| panic!("no line {series} {metric}"))
}

/// All documents of a store, by their keys and as JSON.
pub async fn all(store: &dyn Store, since: Option<DateTime<Utc>>) -> Vec<(String, Value)> {
    let mut documents = store.documents(since).await.expect("documents");
    let mut all = Vec::new();
    while let Some(document) = documents.next().await.expect("a document") {
        all.push((document.id, serde_json::from_str(&document.json).expect("JSON")));
    }
    all
}

/// What an error says.
pub fn says<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Whether anything lies in a folder.
pub fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut files| files.next().is_none())
}
