//! App Engine's REST API for pull queues, `taskqueue/v1beta2`, with the document that describes it.
//!
//! | call | request |
//! |---|---|
//! | taskqueues.get | `GET /taskqueues/{queue}?getStats=` |
//! | tasks.list | `GET /taskqueues/{queue}/tasks` |
//! | tasks.insert | `POST /taskqueues/{queue}/tasks` |
//! | tasks.lease | `POST /taskqueues/{queue}/tasks/lease?numTasks=&leaseSecs=&groupByTag=&tag=&wait=` |
//! | tasks.get | `GET /taskqueues/{queue}/tasks/{task}` |
//! | tasks.delete | `DELETE /taskqueues/{queue}/tasks/{task}` |
//! | tasks.patch | `PATCH /taskqueues/{queue}/tasks/{task}?newLeaseSeconds=` |
//! | tasks.update | `POST /taskqueues/{queue}/tasks/{task}?newLeaseSeconds=` |
//!
//! each below `/taskqueue/v1beta2/projects/{project}`. `wait`, in seconds, is ours: a lease that
//! waits for the first task. One server serves the queues of one place, whatever the project is
//! called.

mod calls;
mod discovery;
mod errors;
mod lease;
mod queue;
mod route;
mod task;
mod update;

pub use errors::refusal;
pub use lease::read_lease;
pub use route::{Action, Call};
pub use task::TaskInput;

use super::{Served, limits};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get};

/// Where the document is.
const DISCOVERY: &str = "/discovery/v1/apis/taskqueue/v1beta2/rest";

/// The routes of this protocol.
pub fn routes(served: Served) -> Router {
    Router::new()
        .route(DISCOVERY, get(discovery::serve).fallback(discovery::no_method))
        .route("/taskqueue/v1beta2/{*path}", any(calls::serve))
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .with_state(served)
}
