//! `GET /metrics`: the numbers of the server and its queues, as Prometheus reads them.

mod depth;
mod jobs;

use super::Content;
use super::taskqueue::Operation;
use crate::clock::Clock;
use crate::error::Result;
use crate::http_server::{Answered, Observer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// The upper bounds of the times that are told apart, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// The form that `encode` writes.
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The queue that a number is of.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct QueueLabel {
    queue: String,
}

/// The requests that a number is of: a route or a call of a protocol, of which there are only so
/// many, and the status of the answers.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

/// What is counted in one queue, of what is done through this server.
#[derive(Debug, Clone)]
pub(super) struct QueueCounters {
    pub(super) inserts: Counter,
    pub(super) leases: Counter,
    pub(super) deletes: Counter,
}

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    clock: Clock,
    inserts: Family<QueueLabel, Counter>,
    leases: Family<QueueLabel, Counter>,
    deletes: Family<QueueLabel, Counter>,
    in_flight: Gauge,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// Counts from now on; the clock tells how old what waits is.
    pub(super) fn new(clock: Clock) -> Self {
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let (registry, inserts, leases, deletes, in_flight, requests) = Default::default();
        let mut it =
            Self { registry, clock, inserts, leases, deletes, in_flight, requests, seconds };
        it.register();
        it
    }

    fn register(&mut self) {
        let Self { registry, inserts, leases, deletes, in_flight, requests, seconds, .. } = self;
        let mut queues = |name: &str, help: &str, family: &Family<_, Counter>| {
            registry.register(name, help, family.clone());
        };
        queues("kakehi_tasks_inserted", "Tasks that were inserted here", inserts);
        queues("kakehi_tasks_leased", "Leases that were given here", leases);
        queues("kakehi_tasks_deleted", "Tasks that were deleted here", deletes);
        let help = "Requests that are being served";
        registry.register("kakehi_http_requests_in_flight", help, in_flight.clone());
        registry.register("kakehi_http_requests", "Requests that were answered", requests.clone());
        let help = "How long the answers took, in seconds";
        registry.register("kakehi_http_request_seconds", help, seconds.clone());
    }

    /// The counters of a queue.
    pub(super) fn of_queue(&self, name: &str) -> QueueCounters {
        let label = QueueLabel { queue: name.to_owned() };
        QueueCounters {
            inserts: self.inserts.get_or_create_owned(&label),
            leases: self.leases.get_or_create_owned(&label),
            deletes: self.deletes.get_or_create_owned(&label),
        }
    }

    fn count(&self, answered: &Answered<'_>) {
        let operation = answered.response.extensions().get::<Operation>().map(|it| it.0);
        let route = operation.or(answered.route).unwrap_or("none").to_owned();
        let labels = RequestLabels { route, status: answered.response.status().as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(answered.took.as_secs_f64());
    }
}

impl Observer for Metrics {
    fn begun(&self) {
        self.in_flight.inc();
    }

    fn ended(&self, answered: Option<&Answered<'_>>) {
        self.in_flight.dec();
        if let Some(answered) = answered {
            self.count(answered);
        }
    }
}

/// Counts times by [`SECONDS`].
fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

/// The route of the numbers.
pub(super) fn routes(metrics: Arc<Metrics>, content: Arc<Content>) -> Router {
    Router::new().route("/metrics", get(show)).with_state((metrics, content))
}

/// Counts everything that is served.
async fn count(content: &Content, clock: &Clock) -> Result<Registry> {
    let mut registry = Registry::default();
    if let Some(tasks) = &content.tasks {
        depth::of(&*tasks.queues, clock, &mut registry).await?;
    }
    if let Some(jobs) = &content.jobs {
        jobs::of(&**jobs, &mut registry).await?;
    }
    Ok(registry)
}

async fn show(State((metrics, content)): State<(Arc<Metrics>, Arc<Content>)>) -> Response {
    let depth = match count(&content, &metrics.clock).await {
        Ok(depth) => depth,
        Err(error) => {
            tracing::warn!("the queues cannot be counted: {}", error.one_line());
            return (StatusCode::SERVICE_UNAVAILABLE, "the queues cannot be counted\n")
                .into_response();
        }
    };
    let mut text = String::new();
    let written = text::encode_registry(&mut text, &depth)
        .and_then(|()| text::encode(&mut text, &metrics.registry));
    written.expect("writing to memory does not fail");
    ([(CONTENT_TYPE, FORM)], text).into_response()
}
