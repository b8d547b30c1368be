//! A message as a BSON document: what becomes of JSON's values, purely.
//!
//! | JSON | BSON |
//! |---|---|
//! | a number under the key `val`, whole or not | double |
//! | any other whole number | 64-bit integer; beyond its range a double |
//! | any other number | double |
//! | an RFC 3339 string under a date key | date in milliseconds; finer ones also in `exact_dates` |
//! | anything else | itself |
//!
//! A number that would become another one by this is refused, with its field's name. A key's rule
//! holds at any depth, and for the elements of an array under it. So a field always has one type,
//! whatever its value happens to be: charts, indexes and TTLs need that.

mod value;

use super::date::{self, EXACT_DATES};
use crate::json::{self, Scanner, Token};
use mongodb::bson::raw::RawDocumentBuf;
use serde::de::DeserializeSeed as _;
use std::cell::RefCell;
use value::{Fields, name, shown};

/// The largest document that MongoDB stores, in bytes ("MongoDB Limits and Thresholds": BSON
/// document size).
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Numbers under this key are doubles: a sensor's 17 and 17.6 are of one kind.
const DOUBLE_KEY: &str = "val";

/// Strings under these keys are dates unless `?dates=` names others.
const DATE_KEYS: &[&str] = &["created_at", "updated_at", "request_at"];

/// Which keys hold dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    dates: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(DATE_KEYS.iter().copied())
    }
}

impl Rules {
    /// Rules by which strings under these keys, and no others, become dates.
    pub(super) fn new<'a>(dates: impl IntoIterator<Item = &'a str>) -> Self {
        Self { dates: dates.into_iter().map(str::to_owned).collect() }
    }

    /// Makes the document of a body, its `_id` first; the error says why it can be none, without
    /// its content.
    pub(super) fn document(&self, id: &str, body: &[u8]) -> Result<RawDocumentBuf, String> {
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("the body is not a JSON object".to_owned());
        }
        let text = json::utf8(body)
            .map_err(|fault| format!("the body is not JSON: invalid unicode: {fault}"))?;
        let reading =
            Reading { rules: self, leaves: Scanner::new(text).into(), exact: Vec::new().into() };
        let mut json = serde_json::Deserializer::from_str(text);
        let document = Fields { reading: &reading, id: Some(id), depth: 1 }
            .deserialize(&mut json)
            .and_then(|document| json.end().map(|()| document))
            .map_err(|cause| explain(text, &cause))?;
        let document = with_exact_dates(document, reading.exact.take())?;
        match document.as_bytes().len() {
            size if size > MAX_BYTES => Err(too_large(&document)),
            _ => Ok(document),
        }
    }

    fn role(&self, key: &str) -> Role {
        if key == DOUBLE_KEY {
            Role::Double
        } else if self.dates.iter().any(|date| date == key) {
            Role::Date
        } else {
            Role::Plain
        }
    }
}

/// `serde_json`'s own words on syntax name no content; on data they are ours.
fn explain(text: &str, cause: &serde_json::Error) -> String {
    let what = match cause.is_data() {
        true => "the body cannot be a document",
        false => "the body is not JSON",
    };
    match json::path_of(text, cause) {
        place if place.is_empty() => format!("{what}: {cause}"),
        place => format!("{what}: {cause}, in the field `{place}`"),
    }
}

fn with_exact_dates(
    mut document: RawDocumentBuf,
    exact: Vec<(String, String)>,
) -> Result<RawDocumentBuf, String> {
    if exact.is_empty() {
        return Ok(document);
    }
    if document.get(EXACT_DATES).is_ok_and(|found| found.is_some()) {
        return Err(format!(
            "the body cannot be a document: it has a field `{EXACT_DATES}` of its own, where dates \
             finer than milliseconds are kept"
        ));
    }
    document.append(name(EXACT_DATES)?, date::list(exact));
    Ok(document)
}

fn too_large(document: &RawDocumentBuf) -> String {
    let size = document.as_bytes().len();
    let mut fields: Vec<_> = document.iter_elements().flatten().collect();
    fields.sort_by_key(|field| std::cmp::Reverse(field.size()));
    let largest = fields.first().map_or("_id", |field| field.key().as_str());
    format!(
        "the document is too large: {size} bytes, and MongoDB takes {MAX_BYTES}; most of it is in \
         the field {}",
        shown(largest)
    )
}

/// One body that is being read.
struct Reading<'a> {
    rules: &'a Rules,
    /// Steps along with the parser, which does not tell how a number was written, nor where it is.
    leaves: RefCell<Scanner<'a>>,
    /// The dates that milliseconds cannot hold: path and time.
    exact: RefCell<Vec<(String, String)>>,
}

impl<'a> Reading<'a> {
    /// The string or number that the parser has just read.
    fn leaf(&self) -> Option<Token<'a>> {
        self.leaves.borrow_mut().next_leaf()
    }
}

/// What the key of a value says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Double,
    Date,
}

#[cfg(test)]
mod tests;
