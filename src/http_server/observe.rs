//! What is told of a request: neither its query, nor its headers, nor its body.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A request that was answered.
#[derive(Debug)]
pub struct Answered<'r> {
    /// The path as the router has it, with names in the place of what they stand for: there are only
    /// so many. `None` where there is no route.
    pub route: Option<&'r str>,
    /// The answer.
    pub response: &'r Response,
    /// How long the answer took, from the head of the request to that of the answer.
    pub took: Duration,
}

/// Hears of every request.
pub trait Observer: Send + Sync + 'static {
    /// A request has come.
    fn begun(&self);

    /// A request was answered; `None` where its client has gone before that.
    fn ended(&self, answered: Option<&Answered<'_>>);
}

/// Tells an observer of a router's requests, and the log, for those who look for details.
pub fn observed(router: Router, observer: Arc<dyn Observer>) -> Router {
    router.layer(from_fn_with_state(observer, observe))
}

async fn observe(
    State(observer): State<Arc<dyn Observer>>,
    request: Request,
    next: Next,
) -> Response {
    let (began, pending) = (Instant::now(), Pending::new(observer));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let logged = tracing::enabled!(tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    let answered = Answered { route, response: &response, took: began.elapsed() };
    if let Some((method, path)) = logged {
        log(&method, &path, &answered);
    }
    pending.answered(&answered);
    response
}

fn log(method: &Method, path: &str, answered: &Answered<'_>) {
    let milliseconds = answered.took.as_millis();
    let status = answered.response.status().as_u16();
    tracing::debug!(%method, path, status, milliseconds, "answered");
}

/// A request that has no answer yet, and may be dropped without one.
struct Pending(Option<Arc<dyn Observer>>);

impl Pending {
    fn new(observer: Arc<dyn Observer>) -> Self {
        observer.begun();
        Self(Some(observer))
    }

    fn answered(mut self, answered: &Answered<'_>) {
        if let Some(observer) = self.0.take() {
            observer.ended(Some(answered));
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(observer) = &self.0 {
            observer.ended(None);
        }
    }
}
