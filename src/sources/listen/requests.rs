//! A request, from its head to its answer.

use super::options::ListenOptions;
use super::upload::Uploads;
use super::{Letter, answer, json_body};
use crate::error::Result;
use crate::http_server::{Guard, Refusal};
use crate::message::Message;
use crate::sources::fields::Parser;
use crate::sources::{Fate, Options};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};

/// The longest `Idempotency-Key`, in bytes: it becomes an id, and queues bound that.
const MAX_KEY: usize = 200;

/// What requests become.
pub(super) struct Requests {
    path: String,
    parser: Mutex<Parser>,
    /// At most this many lines in one request.
    most: usize,
    uploads: Option<Uploads>,
    inbox: mpsc::Sender<Letter>,
    dry_run: bool,
}

/// The router of all requests, behind the guard.
pub(super) fn router(requests: Arc<Requests>, guard: &Guard) -> Router {
    guard.protect(Router::new().fallback(handle).with_state(requests), answer::refusal)
}

async fn handle(State(requests): State<Arc<Requests>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // The guard has read it, within its limits.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    match requests.take(&head, body).await {
        Ok(response) => response,
        Err(refusal) => {
            let mut response = answer::refusal(refusal.status, &refusal.reason);
            if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            response
        }
    }
}

impl Requests {
    /// Opens the store, where files are taken.
    pub(super) async fn new(
        parsed: ListenOptions,
        options: &Options,
        inbox: mpsc::Sender<Letter>,
    ) -> Result<Self> {
        let ListenOptions { path, form, upload, max_size, .. } = parsed;
        let uploads = match upload {
            Some(upload) => Some(Uploads::open(upload, max_size, &options.environment).await?),
            None => None,
        };
        let (parser, most) = (Mutex::new(form.parser(options)), options.limits().count);
        Ok(Self { path, parser, most, uploads, inbox, dry_run: options.dry_run })
    }

    async fn take(&self, head: &Parts, body: Bytes) -> Result<Response, Refusal> {
        if head.uri.path() != self.path {
            let reason = format!("nothing is served at `{}`", head.uri.path());
            return Err(Refusal::new(StatusCode::NOT_FOUND, reason));
        }
        if head.method != Method::POST {
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "send it by POST"));
        }
        let key = idempotency_key(&head.headers)?;
        let messages = match &self.uploads {
            None => self.messages(&head.headers, &body, key)?,
            Some(uploads) => {
                let parts = uploads.parts(&head.headers, body).await?;
                if self.dry_run {
                    return Err(not_kept());
                }
                let id = || self.parser.lock().expect("no holder panics").fresh_id();
                uploads.put(parts, key, id).await?
            }
        };
        Ok(self.deliver(messages).await)
    }

    fn messages(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        key: Option<String>,
    ) -> Result<Vec<Message>, Refusal> {
        let parser = self.parser.lock().expect("no holder panics");
        let mut messages = json_body::messages(headers, body, &parser, self.most)?;
        if let Some(key) = key {
            let count = messages.len();
            for (at, message) in messages.iter_mut().enumerate() {
                message.id = id_of(&key, at, count);
            }
        }
        Ok(messages)
    }

    /// Has the messages published, and says what became of them.
    async fn deliver(&self, messages: Vec<Message>) -> Response {
        let ids: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
        let (reply, told) = oneshot::channel();
        let fates: Vec<Fate> = match self.inbox.send(Letter { messages, reply }).await {
            Ok(()) => told.await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        match self.dry_run {
            true => answer::refusal(not_kept().status, &not_kept().reason),
            false => answer::of(&ids, &fates),
        }
    }
}

fn not_kept() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "this is a dry run: nothing is kept")
}

/// The id of one of the messages of a request that has a key.
pub(super) fn id_of(key: &str, at: usize, count: usize) -> String {
    if count == 1 { key.to_owned() } else { format!("{key}/{}", at + 1) }
}

/// The key by which a client says that two requests are the same one. Quotes around it, as the
/// draft of the header has them, are no part of it.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
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
