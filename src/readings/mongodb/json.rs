//! A stored document as the JSON that it was made of, purely.

use chrono::{DateTime, SecondsFormat};
use mongodb::bson::raw::{RawBsonRef, RawDocument};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// Where the sink keeps the dates that milliseconds cannot hold.
const EXACT_DATES: &str = "exact_dates";

/// The key and the JSON of a document. Dates are RFC 3339 in UTC, those finer than milliseconds with all
/// their digits; what JSON has no form for is MongoDB's extended JSON.
pub(super) fn of(document: &RawDocument) -> (String, Value) {
    let exact = exact_dates(document);
    let mut left = exact.len();
    let mut fields = Map::new();
    let mut id = String::new();
    for (name, value) in document.iter_elements().flatten().filter_map(element) {
        match name.as_str() {
            "_id" => id = key(value),
            name => {
                let value = json(value, name.to_owned(), &exact, &mut left);
                fields.insert(name.to_owned(), value);
            }
        }
    }
    // What could not be put back where it belongs stays where it is.
    if !exact.is_empty() && left == 0 {
        fields.remove(EXACT_DATES);
    }
    (id, Value::Object(fields))
}

type Element<'a> = mongodb::bson::raw::RawElement<'a>;

fn element<'a>(element: Element<'a>) -> Option<(String, RawBsonRef<'a>)> {
    let name = element.key().as_str().to_owned();
    RawBsonRef::try_from(element).ok().map(|value| (name, value))
}

/// A key as a message's id: a text as it is, an ObjectId by its digits.
fn key(value: RawBsonRef<'_>) -> String {
    match value {
        RawBsonRef::String(text) => text.to_owned(),
        RawBsonRef::ObjectId(id) => id.to_hex(),
        other => json(other, String::new(), &HashMap::new(), &mut 0).to_string(),
    }
}

/// The exact dates of a document by their paths.
fn exact_dates(document: &RawDocument) -> HashMap<String, String> {
    let Ok(list) = document.get_array(EXACT_DATES) else { return HashMap::new() };
    let date = |date: RawBsonRef<'_>| {
        let date = date.as_document()?;
        let (field, at) = (date.get_str("field").ok()?, date.get_str("at").ok()?);
        Some((field.to_owned(), at.to_owned()))
    };
    list.into_iter().flatten().filter_map(date).collect()
}

fn json(
    value: RawBsonRef<'_>,
    path: String,
    exact: &HashMap<String, String>,
    left: &mut usize,
) -> Value {
    match value {
        RawBsonRef::String(text) => Value::String(text.to_owned()),
        RawBsonRef::Boolean(flag) => Value::Bool(flag),
        RawBsonRef::Null => Value::Null,
        RawBsonRef::Int32(number) => Value::from(number),
        RawBsonRef::Int64(number) => Value::from(number),
        RawBsonRef::Double(number) if number.is_finite() => {
            Number::from_f64(number).map_or(Value::Null, Value::Number)
        }
        RawBsonRef::DateTime(at) => date(at, &path, exact, left),
        RawBsonRef::Document(fields) => {
            let fields = fields.iter_elements().flatten().filter_map(element);
            let field = |(name, value): (String, RawBsonRef<'_>)| {
                let value = json(value, format!("{path}.{name}"), exact, left);
                (name, value)
            };
            Value::Object(fields.map(field).collect())
        }
        RawBsonRef::Array(list) => {
            let element = |(at, value): (usize, RawBsonRef<'_>)| {
                json(value, format!("{path}[{at}]"), exact, left)
            };
            Value::Array(list.into_iter().flatten().enumerate().map(element).collect())
        }
        other => extended(other),
    }
}

fn date(
    at: mongodb::bson::DateTime,
    path: &str,
    exact: &HashMap<String, String>,
    left: &mut usize,
) -> Value {
    if let Some(exact) = exact.get(path) {
        *left -= 1;
        return Value::String(exact.clone());
    }
    match DateTime::from_timestamp_millis(at.timestamp_millis()) {
        Some(at) => Value::String(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        None => extended(RawBsonRef::DateTime(at)),
    }
}

/// MongoDB's extended JSON of a value.
fn extended(value: RawBsonRef<'_>) -> Value {
    match value {
        RawBsonRef::Double(number) => {
            let text = match number {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            };
            serde_json::json!({ "$numberDouble": text })
        }
        other => serde_json::to_value(other).unwrap_or(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Decimal128, doc, oid::ObjectId, raw::RawDocumentBuf};
    use serde_json::json;

    fn told(document: mongodb::bson::Document) -> (String, Value) {
        of(&RawDocumentBuf::try_from(&document).unwrap())
    }

    fn at(millis: i64) -> mongodb::bson::DateTime {
        mongodb::bson::DateTime::from_millis(millis)
    }

    #[test]
    fn a_document_comes_back_as_it_was_published() {
        let (id, json) = told(doc! {
            "_id": "d@x", "name": "<b>", "val": 17.5, "whole": 1_i64 << 53, "none": null,
            "at": at(1500), "list": [true, { "at": at(1000) }],
            "exact_dates": [{ "field": "list[1].at", "at": "1970-01-01T00:00:01.0001Z" }],
        });
        assert_eq!(id, "d@x");
        let expected = json!({
            "name": "<b>", "val": 17.5, "whole": 9_007_199_254_740_992_i64, "none": null,
            "at": "1970-01-01T00:00:01.500Z",
            "list": [true, {"at": "1970-01-01T00:00:01.0001Z"}],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_json_lacks_is_kept_in_extended_json() {
        let id = ObjectId::from_bytes([7; 12]);
        let exact = doc! { "field": "gone", "at": "x" };
        let (key, json) = told(doc! {
            "_id": id, "nan": f64::NAN, "exact_dates": [exact],
            "decimal": "1.5".parse::<Decimal128>().unwrap(), "far": at(i64::MAX),
        });
        assert_eq!(key, "070707070707070707070707");
        assert_eq!(json["nan"], json!({"$numberDouble": "NaN"}));
        assert_eq!(json["decimal"], json!({"$numberDecimal": "1.5"}));
        assert!(json["far"]["$date"].is_object() && json["exact_dates"].is_array());
        assert_eq!(told(doc! { "_id": 7 }).0, "7");
    }
}
