//! Cloud Tasks `v2beta2`, its half for pull queues, over JSON.

use super::Served;
use axum::Router;

/// The routes of this protocol.
pub fn routes(_served: Served) -> Router {
    Router::new()
}
