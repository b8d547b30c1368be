//! A body of JSON: one value, or lines of it.

use super::SOURCE;
use crate::http_server::Refusal;
use crate::json;
use crate::message::Message;
use crate::sources::fields::Parser;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};

/// Media types of lines of JSON, which no registry has.
const LINES: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
];

/// The messages of a body, at most so many. One that is none refuses them all, before any is
/// published.
pub(super) fn messages(
    headers: &HeaderMap,
    body: &[u8],
    parser: &Parser,
    most: usize,
) -> Result<Vec<Message>, Refusal> {
    let messages = match is_lines(headers)? {
        false => vec![message(body, parser).map_err(|why| refused(&why))?],
        true => lines(body, parser, most)?,
    };
    match messages.is_empty() {
        true => Err(refused("it holds no line")),
        false => Ok(messages),
    }
}

fn lines(body: &[u8], parser: &Parser, most: usize) -> Result<Vec<Message>, Refusal> {
    let mut messages = Vec::new();
    for (at, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if messages.len() == most {
            let reason = format!("the body has more than {most} lines");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason));
        }
        let message = message(line, parser);
        messages.push(message.map_err(|why| refused(&format!("in line {} {why}", at + 1)))?);
    }
    Ok(messages)
}

fn message(piece: &[u8], parser: &Parser) -> Result<Message, String> {
    let json = json::validate(piece, json::SHOWN_DEPTH).map_err(|fault| fault.to_string())?;
    let mut message = parser.parse(json.get().as_bytes())?;
    message.attributes.entry("source".to_owned()).or_insert_with(|| SOURCE.to_owned());
    Ok(message)
}

fn refused(why: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("the body cannot be taken: {why}"))
}

/// Whether the body says that it is lines of JSON; without a word it is one value.
///
/// # Errors
/// 415 for any other type, among them those of forms: a page of somebody else can send these.
fn is_lines(headers: &HeaderMap) -> Result<bool, Refusal> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(false) };
    let given = given.to_str().unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = matches!(&*kind, "application/json" | "text/json") || kind.ends_with("+json");
    if is_json || LINES.contains(&&*kind) {
        return Ok(!is_json);
    }
    let reason =
        "send `Content-Type: application/json`, or lines of JSON as `application/x-ndjson`";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::message::IdForm;
    use crate::sources::fields::{Form, Names};

    fn taken(kind: &str, body: &str) -> Result<Vec<String>, (u16, String)> {
        let headers =
            HeaderMap::from_iter((!kind.is_empty()).then(|| (CONTENT_TYPE, kind.parse().unwrap())));
        let parser = Parser::new(Form::Body(Names::default()), IdForm::Uuid, Clock::system());
        let messages = messages(&headers, body.as_bytes(), &parser, 3);
        let text = |message: &Message| String::from_utf8(message.body.to_vec()).unwrap();
        messages
            .map(|all| all.iter().map(text).collect())
            .map_err(|refusal| (refusal.status.as_u16(), refusal.reason))
    }

    #[test]
    fn one_value_or_lines_as_the_type_says() {
        for kind in ["", "application/json", "Application/JSON; charset=utf-8", "a/b+json"] {
            assert_eq!(taken(kind, " {\n \"a\": 1.0}\n").unwrap(), ["{\n \"a\": 1.0}"], "{kind}");
            assert_eq!(taken(kind, "1\n2").unwrap_err().0, 400, "{kind}");
        }
        for kind in LINES {
            assert_eq!(taken(kind, "{}\r\n\n[1]\n2").unwrap(), ["{}", "[1]", "2"], "{kind}");
        }
    }

    #[test]
    fn what_cannot_be_taken_is_told_as_a_whole() {
        let lines = "application/x-ndjson";
        for (kind, body, status, told) in [
            ("application/json", "", 400, "the body cannot be taken: it is not JSON"),
            ("", "{\"a\":1e999}", 400, "the field `a` holds a number beyond every double"),
            (lines, "1\n\nhunter2", 400, "in line 3 it is not JSON (line 1, column 1)"),
            (lines, "\n \n", 400, "it holds no line"),
            (lines, "1\n2\n3\n4", 413, "the body has more than 3 lines"),
            ("application/x-www-form-urlencoded", "{}", 415, "application/x-ndjson"),
            ("text/plain", "{}", 415, "application/json"),
            ("multipart/form-data; boundary=x", "{}", 415, "application/json"),
        ] {
            let (code, reason) = taken(kind, body).unwrap_err();
            assert_eq!(code, status, "{reason}");
            assert!(reason.contains(told) && !reason.contains("hunter2"), "{reason}");
        }
    }
}
