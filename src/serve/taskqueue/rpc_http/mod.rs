//! App Engine's own calls, as its runtimes send them to `/rpc_http`.

use super::Served;
use axum::Router;

/// The routes of this protocol.
pub fn routes(_served: Served) -> Router {
    Router::new()
}
