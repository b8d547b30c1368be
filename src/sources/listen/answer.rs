//! What a client hears: `{"success", "message", "data": {"ids"}}`.

use crate::sources::Fate;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

/// After how many seconds a client may ask again where nothing was taken.
const AGAIN: HeaderValue = HeaderValue::from_static("5");

#[derive(Serialize)]
struct Body<'a> {
    success: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Ids<'a>>,
}

#[derive(Serialize)]
struct Ids<'a> {
    ids: Vec<&'a str>,
}

/// The answer to a request that is refused, or that nobody could take.
pub(super) fn refusal(status: StatusCode, reason: &str) -> Response {
    respond(status, Body { success: false, message: reason, data: None })
}

/// The answer that follows from what became of the messages of a request, by their ids. Where some
/// were taken and others were not, the ids tell which.
pub(super) fn of(ids: &[String], fates: &[Fate]) -> Response {
    let (status, message) = judge(ids.len(), fates);
    let taken = ids.iter().zip(fates).filter(|(_, fate)| is_safe(fate));
    let data = Ids { ids: taken.map(|(id, _)| id.as_str()).collect() };
    let success = status.is_success();
    let data = Some(data).filter(|data| success || !data.ids.is_empty());
    respond(status, Body { success, message: &message, data })
}

fn is_safe(fate: &Fate) -> bool {
    matches!(fate, Fate::Queued | Fate::Spooled)
}

fn judge(count: usize, fates: &[Fate]) -> (StatusCode, String) {
    let many = |word: &str| match count {
        1 => format!("the message {word}"),
        _ => format!("{count} messages: {word}"),
    };
    if fates.len() < count || fates.contains(&Fate::Nowhere) {
        let what = "nothing could take it now: send it again";
        return (StatusCode::SERVICE_UNAVAILABLE, many(what));
    }
    let refused = fates.iter().find_map(|fate| match fate {
        Fate::Refused(why) => Some(why),
        _ => None,
    });
    match refused {
        Some(why) => (StatusCode::BAD_REQUEST, many(&format!("was refused: {why}"))),
        None if fates.contains(&Fate::Spooled) => {
            (StatusCode::ACCEPTED, many("is kept, and will be in the queue"))
        }
        None => (StatusCode::CREATED, many("is in the queue")),
    }
}

fn respond(status: StatusCode, body: Body<'_>) -> Response {
    let json = serde_json::to_string(&body).expect("strings are JSON") + "\n";
    let mut response = (status, [(CONTENT_TYPE, "application/json")], json).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, AGAIN);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use Fate::{Nowhere, Queued, Refused, Spooled};

    async fn told(fates: &[Fate]) -> (u16, String) {
        let ids = ["a".to_owned(), "b".to_owned()];
        let response = of(&ids, fates);
        let status = response.status().as_u16();
        let again = response.headers().contains_key(RETRY_AFTER);
        assert_eq!(again, status == 503);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_worst_of_what_became_of_the_messages_is_told_with_the_ids_of_the_rest() {
        for (fates, status, end) in [
            (&[Queued, Queued][..], 201, r#"is in the queue","data":{"ids":["a","b"]}}"#),
            (&[Queued, Spooled], 202, r#"in the queue","data":{"ids":["a","b"]}}"#),
            (&[Spooled, Refused("why".into())], 400, r#"refused: why","data":{"ids":["a"]}}"#),
            (&[Nowhere, Queued], 503, r#"send it again","data":{"ids":["b"]}}"#),
            (&[Nowhere, Nowhere], 503, r#"send it again"}"#),
            (&[], 503, r#"send it again"}"#),
        ] {
            let (told, body) = told(fates).await;
            assert_eq!(told, status, "{body}");
            assert!(body.trim_end().ends_with(end), "{body}");
            assert_eq!(body.starts_with(r#"{"success":true,"#), told < 300, "{body}");
        }
    }
}
