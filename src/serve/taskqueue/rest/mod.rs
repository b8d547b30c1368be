//! App Engine's REST API for pull queues, `taskqueue/v1beta2`.

use super::Served;
use axum::Router;

/// The routes of this protocol.
pub fn routes(_served: Served) -> Router {
    Router::new()
}
