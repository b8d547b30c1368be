//! Protocols whose clients show no token in a form, kept from the pages of others.

use crate::http_server::{ErrorFormat, Guard};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

/// A protocol that refuses what the page of another server sends, one on another port of this machine
/// included. Programs say no origin.
pub(super) fn only(routes: Router, guard: &Guard, refusal: ErrorFormat) -> Router {
    routes.layer(from_fn_with_state((guard.clone(), refusal), pass))
}

async fn pass(
    State((guard, refusal)): State<(Guard, ErrorFormat)>,
    request: Request,
    next: Next,
) -> Response {
    let is_change = *request.method() == Method::POST;
    let headers = request.headers();
    match is_change && headers.contains_key(ORIGIN) && !guard.is_own_page(headers) {
        true => refusal(StatusCode::FORBIDDEN, "a page of another server may not use this one"),
        false => next.run(request).await,
    }
}
