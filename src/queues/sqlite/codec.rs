//! A row of an embedded queue as a message, as far as it can be read.
//!
//! What this program writes it can read. What another version wrote, or what a damaged page shows,
//! it may not: such a row stops nobody. Whoever receives buries it, whoever looks sees what is left
//! of it.

use crate::message::Message;
use crate::times;
use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Result, Row};
use std::collections::BTreeMap;

/// What a row says.
#[derive(Debug)]
pub struct Reading {
    /// The message, without what cannot be read of it.
    pub message: Message,
    /// How often it was delivered.
    pub attempts: u32,
    /// What cannot be read, in words, never a payload; `None`: the row is whole.
    pub fault: Option<String>,
}

impl Reading {
    /// Reads id, grp, tag, attributes, published_at, not_before, attempts and body, from the second
    /// column on.
    pub fn of(row: &Row<'_>) -> Result<Self> {
        let mut cells = Cells { row, faults: Vec::new() };
        let message = Message {
            id: cells.some("id", 1, text)?.unwrap_or_else(|| lossy(row.get_ref(1))),
            group: cells.any("group", 2, text)?,
            tag: cells.any("tag", 3, text)?,
            attributes: cells.any("attributes", 4, attributes)?.unwrap_or_default(),
            published_at: cells.some("`published_at`", 5, integer)?.and_then(times::from_millis),
            not_before: cells.any("`not_before`", 6, |cell| times::parse(&text(cell)?))?,
            body: cells.some("body", 8, bytes)?.unwrap_or_default(),
        };
        let attempts = cells.some("count of attempts", 7, |cell| integer(cell)?.try_into().ok())?;
        let fault =
            (!cells.faults.is_empty()).then(|| format!("its {}", cells.faults.join(", its ")));
        Ok(Self { message, attempts: attempts.unwrap_or_default(), fault })
    }
}

/// A row's cells, and which of them could not be read.
struct Cells<'r> {
    row: &'r Row<'r>,
    faults: Vec<&'static str>,
}

impl Cells<'_> {
    /// A cell that may be empty.
    fn any<T>(
        &mut self,
        name: &'static str,
        at: usize,
        read: impl Fn(ValueRef<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.row.get_ref(at)? {
            ValueRef::Null => Ok(None),
            _ => self.some(name, at, read),
        }
    }

    /// A cell that has something.
    fn some<T>(
        &mut self,
        name: &'static str,
        at: usize,
        read: impl Fn(ValueRef<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        let value = read(self.row.get_ref(at)?);
        if value.is_none() {
            self.faults.push(name);
        }
        Ok(value)
    }
}

fn text(cell: ValueRef<'_>) -> Option<String> {
    cell.as_str().ok().map(str::to_owned)
}

/// A whole number; `None` where it is none.
pub fn integer(cell: ValueRef<'_>) -> Option<i64> {
    cell.as_i64().ok()
}

fn attributes(cell: ValueRef<'_>) -> Option<BTreeMap<String, String>> {
    serde_json::from_str(cell.as_str().ok()?).ok()
}

/// Whether attributes can be read, where there are any.
pub fn has_attributes(cell: ValueRef<'_>) -> bool {
    cell == ValueRef::Null || attributes(cell).is_some()
}

/// The bytes of a cell; another version may have written text.
fn bytes(cell: ValueRef<'_>) -> Option<Bytes> {
    match cell {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Some(Bytes::copy_from_slice(bytes)),
        _ => None,
    }
}

/// What a cell says, for a person.
pub fn lossy(cell: Result<ValueRef<'_>>) -> String {
    match cell {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Real(number)) => number.to_string(),
        Ok(ValueRef::Null) | Err(_) => String::new(),
    }
}

/// A group's name as the file has it, though it may be none that can be read: what is behind a row
/// that is buried goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Text, as it should be.
    Text(Vec<u8>),
    /// Something else.
    Blob(Vec<u8>),
}

