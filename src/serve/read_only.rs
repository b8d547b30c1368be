//! Protocols of a server that only shows.

use crate::http_server::ErrorFormat;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

/// A protocol of which only those calls are left that read. In each protocol of ours they alone are
/// GET; a POST that says that it means GET is refused with the others.
pub(super) fn only_reads(routes: Router, refusal: ErrorFormat) -> Router {
    routes.layer(from_fn_with_state(refusal, pass))
}

async fn pass(State(refusal): State<ErrorFormat>, request: Request, next: Next) -> Response {
    match matches!(*request.method(), Method::GET | Method::HEAD) {
        true => next.run(request).await,
        false => {
            let why = "this server only shows: it was started with `--read-only`";
            refusal(StatusCode::FORBIDDEN, why)
        }
    }
}
