//! `sqlite:PATH?collection=NAME&conflict=keep|replace`: the embedded store.
//!
//! One table a collection, `(id, document, stored_at)`: plain enough for every tool that reads
//! SQLite.

mod freshness;
mod prune;
mod table;

use super::{Backend, Conflict, Options, Outcome, Sink, freshness::Freshness, prune::Prune};
use crate::clients::sqlite::{self, Database, Purpose, Schema};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::json;
use crate::location::Location;
use crate::message::Delivery;
use crate::preflight::Finding;
use crate::sinks::replaced::Replaced;
use crate::text;
use async_trait::async_trait;
use chrono::SecondsFormat;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use table::{Row, Table};
use tokio::sync::Mutex;

/// The file of the embedded store. Its tables are made as collections are named.
pub(crate) static SCHEMA: Schema =
    Schema { purpose: Purpose::Store, version: 1, tables: "", upgrades: &[] };

/// The parameters of a URL.
const PARAMETERS: &[&str] = &["collection", "conflict"];

/// The largest document, in bytes: 256 MiB. SQLite's own limit is 10^9.
const LARGEST_DOCUMENT: usize = 256 << 20;

/// How deep a document may be nested: SQLite's own functions refuse those that are much deeper.
const DEEPEST: usize = 127;

/// The kind of sink that is a table in a file of ours.
pub struct SqliteBackend;

#[async_trait]
impl Backend for SqliteBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    fn has_path(&self) -> bool {
        true
    }

    /// Makes file and table where they are missing.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        let SqliteOptions { path, collection, conflict } = SqliteOptions::of(url, options)?;
        let path = std::path::absolute(&path).unwrap_or(path);
        let table = Arc::new(Table::new(&collection, conflict));
        let database = Mutex::new(make(&path, &table).await?);
        let (timeout, clock) = (options.write_timeout, options.clock.clone());
        let replaced = options.replaced.clone();
        Ok(Box::new(Store { path, database, table, timeout, clock, replaced }))
    }

    /// Names the collection of a file, whatever the file is called.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        let SqliteOptions { path, collection, .. } = SqliteOptions::of(url.clone(), options)?;
        Ok(Identity::in_file(super::file(&path)?, &collection).of_kind("store"))
    }

    fn describe(&self, url: &Location, options: &Options) -> Option<String> {
        let SqliteOptions { path, collection, .. } =
            SqliteOptions::of(url.clone(), options).ok()?;
        Some(format!("sqlite {} collection {collection}", text::of_name(&path)))
    }

    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        sqlite::preflight(&SqliteOptions::of(url, options)?.path, &SCHEMA).await
    }

    fn prune(&self) -> Option<&dyn Prune> {
        Some(self)
    }

    fn freshness(&self) -> Option<&dyn Freshness> {
        Some(self)
    }
}

/// Opens the file, with the table in it.
async fn make(path: &Path, table: &Arc<Table>) -> Result<Arc<Database>> {
    let database = Database::open(path, &SCHEMA).await?;
    let table = table.clone();
    database.write(move |c| c.execute_batch(&table.create)).await?;
    Ok(database)
}

/// What the URL of a store says.
struct SqliteOptions {
    path: PathBuf,
    collection: String,
    conflict: Conflict,
}

impl SqliteOptions {
    fn of(mut url: Location, options: &Options) -> Result<Self> {
        let Target { path, collection } = Target::take(&mut url, &options.data_dir)?;
        let conflict = Conflict::take(&mut url)?;
        url.finish(PARAMETERS)?;
        Ok(Self { path, collection, conflict })
    }
}

/// Which table of which file the URL of a store names.
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    pub(crate) collection: String,
}

impl Target {
    /// Takes it out of a URL, whose other parameters stay. Without a path it is the store in the data
    /// folder.
    pub(crate) fn take(url: &mut Location, data_dir: &Path) -> Result<Self> {
        let collection = url.take("collection")?.unwrap_or_else(|| "messages".to_owned());
        validate_name(&collection)?;
        let path = match url.file() {
            path if path.as_os_str().is_empty() => data_dir.join("store.db"),
            path => path,
        };
        Ok(Self { path, collection })
    }
}

