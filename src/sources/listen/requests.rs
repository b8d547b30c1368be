//! A request, from its head to its answer.

use super::key::{id_of, idempotency_key};
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
