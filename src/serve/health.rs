//! `GET /healthz`: whether the server can do its work. Nobody has to show anything for it, and it
//! tells nothing else.

use crate::queues::TaskQueues;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the queue may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The route of the health.
pub(super) fn routes(queues: Arc<dyn TaskQueues>) -> Router {
    Router::new().route("/healthz", get(health)).with_state(queues)
}

async fn health(State(queues): State<Arc<dyn TaskQueues>>) -> (StatusCode, &'static str) {
    match timeout(PATIENCE, queues.names()).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok\n"),
        Ok(Err(error)) => {
            tracing::warn!("the queue cannot be reached: {}", error.one_line());
            (StatusCode::SERVICE_UNAVAILABLE, "the queue cannot be reached\n")
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the queue does not answer\n"),
    }
}
