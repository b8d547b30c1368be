//! What is served over HTTP: the tasks of an embedded queue in the protocols of their clients, jobs in
//! the JSON of gocraft/work's web page, pages for people, and for who looks after the server its health
//! and its numbers.

mod counted;
mod health;
pub mod jobs;
mod late_jobs;
mod metrics;
mod own_pages;
pub mod pages;
mod read_only;
pub mod taskqueue;

pub use late_jobs::LateJobs;

use crate::clock::Clock;
use crate::http_server::{ErrorFormat, Server, observed};
use crate::queues::Jobs;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use counted::CountedQueues;
use metrics::Metrics;
use pages::{Pages, Shown};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use taskqueue::{Served, cloud_tasks, rest, rpc_http};

/// What a server has to serve.
#[derive(Clone)]
pub struct Content {
    /// Queues of tasks.
    pub tasks: Option<Served>,
    /// Jobs.
    pub jobs: Option<Arc<dyn Jobs>>,
    /// What people see.
    pub shown: Shown,
    /// The time of day.
    pub clock: Clock,
}

/// Serves this until `stop`, and then finishes within the grace.
pub async fn serve(
    server: Server,
    content: Content,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let metrics = Arc::new(Metrics::new(content.clock.clone()));
    let tasks = content.tasks.map(|served| {
        let queues = Arc::new(CountedQueues::new(served.queues.clone(), metrics.clone()));
        Served { queues, ..served }
    });
    let content = Arc::new(Content { tasks, ..content });
    let pages = Arc::new(Pages::new(content.shown.clone(), &server.guard()));
    let (router, stopping) = (router(&content, &server, &metrics, &pages), server.stopping());
    let serving = server.serve(observed(router, metrics), stop, grace);
    tokio::join!(serving, pages.watch(&stopping));
}

/// All that is served: each protocol behind a guard that speaks it, and the health behind none.
fn router(
    content: &Arc<Content>,
    server: &Server,
    metrics: &Arc<Metrics>,
    pages: &Arc<Pages>,
) -> Router {
    let guard = server.guard();
    let refusal: ErrorFormat = if content.tasks.is_some() { rest::refusal } else { jobs::refusal };
    let unknown = async move |uri: Uri| unknown(&uri, refusal);
    let numbers = metrics::routes(metrics.clone(), content.clone()).fallback(unknown);
    let health = health::routes(content.clone());
    guard
        .protect(numbers, refusal)
        .merge(health)
        .merge(pages::routes(pages, &guard))
        .merge(protocols(content, server))
}

/// What programs are served, each protocol behind a guard that speaks it.
fn protocols(content: &Content, server: &Server) -> Router {
    let guard = server.guard();
    let protect = |routes, refusal| match content.shown.read_only {
        true => guard.protect(read_only::only_reads(routes, refusal), refusal),
        false => guard.protect(routes, refusal),
    };
    let mut router = Router::new();
    if let Some(served) = &content.tasks {
        router = router
            .merge(protect(rest::routes(served.clone()), rest::refusal))
            .merge(protect(cloud_tasks::routes(served.clone()), cloud_tasks::refusal))
            .merge(protect(rpc(served, server.address()), rpc_http::refusal));
    }
    if let Some(jobs) = &content.jobs {
        let routes = jobs::routes(jobs.clone());
        let routes = own_pages::only(routes, &guard, jobs::refusal);
        router = router.merge(protect(routes, jobs::refusal));
    }
    router
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
fn unknown(uri: &Uri, refusal: ErrorFormat) -> Response {
    refusal(StatusCode::NOT_FOUND, &format!("nothing is served at `{}`", uri.path()))
}

#[cfg(test)]
mod tests;
