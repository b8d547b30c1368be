//! Errors as Google's older APIs have them: a code, a message, and a reason in one word.

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
    let (status, reason) = code(failure.reason);
    let Failure { message, .. } = failure;
    let error = json!({"error": {
        "code": status.as_u16(),
        "message": message,
        "errors": [{"domain": "global", "reason": reason, "message": message}],
    }});
    format::json(status, format!("{error:#}"))
}

/// The status of a reason, and its word.
fn code(reason: Reason) -> (StatusCode, &'static str) {
    match reason {
        Reason::Invalid | Reason::LeaseExpired | Reason::QueueMode => {
            (StatusCode::BAD_REQUEST, "invalid")
        }
        Reason::Unauthenticated => (StatusCode::UNAUTHORIZED, "authError"),
        Reason::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Reason::Missing => (StatusCode::NOT_FOUND, "notFound"),
        Reason::Method => (StatusCode::METHOD_NOT_ALLOWED, "httpMethodNotAllowed"),
        Reason::TooSlow => (StatusCode::REQUEST_TIMEOUT, "requestTimeout"),
        Reason::NameInUse | Reason::NameDeleted => (StatusCode::CONFLICT, "duplicate"),
        Reason::PayloadTooLarge | Reason::BodyTooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "uploadTooLarge")
        }
        Reason::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "quotaExceeded"),
        Reason::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "backendError"),
        Reason::Unsupported => (StatusCode::NOT_IMPLEMENTED, "notImplemented"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[tokio::test]
    async fn an_error_has_googles_shape() {
        let response = refusal(StatusCode::UNAUTHORIZED, "no token");
        assert_eq!(response.status(), 401);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let errors = json!([{"domain": "global", "reason": "authError", "message": "no token"}]);
        let error = json!({"code": 401, "message": "no token", "errors": errors});
        assert_eq!(body, json!({ "error": error }));
    }
}
