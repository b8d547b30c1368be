//! A payload, whole, as a file.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::sites::within;
use super::FRAME;
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use std::sync::Arc;

/// The longest name of a file, without its ending.
const NAME: usize = 100;

/// The payload of the message that an address names by its id, and by where it stands.
pub(super) async fn download(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    match read(&pages, &Fields::of(&uri)).await {
        Ok(message) => file(&message.id, message.body),
        Err(error) => FRAME.failed(&pages, &error),
    }
}

async fn read(pages: &Pages, fields: &Fields) -> Result<Message> {
    let queue = pages.sites.named(fields).await?;
    let id = fields.get("id").unwrap_or_default();
    let at: Option<i64> = fields.get("at").and_then(|at| at.parse().ok());
    let inspector = queue.open().await?;
    let found = within(async {
        if let Some(by_id) = inspector.by_id() {
            return by_id.get(id).await;
        }
        let (Some(peek), Some(at)) = (inspector.peek(), at) else { return Ok(None) };
        let found = peek.peek(at.saturating_sub(1), 1).await?.into_iter().next();
        Ok(found.filter(|it| it.message.id == id))
    });
    found.await?.map(|peeked| peeked.message).ok_or_else(|| {
        Error::new(Kind::Usage, "the message is not where it was")
            .because_of("it was received, or moved, meanwhile")
            .hint("go back, and look for it anew")
            .of_missing()
    })
}

/// A file for whoever asked for it: no browser shows it as a page.
pub(in super::super) fn file(id: &str, body: Bytes) -> Response {
    let disposition = format!("attachment; filename=\"{}.{}\"", file_name(id), ending(&body));
    let kind = "application/octet-stream".to_owned();
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)], body).into_response()
}

/// What is left of an id in the name of a file on any system.
fn file_name(id: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_@".contains(c);
    let name: String = id.chars().map(|c| if harmless(c) { c } else { '_' }).take(NAME).collect();
    if name.is_empty() { "message".to_owned() } else { name }
}

fn ending(body: &[u8]) -> &'static str {
    match std::str::from_utf8(body) {
        Ok(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => "json",
        Ok(_) => "txt",
        Err(_) => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_harmless_name() {
        for (id, name) in [
            ("3f@2026-11-27T00:00:00Z", "3f@2026-11-27T00_00_00Z"),
            ("../../etc/passwd", "______etc_passwd"),
            ("a\"; x=\"\r\n", "a___x____"),
            ("寝室", "__"),
            ("", "message"),
        ] {
            assert_eq!(file_name(id), name, "{id:?}");
        }
        for (body, end) in
            [(&b"{\"a\":1}"[..], "json"), (b"a", "txt"), (b"\xff", "bin"), (b"", "txt")]
        {
            assert_eq!(ending(body), end);
        }
    }
}
