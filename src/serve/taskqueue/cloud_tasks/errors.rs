//! Errors as Google's newer APIs have them: a code, a message, and a status in capitals.

use crate::serve::taskqueue::failure::{Failure, Reason};
use crate::serve::taskqueue::format;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

/// The response to a request that the server itself refuses.
pub fn refusal(status: StatusCode, message: &str) -> Response {
    response(&Failure::of_status(status, message))
}

/// The response to a call that is refused.
pub(super) fn response(failure: &Failure) -> Response {
    let (code, status) = code(failure.reason);
    let error =
        json!({"error": {"code": code.as_u16(), "message": failure.message, "status": status}});
    format::json(code, format!("{error:#}"))
}

/// The code of a reason, and its status.
fn code(reason: Reason) -> (StatusCode, &'static str) {
    match reason {
        Reason::Invalid | Reason::PayloadTooLarge => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        Reason::LeaseExpired | Reason::QueueMode => {
            (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION")
        }
        Reason::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        Reason::Forbidden => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Reason::Missing => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Reason::Method => (StatusCode::METHOD_NOT_ALLOWED, "UNIMPLEMENTED"),
        Reason::TooSlow => (StatusCode::REQUEST_TIMEOUT, "DEADLINE_EXCEEDED"),
        Reason::NameInUse | Reason::NameDeleted => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Reason::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT"),
        Reason::NoRoom => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        Reason::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Reason::Unsupported => (StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[tokio::test]
    async fn an_error_has_googles_shape() {
        let response = refusal(StatusCode::FORBIDDEN, "not from there");
        assert_eq!(response.status(), 403);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let (code, status) = (403, "PERMISSION_DENIED");
        let error = json!({"code": code, "message": "not from there", "status": status});
        assert_eq!(body, json!({ "error": error }));
    }
}
