//! Cloud Tasks `v2beta2`, its half for pull queues, over JSON.
//!
//! | call | request |
//! |---|---|
//! | queues | `GET queues`, `POST queues`, `GET` and `PATCH queues/{queue}` |
//! | | `POST queues/{queue}:purge`, `:pause`, `:resume` |
//! | tasks | `GET` and `POST queues/{queue}/tasks`, `GET` and `DELETE queues/{queue}/tasks/{task}` |
//! | leases | `POST queues/{queue}/tasks:lease` |
//! | | `POST queues/{queue}/tasks/{task}:acknowledge`, `:renewLease`, `:cancelLease` |
//!
//! each below `/v2beta2/projects/{project}/locations/{location}`. The parameter `wait` of a lease, in
//! seconds, is ours: it waits for the first task. One server serves the queues of one place, whatever
//! the project and the location are called. What belongs to push queues, and the deletion of queues,
//! is not served.

mod calls;
mod duration;
mod errors;
mod filter;
mod lease;
mod names;
mod queue;
mod queues;
mod route;
mod task;
mod tasks;
mod view;

pub use errors::refusal;
pub use lease::LeaseInput;
pub use names::Location;
pub use route::{Action, Call, OnQueue, OnTasks};
pub use task::TaskInput;

use super::{Served, limits};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::any;

/// The routes of this protocol.
pub fn routes(served: Served) -> Router {
    Router::new()
        .route("/v2beta2/", any(calls::serve))
        .route("/v2beta2/{*path}", any(calls::serve))
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .with_state(served)
}
