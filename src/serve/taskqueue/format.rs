//! In which form a response is asked for: whole or in part, indented or not.

use super::failure::Failure;
use super::partial::Mask;
use super::query::Query;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

/// What a response in JSON says it is.
const JSON: &str = "application/json; charset=UTF-8";

/// The form of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Which fields.
    pub mask: Mask,
    /// Whether it is indented; it is, unless a client does without.
    pub pretty: bool,
    /// Whether names of a list of choices are numbers.
    pub enum_numbers: bool,
}

impl Format {
    /// Reads it from the parameters that all of Google's APIs have: `alt`, `fields`, `prettyPrint`.
    pub fn read(query: &Query) -> Result<Self, Failure> {
        let enum_numbers = match query.any(&["alt", "$alt"])? {
            None | Some("json") => false,
            Some("json;enum-encoding=int") => true,
            Some(_) => return Err(Failure::invalid("The parameter alt is not json")),
        };
        let mask = query.any(&["fields", "$fields"])?.map(Mask::read);
        let unread = || Failure::invalid("The parameter fields selects no fields");
        let mask = mask.map_or(Ok(Mask::Whole), |mask| mask.ok_or_else(unread))?;
        let pretty = query.flag(&["prettyPrint", "$prettyPrint", "pp"])?.unwrap_or(true);
        Ok(Self { mask, pretty, enum_numbers })
    }

    /// A response of this form.
    pub fn render(&self, value: &impl Serialize) -> Response {
        if self.mask == Mask::Whole {
            return self.write(value);
        }
        let mut part = serde_json::to_value(value).expect("what we answer is JSON");
        self.mask.apply(&mut part);
        self.write(&part)
    }

    fn write(&self, value: &impl Serialize) -> Response {
        let write = if self.pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
        json(StatusCode::OK, write(value).expect("what we answer is JSON"))
    }
}

/// A response in JSON.
pub fn json(status: StatusCode, text: impl Into<axum::body::Body>) -> Response {
    (status, [(CONTENT_TYPE, JSON)], text.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(query: &str) -> Result<Format, Failure> {
        Format::read(&Query::read(query).unwrap())
    }

    #[test]
    fn the_form_is_read_from_the_parameters() {
        let usual = Format { mask: Mask::Whole, pretty: true, enum_numbers: false };
        assert_eq!(format("").unwrap(), usual);
        assert_eq!(format("alt=json&fields=&key=x&quotaUser=y").unwrap(), usual);
        assert!(!format("prettyPrint=false").unwrap().pretty);
        assert!(format("%24alt=json%3Benum-encoding%3Dint").unwrap().enum_numbers);
        assert!(format("$alt=json;enum-encoding=int").unwrap().enum_numbers);
        assert_eq!(format("fields=id").unwrap().mask, Mask::read("id").unwrap());
        for query in
            ["alt=proto", "$alt=media", "fields=a(", "prettyPrint=maybe", "alt=json&alt=json"]
        {
            assert!(format(query).is_err(), "{query}");
        }
    }

    #[tokio::test]
    async fn a_response_is_written_in_its_form() {
        let value = serde_json::json!({"a": 1, "b": 2});
        for (query, text) in [
            ("", "{\n  \"a\": 1,\n  \"b\": 2\n}"),
            ("prettyPrint=0", r#"{"a":1,"b":2}"#),
            ("prettyPrint=0&fields=b", r#"{"b":2}"#),
        ] {
            let response = format(query).unwrap().render(&value);
            assert_eq!(response.headers()[CONTENT_TYPE], JSON);
            let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
            assert_eq!(body, text, "{query}");
        }
    }
}
