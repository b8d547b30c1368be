//! `sqlite:PATH?collection=NAME&conflict=keep|replace`: the embedded store.
//!
//! One table a collection, `(id, document, stored_at)`: plain enough for every tool that reads
//! SQLite.

use super::same_json::same_json;
use super::{Options, Outcome, Sink};
use crate::check::Finding;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use crate::message::Delivery;
use crate::sqlite::{self, Database, Purpose, Schema};
use crate::text;
use async_trait::async_trait;
use chrono::SecondsFormat;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The file of the embedded store. Its tables are made as collections are named.
static SCHEMA: Schema = Schema { purpose: Purpose::Store, version: 1, tables: "", upgrades: &[] };

/// The largest document, in bytes: 256 MiB. SQLite's own limit is 10^9.
const LARGEST_DOCUMENT: usize = 256 << 20;

/// Opens it, and makes file and table where they are missing.
pub async fn open(url: Location, options: &Options) -> Result<Box<dyn Sink>> {
    let Target { path, collection, conflict } = Target::of(url, options)?;
    let database = Database::open(&path, &SCHEMA).await?;
    let table = Arc::new(Table::new(&collection));
    let made = table.clone();
    database.write(move |c| c.execute_batch(&made.create)).await?;
    let (timeout, clock) = (options.write_timeout, options.clock.clone());
    Ok(Box::new(Store { database, table, conflict, timeout, clock }))
}

/// Looks whether it could be opened and written to; makes nothing.
pub async fn check(url: Location, options: &Options) -> Result<Vec<Finding>> {
    sqlite::check(&Target::of(url, options)?.path, &SCHEMA).await
}

/// The file and the collection in words; `None` where the URL names none.
pub(super) fn describe(url: &Location, options: &Options) -> Option<String> {
    let Target { path, collection, .. } = Target::of(url.clone(), options).ok()?;
    Some(format!("sqlite {} collection {collection}", text::of_name(&path)))
}

/// The collection of a file, whatever that is called.
pub(super) fn identity(url: &Location, options: &Options) -> Result<Identity> {
    let Target { path, collection, .. } = Target::of(url.clone(), options)?;
    Ok(Identity::in_file(super::identity::file(&path)?, &collection).of_kind("store"))
}

/// What its URL says.
struct Target {
    path: PathBuf,
    collection: String,
    conflict: Conflict,
}

impl Target {
    fn of(mut url: Location, options: &Options) -> Result<Self> {
        let collection = url.take("collection")?.unwrap_or_else(|| "messages".to_owned());
        check_name(&collection)?;
        let conflict = match url.take("conflict")?.as_deref() {
            None => Conflict::Reject,
            Some("keep") => Conflict::Keep,
            Some("replace") => Conflict::Replace,
            Some(other) => {
                return Err(Error::new(Kind::Usage, format!("`conflict={other}` is unknown"))
                    .hint("write `conflict=keep` or `conflict=replace`"));
            }
        };
        url.finish(&["collection", "conflict"])?;
        let path = match url.file() {
            path if path.as_os_str().is_empty() => options.data_dir.join("store.db"),
            path => path,
        };
        Ok(Self { path, collection, conflict })
    }
}

/// A name that needs no quotes in anybody's query.
fn check_name(name: &str) -> Result<()> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let reserved = name.to_ascii_lowercase().starts_with("sqlite_");
    if starts_well && legal && !reserved {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("`{name}` cannot be a collection"))
        .hint("use letters, digits and `_`; not a digit first, and not `sqlite_`"))
}

/// What becomes of a message whose id is stored with other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conflict {
    Reject,
    Keep,
    Replace,
}

/// The statements of one collection.
struct Table {
    create: String,
    insert: String,
    read: String,
    replace: String,
}

impl Table {
    fn new(name: &str) -> Self {
        Self {
            create: format!(
                "CREATE TABLE IF NOT EXISTS \"{name}\" \
                 (id TEXT PRIMARY KEY, document TEXT NOT NULL, stored_at TEXT NOT NULL)"
            ),
            insert: format!(
                "INSERT INTO \"{name}\" VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING"
            ),
            read: format!("SELECT document FROM \"{name}\" WHERE id = ?1"),
            replace: format!("UPDATE \"{name}\" SET document = ?2, stored_at = ?3 WHERE id = ?1"),
        }
    }
}

struct Store {
    database: Arc<Database>,
    table: Arc<Table>,
    conflict: Conflict,
    timeout: Duration,
    clock: Clock,
}

#[async_trait]
impl Sink for Store {
    async fn check(&self) -> Result<()> {
        let table = self.table.clone();
        self.database.write(move |c| c.prepare_cached(&table.read).map(drop)).await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let documents: Vec<_> = batch
            .iter()
            .map(|it| document(&it.message.body).map(|text| (it.message.id.clone(), text)))
            .collect();
        let stored_at = self.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let (table, conflict) = (self.table.clone(), self.conflict);
        let written = self.database.write(move |c| {
            let one = |document: &Result<(String, String), String>| match document {
                Ok((id, text)) => store(c, &table, conflict, id, text, &stored_at),
                Err(reason) => Ok(Outcome::Reject(reason.clone())),
            };
            documents.iter().map(one).collect::<rusqlite::Result<Vec<_>>>()
        });
        let unavailable = |reason: String| vec![Outcome::Unavailable(reason); batch.len()];
        match tokio::time::timeout(self.timeout, written).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(error)) => unavailable(error.one_line()),
            Err(_) => unavailable(format!(
                "`{}` took longer than {:?}",
                self.database.path().display(),
                self.timeout
            )),
        }
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.database.close().await
    }
}

fn store(
    connection: &Connection,
    table: &Table,
    conflict: Conflict,
    id: &str,
    document: &str,
    stored_at: &str,
) -> rusqlite::Result<Outcome> {
    let row = params![id, document, stored_at];
    if connection.prepare_cached(&table.insert)?.execute(row)? > 0 {
        return Ok(Outcome::Stored);
    }
    let known: Option<String> =
        connection.prepare_cached(&table.read)?.query_row([id], |row| row.get(0)).optional()?;
    if known.is_some_and(|known| same_json(&known, document)) {
        return Ok(Outcome::Duplicate);
    }
    match conflict {
        Conflict::Keep => Ok(Outcome::Duplicate),
        Conflict::Replace => {
            connection.prepare_cached(&table.replace)?.execute(row)?;
            Ok(Outcome::Stored)
        }
        Conflict::Reject => {
            Ok(Outcome::Reject("another document is stored under the same id".to_owned()))
        }
    }
}

/// The text of a body that is one JSON object, as it was written; otherwise the reason.
fn document(body: &[u8]) -> Result<String, String> {
    if body.len() > LARGEST_DOCUMENT {
        return Err(format!("the body is larger than {LARGEST_DOCUMENT} bytes"));
    }
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
    // The parse bounds the depth as well, to 128: deeper ones SQLite's own functions may refuse.
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_)) => Ok(text.trim().to_owned()),
        Ok(_) => Err("the body is not a JSON object".to_owned()),
        // The place without serde's words, which may quote the payload.
        Err(cause) => Err(format!(
            "the body is not JSON that can be stored: line {}, column {}",
            cause.line(),
            cause.column()
        )),
    }
}
