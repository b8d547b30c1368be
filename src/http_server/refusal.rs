//! The server's own errors, which go out as the protocol wants them that is served there.

use axum::http::header::{ACCEPT_ENCODING, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// Writes an error as a protocol has them, from the status and the reason for a person.
pub type ErrorFormat = fn(StatusCode, &str) -> Response;

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status that says so.
    pub status: StatusCode,
    /// The reason for a person; no payload and no secret is in it.
    pub reason: String,
    /// Part of the request was not read: nothing else can come over its connection.
    pub(super) unread: bool,
}

impl Refusal {
    /// A refusal of a request.
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), unread: false }
    }

    /// The answer, with the headers that its status calls for.
    pub(super) fn answer(&self, format: ErrorFormat) -> Response {
        let mut response = format(self.status, &self.reason);
        let mut add = |name: HeaderName, value: &'static str| {
            response.headers_mut().insert(name, value.parse().expect("a header"));
        };
        match self.status {
            StatusCode::UNAUTHORIZED => add(WWW_AUTHENTICATE, "Bearer realm=\"kakehi\""),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => add(ACCEPT_ENCODING, "gzip"),
            StatusCode::SERVICE_UNAVAILABLE => add(RETRY_AFTER, "1"),
            _ => {}
        }
        if self.unread {
            add(CONNECTION, "close");
        }
        response
    }
}

/// Writes an error as plain text.
pub fn plain(status: StatusCode, reason: &str) -> Response {
    (status, format!("{reason}\n")).into_response()
}