impl FromSql for Group {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            other => Self::Text(lossy(Ok(other)).into_bytes()),
        })
    }
}

impl ToSql for Group {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    const WHOLE: [&str; 9] = [
        "7",
        "'a'",
        "'g'",
        "'t'",
        "'{\"k\":\"v\"}'",
        "1000",
        "'2026-05-01T12:00:00Z'",
        "2",
        "x'00ff'",
    ];

    fn reading(cells: [&str; 9]) -> Reading {
        let connection = Connection::open_in_memory().unwrap();
        let sql = format!("SELECT {}", cells.join(", "));
        connection.query_row(&sql, [], Reading::of).unwrap()
    }

    #[test]
    fn a_whole_row_is_its_message() {
        let Reading { message, attempts, fault } = reading(WHOLE);
        assert_eq!((message.id.as_str(), &message.body[..], attempts), ("a", &[0, 255][..], 2));
        assert_eq!((message.group.as_deref(), message.tag.as_deref()), (Some("g"), Some("t")));
        assert_eq!((message.attributes["k"].as_str(), fault), ("v", None));
        let bare = reading(["7", "'a'", "NULL", "NULL", "NULL", "9e15", "NULL", "0", "'text'"]);
        assert_eq!(bare.fault.as_deref(), Some("its `published_at`"));
        let ahead =
            reading(["7", "'a'", "NULL", "NULL", "NULL", "9000000000000000", "NULL", "0", "''"]);
        assert_eq!((ahead.fault, ahead.message.published_at), (None, None), "the year 287,396");
    }

    #[test]
    fn each_cell_may_be_unreadable_and_the_others_are_read() {
        let cases: [(usize, &[&str], &str); 8] = [
            (1, &["NULL", "5", "x'61'", "CAST(x'ff' AS TEXT)"], "its id"),
            (2, &["5", "x'61'", "CAST(x'ff' AS TEXT)"], "its group"),
            (3, &["5.5", "x'61'", "CAST(x'ff' AS TEXT)"], "its tag"),
            (
                4,
                &["''", "'[]'", "'{\"k\":1}'", "'{\"k\":\"\\ud800\"}'", "1", "x'7b7d'"],
                "its attributes",
            ),
            (5, &["NULL", "'soon'", "x''"], "its `published_at`"),
            (
                6,
                &["'-0001-01-01T00:00:00Z'", "'+12000-01-01T00:00:00Z'", "''", "7"],
                "its `not_before`",
            ),
            (7, &["NULL", "-1", "4294967296", "'x'"], "its count of attempts"),
            (8, &["NULL", "7"], "its body"),
        ];
        for (at, values, expected) in cases {
            for value in values {
                let mut cells = WHOLE;
                cells[at] = value;
                let Reading { message, fault, .. } = reading(cells);
                assert_eq!(fault.as_deref(), Some(expected), "{value}");
                assert_eq!(message.tag.as_deref(), (at != 3).then_some("t"), "{value}");
                assert_eq!(message.body.is_empty(), at == 8, "{value}");
            }
        }
        let both = reading(["7", "x'ff61'", "NULL", "NULL", "NULL", "0", "''", "0", "x''"]);
        assert_eq!(both.fault.as_deref(), Some("its id, its `not_before`"));
        assert_eq!(both.message.id, "\u{fffd}a");
    }

    #[test]
    fn a_group_goes_back_as_it_came() {
        let connection = Connection::open_in_memory().unwrap();
        for sql in ["'g'", "x'67'", "CAST(x'ff' AS TEXT)"] {
            let group: Group =
                connection.query_row(&format!("SELECT {sql}"), [], |row| row.get(0)).unwrap();
            let same = format!("SELECT ?1 IS {sql}");
            assert!(
                connection.query_row(&same, [&group], |row| row.get::<_, bool>(0)).unwrap(),
                "{sql}"
            );
        }
    }
}
