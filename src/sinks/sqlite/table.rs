//! One collection: a table, and how a document gets into it.

use crate::json::same_json;
use crate::sinks::replaced::Replacement;
use crate::sinks::{Conflict, Outcome};
use rusqlite::ffi;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};

/// A document on its way into the table.
pub(super) struct Row<'a> {
    pub(super) id: &'a str,
    /// One JSON object, as its publisher wrote it.
    pub(super) document: &'a str,
    pub(super) stored_at: &'a str,
}

/// The statements of one collection.
pub(super) struct Table {
    pub(super) create: String,
    insert: String,
    pub(super) read: String,
    replace: String,
    numbered: String,
    conflict: Conflict,
}

impl Table {
    pub(super) fn new(name: &str, conflict: Conflict) -> Self {
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
            numbered: format!("SELECT rowid, document FROM \"{name}\" WHERE id = ?1"),
            conflict,
        }
    }

    /// Puts a document there, or says why not: what an index or a rule of the table has against it
    /// is its own fault. What it replaces is added to a list. An error is of the file.
    pub(super) fn put(
        &self,
        connection: &Connection,
        row: &Row,
        replaced: &mut Vec<Replacement>,
    ) -> rusqlite::Result<Outcome> {
        match self.change(connection, &self.insert, row)? {
            Err(refusal) => return Ok(refusal),
            Ok(1..) => return Ok(Outcome::Stored),
            Ok(0) => {}
        }
        if self.holds(connection, row)? {
            return Ok(Outcome::Duplicate);
        }
        match self.conflict {
            Conflict::Keep => Ok(Outcome::Duplicate),
            Conflict::Replace => {
                let replacement = self.replacement(connection, row)?;
                match self.change(connection, &self.replace, row)? {
                    Err(refusal) => Ok(refusal),
                    Ok(_) => {
                        replaced.extend(replacement);
                        Ok(Outcome::Stored)
                    }
                }
            }
            Conflict::Reject => {
                Ok(Outcome::Reject("another document is stored under the same id".to_owned()))
            }
        }
    }

    /// What is stored under this id now, and what shall be; `None` where it is no text.
    fn replacement(
        &self,
        connection: &Connection,
        row: &Row,
    ) -> rusqlite::Result<Option<Replacement>> {
        let mut statement = connection.prepare_cached(&self.numbered)?;
        let found = statement.query_row([row.id], |found| {
            let before = found.get_ref(1)?.as_str().ok().map(str::to_owned);
            Ok(before.map(|before| (found.get(0), before)))
        });
        let Some((number, before)) = found.optional()?.flatten() else { return Ok(None) };
        Ok(Some(Replacement { row: number?, before, after: row.document.to_owned() }))
    }

    /// Runs one statement. One that fails over this document has undone itself alone, unless the
    /// whole transaction is gone with it.
    fn change(
        &self,
        connection: &Connection,
        sql: &str,
        row: &Row,
    ) -> rusqlite::Result<Result<usize, Outcome>> {
        let mut statement = connection.prepare_cached(sql)?;
        match statement.execute(params![row.id, row.document, row.stored_at]) {
            Err(failure) if !connection.is_autocommit() => match refusal(&failure) {
                Some(why) => Ok(Err(Outcome::Reject(why))),
                None => Err(failure),
            },
            ran => ran.map(Ok),
        }
    }

    /// Whether what is stored under this id says the same.
    fn holds(&self, connection: &Connection, row: &Row) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(&self.read)?;
        let same = statement.query_row([row.id], |found| {
            Ok(match found.get_ref(0)? {
                ValueRef::Text(known) => {
                    std::str::from_utf8(known).is_ok_and(|known| same_json(known, row.document))
                }
                _ => false,
            })
        });
        Ok(same.optional()?.unwrap_or(false))
    }
}

/// What SQLite has against this document alone: its size, or a rule that somebody gave the table.
fn refusal(failure: &rusqlite::Error) -> Option<String> {
    let rusqlite::Error::SqliteFailure(error, said) = failure else { return None };
    let its_own = matches!(
        error.code,
        ErrorCode::ConstraintViolation
            | ErrorCode::TooBig
            | ErrorCode::TypeMismatch
            | ErrorCode::Unknown
    );
    // A trigger may put the document itself into its words; all others name tables and columns.
    let words = match said {
        Some(said) if error.code == ErrorCode::ConstraintViolation && !is_a_triggers(error) => said,
        _ => ffi::code_to_str(error.extended_code),
    };
    its_own
        .then(|| format!("the table refuses it: {words} (SQLite's code {})", error.extended_code))
}

fn is_a_triggers(error: &ffi::Error) -> bool {
    error.extended_code == ffi::SQLITE_CONSTRAINT_TRIGGER
}
