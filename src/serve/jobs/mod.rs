//! Jobs in the JSON of gocraft/work's own web page, `workwebui`, at that page's paths.
//!
//! | request | answer |
//! |---|---|
//! | `GET /queues` | the ready jobs, by name |
//! | `GET /worker_pools` | the pools of workers |
//! | `GET /busy_workers` | the workers that are at work; `null` where none is |
//! | `GET /retry_jobs?page=N` | jobs that failed and are tried again, 20 a page |
//! | `GET /scheduled_jobs?page=N` | jobs that were enqueued for later |
//! | `GET /dead_jobs?page=N` | jobs that were given up |
//! | `POST /delete_dead_job/{died_at}/{id}` | forgets what died at this second with this id |
//! | `POST /retry_dead_job/{died_at}/{id}` | puts it back |
//! | `POST /delete_all_dead_jobs` | forgets all that is dead |
//! | `POST /retry_all_dead_jobs` | puts all of it back |
//!
//! A job that cannot be read is shown with the reason as its error, where `workwebui` shows none of the
//! page. Integers keep their digits. Fields of later versions, `unique_key`, are there beside those of
//! v0.5.1.

mod calls;
mod json;
mod pages;

pub use json::refusal;

use crate::queues::Jobs;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// The routes; each may have a slash at its end, as the original's.
pub fn routes(jobs: Arc<dyn Jobs>) -> Router {
    let routes = [
        ("/queues", get(calls::queues)),
        ("/worker_pools", get(calls::pools)),
        ("/busy_workers", get(calls::busy)),
        ("/retry_jobs", get(pages::retry)),
        ("/scheduled_jobs", get(pages::scheduled)),
        ("/dead_jobs", get(pages::dead)),
        ("/delete_dead_job/{died_at}/{id}", post(calls::drop)),
        ("/retry_dead_job/{died_at}/{id}", post(calls::redrive)),
        ("/delete_all_dead_jobs", post(calls::drop_all)),
        ("/retry_all_dead_jobs", post(calls::redrive_all)),
    ];
    let add = |router: Router<Arc<dyn Jobs>>,
               (path, method): (&str, axum::routing::MethodRouter<_>)| {
        let method = method.fallback(json::unknown);
        router.route(path, method.clone()).route(&format!("{path}/"), method)
    };
    routes.into_iter().fold(Router::new(), add).with_state(jobs)
}
