//! The rows of a collection, in the order in which they were stored.

use crate::readings::shape::millis;
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::borrow::Cow;

/// A table of so few rows is read whole: there nothing is to be gained by looking for a beginning.
pub(super) const FEW: i64 = 20_000;
/// All rows: behind a number, up to another one.
pub(super) const ALL: (i64, i64) = (i64::MIN, i64::MAX);

/// A row, as it stands in the table.
pub(super) struct Row<'r>(&'r rusqlite::Row<'r>);

impl Row<'_> {
    /// What orders the rows; the first is 1, usually.
    pub(super) fn number(&self) -> rusqlite::Result<i64> {
        self.0.get(0)
    }

    pub(super) fn id(&self) -> rusqlite::Result<Cow<'_, str>> {
        self.0.get_ref(1).map(text)
    }

    pub(super) fn document(&self) -> rusqlite::Result<Cow<'_, str>> {
        self.0.get_ref(2).map(text)
    }

    /// The bytes of the document, for [`text_of`].
    pub(super) fn document_bytes(&self) -> rusqlite::Result<Cow<'_, [u8]>> {
        Ok(match self.0.get_ref(2)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
            other => Cow::Owned(text(other).into_owned().into_bytes()),
        })
    }

    /// When it was stored, in milliseconds since 1970; `None` where the column tells no time.
    pub(super) fn stored_at(&self) -> Option<i64> {
        millis(self.stored_text()?)
    }

    /// When it was stored, as it stands there.
    pub(super) fn stored_text(&self) -> Option<&str> {
        self.0.get_ref(3).ok()?.as_str().ok()
    }
}

/// What others have put there need not be text.
fn text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text_of(bytes),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        ValueRef::Real(number) => Cow::Owned(number.to_string()),
        ValueRef::Null => Cow::Borrowed(""),
    }
}

/// Bytes as text. What is UTF-8, as nearly all is, is only looked over.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Shows the rows behind a number, up to another one, one after the other, until one is answered with
/// `false`.
pub(super) fn each(
    connection: &Connection,
    collection: &str,
    (behind, last): (i64, i64),
    mut show: impl FnMut(&Row) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT rowid, id, document, stored_at FROM \"{collection}\" \
         WHERE rowid > ?1 AND rowid <= ?2 ORDER BY rowid"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([behind, last])?;
    while let Some(row) = rows.next()? {
        if !show(&Row(row))? {
            break;
        }
    }
    Ok(())
}

/// The numbers of the first and the last row; `None` where there is none.
pub(super) fn ends(
    connection: &Connection,
    collection: &str,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let end = |which| {
        let sql = format!("SELECT {which}(rowid) FROM \"{collection}\"");
        connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0))
    };
    Ok(end("min")?.zip(end("max")?))
}

/// The key of a row; `None` where there is no such row.
pub(super) fn key(
    connection: &Connection,
    collection: &str,
    row: i64,
) -> rusqlite::Result<Option<String>> {
    let sql = format!("SELECT id FROM \"{collection}\" WHERE rowid = ?1");
    connection
        .query_row(&sql, [row], |row| row.get_ref(0).map(|id| text(id).into_owned()))
        .optional()
}

/// The number behind which all rows are that were stored since a time. What was replaced later stands
/// where it stood: of a large table such rows may be left out.
///
/// Rows are stored in the order of time, so that the first of them is found by halving.
pub(super) fn behind(
    connection: &Connection,
    collection: &str,
    since: DateTime<Utc>,
) -> rusqlite::Result<i64> {
    let Some((first, last)) = ends(connection, collection)? else { return Ok(0) };
    let (mut below, mut above) = (first.saturating_sub(1), last);
    if last.saturating_sub(first) < FEW {
        return Ok(below);
    }
    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
    let probe = format!(
        "SELECT rowid, stored_at >= ?3 FROM \"{collection}\" WHERE rowid > ?1 AND rowid <= ?2 \
         ORDER BY rowid LIMIT 1"
    );
    let mut probe = connection.prepare(&probe)?;
    // No row up to `below` was stored since then; those behind `above` were, as far as there are any.
    while below < above {
        let middle = below + (above - below) / 2;
        let found = probe
            .query_row(params![middle, above, since], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match found {
            Some((number, false)) => below = number,
            _ => above = middle,
        }
    }
    Ok(below)
}

/// Whether there is a table of this name.
pub(super) fn is_there(connection: &Connection, collection: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 \
               COLLATE NOCASE";
    connection.query_row(sql, [collection], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

/// The names of the collections, sorted.
pub(super) fn collections(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
               ESCAPE '\\' ORDER BY name LIMIT 20";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}
