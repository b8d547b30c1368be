//! What is served over HTTP: the tasks of an embedded queue in the protocols of their clients, and
//! for who looks after the server its health and its numbers.

mod counted;
mod health;
mod metrics;
pub mod taskqueue;

use crate::http_server::{Server, observed};
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use counted::CountedQueues;
use metrics::Metrics;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use taskqueue::{Served, cloud_tasks, rest, rpc_http};

/// Serves what `served` stands on until `stop`, and then finishes within the grace.
pub async fn serve(
    server: Server,
    served: Served,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let metrics = Arc::new(Metrics::new(served.clock.clone()));
    let queues = Arc::new(CountedQueues::new(served.queues.clone(), metrics.clone()));
    let served = Served { queues, ..served };
    let router = router(&served, &server, &metrics);
    server.serve(observed(router, metrics), stop, grace).await;
}

/// All that is served: each protocol behind a guard that speaks it, and the health behind none.
fn router(served: &Served, server: &Server, metrics: &Arc<Metrics>) -> Router {
    let guard = server.guard();
    let numbers = metrics::routes(metrics.clone(), served.queues.clone());
    guard
        .protect(rest::routes(served.clone()), rest::refusal)
        .merge(guard.protect(cloud_tasks::routes(served.clone()), cloud_tasks::refusal))
        .merge(guard.protect(rpc(served, server.address()), rpc_http::refusal))
        .merge(guard.protect(numbers.fallback(unknown), rest::refusal))
        .merge(health::routes(served.queues.clone()))
}

/// App Engine's own RPC, whose clients can show no token: for this machine alone, and for nobody
/// where a token is to be shown, as a proxy may bring others here.
fn rpc(served: &Served, address: SocketAddr) -> Router {
    match address.ip().to_canonical().is_loopback() {
        true => rpc_http::routes(served.clone()),
        false => rpc_http::elsewhere(),
    }
}

/// The answer where nothing is served.
async fn unknown(uri: Uri) -> Response {
    rest::refusal(StatusCode::NOT_FOUND, &format!("nothing is served at `{}`", uri.path()))
}

#[cfg(test)]
mod tests;
