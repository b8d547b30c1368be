//! A SQLite file of anybody's, to read.

use super::row::{Cell, Columns, Row, unreadable};
use super::statement::{Dialect, Statement};
use super::{Cancel, Connection, Database, Outlet};
use crate::clients::sqlite::{be_patient, explain};
use crate::error::{Error, Kind, Result};
use crate::identity::{FileIdentity, Identity};
use crate::location::Location;
use crate::text;
use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{InterruptHandle, OpenFlags, ffi};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The file that a URL names.
pub struct Sqlite {
    path: PathBuf,
}

impl Sqlite {
    pub(super) fn of(url: &Location) -> Result<Self> {
        let path = url.file();
        match path.as_os_str().is_empty() {
            true => Err(Error::new(Kind::Usage, format!("`{url}` names no file"))
                .hint("write `sqlite:PATH`, for instance `sqlite:users.db`")),
            false => Ok(Self { path }),
        }
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn name(&self) -> String {
        format!("`{}`", text::of_name(&self.path))
    }

    fn identity(&self) -> Result<Identity> {
        let file = FileIdentity::of(&self.path).map_err(|cause| cannot_open(&self.path, cause))?;
        Ok(Identity::in_file(file, ""))
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let path = self.path.clone();
        let opened = aside(move || open(&path)).await?;
        Ok(Box::new(opened))
    }
}

/// An open file.
struct OpenFile {
    path: PathBuf,
    connection: Arc<Mutex<rusqlite::Connection>>,
}

/// Opens a file that is there; a name like `:memory:` means nothing special.
fn open(path: &Path) -> Result<OpenFile> {
    let full = std::fs::canonicalize(path).map_err(|cause| cannot_open(path, cause))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = || {
        let mut connection = rusqlite::Connection::open_with_flags(&full, flags)?;
        be_patient(&mut connection)?;
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
        // Only now the file itself is looked at.
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    };
    let connection = opened().map_err(|failure| explain("read", path, &failure))?;
    Ok(OpenFile { path: path.to_owned(), connection: Arc::new(Mutex::new(connection)) })
}

fn cannot_open(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Kind::Configuration, format!("cannot open `{}`", text::of_name(path)))
        .because_of_file(cause, path)
        .hint("name a SQLite file that is there and that this user may read")
}

#[async_trait]
impl Connection for OpenFile {
    async fn prepare(&mut self, statement: &Statement) -> Result<Columns> {
        let statement = statement.clone();
        self.on_thread(move |connection, path| {
            prepared(connection, path, &statement).map(|(_, columns)| columns)
        })
        .await
    }

    async fn run(
        &mut self,
        statement: &Statement,
        values: Vec<String>,
        mut outlet: Outlet,
    ) -> Result<Outlet> {
        let statement = statement.clone();
        self.on_thread(move |connection, path| {
            read(connection, path, &statement, &values, &mut outlet).map(|()| outlet)
        })
        .await
    }

    fn canceller(&self) -> Option<Box<dyn Cancel>> {
        None // who drops a run interrupts it
    }

    async fn close(self: Box<Self>) {}
}

impl OpenFile {
    /// Works on a thread that may wait. Who drops this interrupts what runs.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (connection, path) = (self.connection.clone(), self.path.clone());
        let handle = lock(&connection).get_interrupt_handle();
        let _interrupted = InterruptOnDrop(handle);
        aside(move || work(&lock(&connection), &path)).await
    }
}

fn lock(
    connection: &Mutex<rusqlite::Connection>,
) -> std::sync::MutexGuard<'_, rusqlite::Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends what the connection does when it is dropped; where it does nothing, that is nothing.
struct InterruptOnDrop(InterruptHandle);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::new(Kind::Bug, "cannot read a file").because(cause))?
}

/// What SQLite's failure means. An error without a code of its own is one of the query.
fn refused(path: &Path, failure: &rusqlite::Error) -> Error {
    let is_general = |code: &ffi::Error| code.extended_code == ffi::SQLITE_ERROR;
    let words = match failure {
        rusqlite::Error::SqlInputError { error, msg, .. } if is_general(error) => msg,
        rusqlite::Error::SqliteFailure(code, Some(words)) if is_general(code) => words,
        _ => return explain("read", path, failure),
    };
    Error::new(Kind::Configuration, format!("`{}` refuses the query", text::of_name(path)))
        .because_of(text::one_line(words, 300))
}

/// Compiles a statement: one that only reads, and gives rows.
fn prepared<'c>(
    connection: &'c rusqlite::Connection,
    path: &Path,
    statement: &Statement,
) -> Result<(rusqlite::Statement<'c>, Columns)> {
    let compiled =
        connection.prepare(statement.text()).map_err(|failure| refused(path, &failure))?;
    let columns = Columns::new(compiled.column_names())?;
    if !compiled.readonly() {
        return Err(Error::new(Kind::Configuration, "the query writes")
            .hint("write one statement that only reads, as a `select`"));
    }
    if compiled.parameter_count() != statement.names().len() {
        return Err(Error::new(Kind::Usage, "the query holds a placeholder without a value")
            .hint("write parameters as `:name`"));
    }
    Ok((compiled, columns))
}

/// Which columns hold JSON: those that are declared so.
fn json_columns(compiled: &rusqlite::Statement<'_>) -> Vec<bool> {
    let is_json = |declared: &str| declared.eq_ignore_ascii_case("json");
    compiled.columns().map(|column| column.decl_type().is_some_and(is_json)).collect()
}

fn read(
    connection: &rusqlite::Connection,
    path: &Path,
    statement: &Statement,
    values: &[String],
    outlet: &mut Outlet,
) -> Result<()> {
    let failed = |failure: rusqlite::Error| refused(path, &failure);
    let (mut compiled, columns) = prepared(connection, path, statement)?;
    let json = json_columns(&compiled);
    for (at, value) in values.iter().enumerate() {
        compiled.raw_bind_parameter(at + 1, value).map_err(failed)?;
    }
    outlet.begin(columns.clone());
    let mut rows = compiled.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        let cells = columns.names().zip(&json).enumerate().map(|(at, (name, json))| {
            let value = row.get_ref(at).map_err(|failure| refused(path, &failure))?;
            cell(value, *json).map_err(|why| unreadable(name, why))
        });
        if !outlet.push_blocking(cells.collect::<Result<Row>>()?) {
            break;
        }
    }
    Ok(())
}

fn cell(value: ValueRef<'_>, json: bool) -> Result<Cell, &'static str> {
    Ok(match value {
        ValueRef::Null => Cell::null(),
        ValueRef::Integer(number) => Cell::whole(number),
        ValueRef::Real(number) => Cell::float(number),
        ValueRef::Blob(bytes) => Cell::bytes(bytes),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "text that is not UTF-8")?;
            match json {
                true => Cell::json(text).ok_or("text that is not JSON, as its type says")?,
                false => Cell::text(text),
            }
        }
    })
}
