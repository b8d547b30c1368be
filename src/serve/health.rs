//! `GET /healthz`: whether the server can do its work. Nobody has to show anything for it, and it
//! tells nothing else.

use super::Content;
use crate::error::Result;
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
pub(super) fn routes(content: Arc<Content>) -> Router {
    Router::new().route("/healthz", get(health)).with_state(content)
}

/// Asks for as little as proves that everything can be reached.
async fn ask(content: &Content) -> Result<()> {
    if let Some(tasks) = &content.tasks {
        tasks.queues.names().await?;
    }
    match &content.jobs {
        Some(jobs) => jobs.ping().await,
        None => Ok(()),
    }
}

async fn health(State(content): State<Arc<Content>>) -> (StatusCode, &'static str) {
    match timeout(PATIENCE, ask(&content)).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n"),
        Ok(Err(error)) => {
            tracing::warn!("the queue cannot be reached: {}", error.one_line());
            (StatusCode::SERVICE_UNAVAILABLE, "the queue cannot be reached\n")
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the queue does not answer\n"),
    }
}
