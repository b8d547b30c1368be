//! The key of a request, and the ids that its messages have by it.

use crate::http_server::Refusal;
use axum::http::{HeaderMap, StatusCode};

/// The longest `Idempotency-Key`, in bytes: it becomes an id, and queues bound that.
const MAX_KEY: usize = 200;

/// The id of one of the messages of a request that has a key.
pub(super) fn id_of(key: &str, at: usize, count: usize) -> String {
    if count == 1 { key.to_owned() } else { format!("{key}/{}", at + 1) }
}

/// The key by which a client says that two requests are the same one. Quotes around it, as the
/// draft of the header has them, are no part of it.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let refused = |why: &str| {
        Err(Refusal::new(StatusCode::BAD_REQUEST, format!("the `Idempotency-Key` {why}")))
    };
    let mut all = headers.get_all("idempotency-key").iter();
    let (Some(key), more) = (all.next(), all.next()) else { return Ok(None) };
    if more.is_some() {
        return refused("stands twice");
    }
    let Ok(key) = key.to_str() else { return refused("is not ASCII") };
    let key = key.trim();
    let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    match bare {
        "" => refused("is empty"),
        _ if bare.len() > MAX_KEY => refused("is longer than 200 bytes"),
        _ if bare.chars().any(char::is_control) => refused("holds control characters"),
        _ => Ok(Some(bare.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[&str]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", value.parse().unwrap());
        }
        idempotency_key(&headers).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_key_is_one_short_word_or_none() {
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&["a-1"]), Ok(Some("a-1".to_owned())));
        assert_eq!(key(&["\"a 1\""]), Ok(Some("a 1".to_owned())));
        for wrong in [&[""][..], &["\"\""], &["a", "a"], &["é"], &[&"x".repeat(201)]] {
            assert!(key(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn several_messages_of_one_key_are_numbered() {
        assert_eq!(id_of("k", 0, 1), "k");
        assert_eq!([id_of("k", 0, 2), id_of("k", 1, 2)], ["k/1", "k/2"]);
    }
}