/// Fails unless a collection's name needs no quotes in anybody's query.
fn validate_name(name: &str) -> Result<()> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let reserved = name.to_ascii_lowercase().starts_with("sqlite_");
    if starts_well && legal && !reserved {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("`{name}` cannot be a collection"))
        .hint("use letters, digits and `_`; not a digit first, and not `sqlite_`"))
}

struct Store {
    /// The path as it was named, from the root on: the file there may become another one.
    path: PathBuf,
    database: Mutex<Arc<Database>>,
    table: Arc<Table>,
    timeout: Duration,
    clock: Clock,
    replaced: Option<Arc<dyn Replaced>>,
}

impl Store {
    /// The file that is open.
    async fn open(&self) -> Arc<Database> {
        self.database.lock().await.clone()
    }

    /// The open file, where it still is what stands at its path; else the file that stands there
    /// now, or a new one.
    async fn open_again(&self) -> Result<Arc<Database>> {
        let mut open = self.database.lock().await;
        if !open.is_there() {
            let found = make(&self.path, &self.table).await?;
            tracing::warn!(
                "`{}` was removed or replaced: the file that is there now is used",
                self.path.display()
            );
            std::mem::replace(&mut *open, found).close().await?;
        }
        Ok(open.clone())
    }

    /// Runs one write, and bounds it.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| {
            let why = format!("`{}` took longer than {:?}", self.path.display(), self.timeout);
            Err(Error::new(Kind::Failed, why))
        })
    }
}

/// The outcome of an error: what SQLite says about the file is no message's fault; what nobody knows,
/// or took too long, may be.
fn outcome_of(error: &Error) -> Outcome {
    match error.kind() {
        Kind::Unreachable | Kind::Configuration => Outcome::Unavailable(error.one_line()),
        _ => Outcome::ConnectionLost(error.one_line()),
    }
}

#[async_trait]
impl Sink for Store {
    /// Writes a page as it was, and waits until it is on disk: only so shows that there is no room,
    /// no right or no file any more.
    async fn ping(&self) -> Result<()> {
        let database = self.open_again().await?;
        let table = self.table.clone();
        let proof = async {
            database.write(move |c| c.prepare_cached(&table.read).map(drop)).await?;
            database.prove_writable().await
        };
        self.in_time(proof).await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let documents: Vec<_> = batch
            .iter()
            .map(|it| document(&it.message.body).map(|text| (it.message.id.clone(), text)))
            .collect();
        let (database, table, clock) = (self.open().await, self.table.clone(), self.clock.clone());
        let written = database.write(move |c| {
            let stored_at = clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
            let mut replaced = Vec::new();
            let one = |document: &Result<(String, String), String>| match document {
                Ok((id, document)) => {
                    table.put(c, &Row { id, document, stored_at: &stored_at }, &mut replaced)
                }
                Err(reason) => Ok(Outcome::Reject(reason.clone())),
            };
            let outcomes = documents.iter().map(one).collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((outcomes, replaced))
        });
        match self.in_time(written).await {
            Ok((outcomes, replaced)) => {
                if let Some(told) = self.replaced.as_ref().filter(|_| !replaced.is_empty()) {
                    told.replaced(replaced).await;
                }
                outcomes
            }
            Err(error) => vec![outcome_of(&error); batch.len()],
        }
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.database.into_inner().close().await
    }
}

/// The text of a body that is one JSON object, as it was written; otherwise the reason.
fn document(body: &[u8]) -> Result<String, String> {
    if body.len() > LARGEST_DOCUMENT {
        return Err(format!("the body is larger than {LARGEST_DOCUMENT} bytes"));
    }
    let text = json::validate(body, DEEPEST)
        .map_err(|fault| format!("the body is not JSON that can be stored: {fault}"))?;
    match text.get() {
        object if object.starts_with('{') => Ok(object.to_owned()),
        _ => Err("the body is not a JSON object".to_owned()),
    }
}
