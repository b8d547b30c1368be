//! Cells, rows and columns: what a statement gives, as JSON.

use crate::error::{Error, Kind, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

/// One value of a row, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell(Box<str>);

impl Cell {
    /// What NULL becomes.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// A string.
    pub fn text(text: &str) -> Self {
        // Most texts have nothing to escape: then there is nothing to shrink.
        let mut json = Vec::with_capacity(text.len() + 2);
        let written = serde_json::to_writer(&mut json, text);
        debug_assert!(written.is_ok(), "a string always has a JSON form");
        Self(String::from_utf8(json).unwrap_or_default().into())
    }

    /// A whole number with all its digits.
    pub fn whole(number: impl Display) -> Self {
        Self(number.to_string().into())
    }

    /// A floating point number; one that JSON does not have is a string, as `"NaN"`.
    pub fn float(number: f64) -> Self {
        match serde_json::Number::from_f64(number) {
            Some(number) => Self::whole(number),
            None if number.is_nan() => Self::text("NaN"),
            None if number > 0.0 => Self::text("Infinity"),
            None => Self::text("-Infinity"),
        }
    }

    /// Bytes, in base64.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::text(&STANDARD.encode(bytes))
    }

    /// JSON text as it is, without the white space around it; `None` where it is none.
    pub fn json(text: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|json| Self(json.get().into()))
    }

    /// JSON text that is known to be JSON.
    pub(super) fn known_json(text: &str) -> Self {
        Self(text.into())
    }

    /// The JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// The value as plain text: a string without its quotes, anything else as its JSON.
    pub fn plain(&self) -> Cow<'_, str> {
        match self.0.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) if !text.contains('\\') => Cow::Borrowed(text),
            Some(_) => Cow::Owned(serde_json::from_str(&self.0).unwrap_or_default()),
            None => Cow::Borrowed(&self.0),
        }
    }
}

/// The cells of one row, in the order of the columns.
pub type Row = Vec<Cell>;

/// The names of the columns that a statement gives, each of them once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Arc<[Column]>);

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: Box<str>,
    /// The name as the key of an object, its colon behind it.
    key: Box<str>,
}

impl Column {
    fn new(name: Box<str>) -> Self {
        let key = format!("{}:", Cell::text(&name).as_json()).into();
        Self { name, key }
    }
}

impl Columns {
    /// Takes the names in their order.
    ///
    /// # Errors
    /// `Configuration` where there are none, or two of one name: an object has each key once.
    pub fn new<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        let columns: Arc<[_]> = names.into_iter().map(|name| Column::new(name.into())).collect();
        let refused = |what: String| Error::new(Kind::Configuration, what);
        let twice = columns.iter().enumerate().find(|(at, it)| columns[..*at].contains(it));
        match twice {
            Some((_, Column { name, .. })) => {
                Err(refused(format!("the query gives two columns `{name}`"))
                    .hint(format!("give one of them another name: `select x as other_{name}`")))
            }
            None if columns.is_empty() => Err(refused("the query gives no rows".to_owned())
                .hint("write one statement that does, as a `select`")),
            None => Ok(Self(columns)),
        }
    }

    /// The names in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| &*column.name)
    }

    /// Where the column of this name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|known| known == name)
    }

    /// A row as the text of a JSON object, its keys in the order of the columns.
    pub fn object(&self, row: &Row) -> String {
        let parts = || self.0.iter().map(|column| &*column.key).zip(row);
        let size: usize = parts().map(|(key, cell)| key.len() + cell.as_json().len() + 1).sum();
        let mut text = String::with_capacity(size + 1);
        text.push('{');
        for (key, cell) in parts() {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(key);
            text.push_str(cell.as_json());
        }
        text.push('}');
        text
    }
}

/// Some rows, in their order.
#[derive(Debug, Clone)]
pub struct RowBatch {
    /// The columns of all of them.
    pub columns: Columns,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The error for a value that its column's type does not let us expect; the value is not shown.
pub(super) fn unreadable(column: &str, why: &str) -> Error {
    Error::new(Kind::Configuration, format!("the column `{column}` holds {why}"))
        .hint(format!("convert it in the query, or leave it out: `select ... as {column}`"))
}

/// The error for a column whose type has no form in JSON.
pub(super) fn unknown_type(column: &str, kind: &str) -> Error {
    let what = format!("the column `{column}` has a type without a form in JSON: `{kind}`");
    Error::new(Kind::Configuration, what)
        .hint(format!("convert it in the query, for instance to text: `select ... as {column}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_an_object() {
        let columns = Columns::new(["id", "na\"me", "x", "b", "j", "f"]).unwrap();
        let row = vec![
            Cell::whole(u64::MAX),
            Cell::text("山\n\"田\""),
            Cell::null(),
            Cell::bytes(&[0, 255]),
            Cell::json(" {\"a\": 1.10} ").unwrap(),
            Cell::float(0.1),
        ];
        assert_eq!(
            columns.object(&row),
            r#"{"id":18446744073709551615,"na\"me":"山\n\"田\"","x":null,"b":"AP8=","j":{"a": 1.10},"f":0.1}"#
        );
    }

    #[test]
    fn a_cell_has_a_plain_form() {
        assert_eq!(Cell::text("a\"b").plain(), "a\"b");
        assert_eq!(Cell::whole(-5).plain(), "-5");
        assert!(Cell::null().is_null() && !Cell::text("null").is_null());
        assert_eq!(Cell::float(f64::NAN).as_json(), "\"NaN\"");
        assert_eq!(Cell::float(f64::NEG_INFINITY).as_json(), "\"-Infinity\"");
        assert_eq!(Cell::json("{"), None);
    }

    #[test]
    fn columns_that_make_no_object_are_refused() {
        let twice = Columns::new(["a", "b", "a"]).unwrap_err();
        assert!(twice.to_string().contains("two columns `a`"), "{twice}");
        assert_eq!(twice.kind(), Kind::Configuration);
        let none = Columns::new(Vec::<String>::new()).unwrap_err();
        assert!(none.to_string().contains("no rows"), "{none}");
        assert_eq!(Columns::new(["a", "A"]).unwrap().position("A"), Some(1));
    }
}
