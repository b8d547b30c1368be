//! What is told of a request that was answered: neither its query, nor its headers, nor its body.

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

/// Hears of every request that was answered.
pub type Observer = Arc<dyn Fn(&Answered<'_>) + Send + Sync>;

/// Tells an observer of a router's requests, and the log, for those who look for details.
pub fn observed(router: Router, observer: Observer) -> Router {
    router.layer(from_fn_with_state(observer, observe))
}

async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let asked_for = tracing::enabled!(tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    let answered = Answered { route, response: &response, took: began.elapsed() };
    if let Some((method, path)) = asked_for {
        log(&method, &path, &answered);
    }
    observer(&answered);
    response
}

fn log(method: &Method, path: &str, answered: &Answered<'_>) {
    let milliseconds = answered.took.as_millis();
    let status = answered.response.status().as_u16();
    tracing::debug!(%method, path, status, milliseconds, "answered");
}
