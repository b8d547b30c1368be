//! Answers as `workwebui` writes them: JSON of Go's making, indented by tabs.

use crate::error::Error;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// What every answer says it is.
const JSON: &str = "application/json; charset=utf-8";

/// An answer.
pub(super) fn answer(content: &impl Serialize) -> Response {
    respond(StatusCode::OK, text(content))
}

/// The answer where something was done.
pub(super) fn done() -> Response {
    answer(&serde_json::json!({"status": "ok"}))
}

/// The answer where something is wrong with a request, or nothing was there to be done.
pub(super) fn failed(why: &str) -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, why)
}

/// The answer where the jobs cannot be reached: the log tells why, and no client.
pub(super) fn unreachable(error: &Error) -> Response {
    tracing::warn!("the jobs cannot be reached: {}", error.one_line());
    failed("the jobs cannot be reached")
}

/// The response to a request that is refused.
pub fn refusal(status: StatusCode, reason: &str) -> Response {
    match status {
        StatusCode::NOT_FOUND => respond(status, "Not Found".to_owned()),
        _ => respond(status, format!("{{\"error\": {}}}", text(reason))),
    }
}

/// The answer where nothing is served.
pub(super) async fn unknown() -> Response {
    refusal(StatusCode::NOT_FOUND, "")
}

fn respond(status: StatusCode, text: String) -> Response {
    (status, [(CONTENT_TYPE, JSON)], text).into_response()
}

/// JSON as Go indents and escapes it. What is escaped here stands in JSON in the middle of texts only.
fn text(content: &(impl Serialize + ?Sized)) -> String {
    let mut text = Vec::new();
    let mut writer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
    content.serialize(&mut writer).expect("what we answer is JSON");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    let escapes = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    escapes.into_iter().fold(text, |text, (char, escape)| text.replace(char, escape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_indented_and_escaped_as_go_does_it() {
        let content = json!({"a": [], "b": {}, "c": [1, {"d": "<\u{2028}\"&/é"}], "e": null});
        assert_eq!(
            text(&content),
            "{\n\t\"a\": [],\n\t\"b\": {},\n\t\"c\": [\n\t\t1,\n\t\t{\n\t\t\t\"d\": \
             \"\\u003c\\u2028\\\"\\u0026/é\"\n\t\t}\n\t],\n\t\"e\": null\n}"
        );
    }
}
