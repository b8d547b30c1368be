//! How much is in the queues, counted when somebody asks.

use super::QueueLabel;
use crate::clock::Clock;
use crate::error::Result;
use crate::queues::{TaskQueues, TaskStats};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// The tasks that a number is of.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    queue: String,
    state: &'static str,
}

/// A number that need not be whole.
type Seconds = Gauge<f64, AtomicU64>;

/// Counts all queues; one that is gone meanwhile is left out.
pub(super) async fn of(
    queues: &dyn TaskQueues,
    clock: &Clock,
    registry: &mut Registry,
) -> Result<()> {
    let depth = Family::default();
    let ages = Family::<QueueLabel, Seconds>::default();
    for name in queues.names().await? {
        if let Some(tasks) = queues.find(&name).await? {
            let stats = tasks.stats().await?;
            count(&name, &stats, &depth);
            let age = age(stats.oldest_eta, clock);
            ages.get_or_create(&QueueLabel { queue: name }).set(age);
        }
    }
    registry.register("kakehi_queue_tasks", "Tasks in the queue, by their state", depth);
    let help = "For how many seconds a task could have been leased and was not, at most";
    registry.register("kakehi_queue_oldest_seconds", help, ages);
    Ok(())
}

fn count(name: &str, stats: &TaskStats, depth: &Family<StateLabels, Gauge>) {
    for (state, tasks) in [
        ("ready", stats.ready),
        ("scheduled", stats.scheduled),
        ("leased", stats.leased),
        ("dead", stats.dead),
    ] {
        let labels = StateLabels { queue: name.to_owned(), state };
        depth.get_or_create(&labels).set(tasks.try_into().unwrap_or(i64::MAX));
    }
}

/// How long ago an ETA in microseconds was, in seconds; none where it lies ahead.
fn age(oldest_eta: Option<i64>, clock: &Clock) -> f64 {
    let Some(eta) = oldest_eta else { return 0.0 };
    let waited = clock.now().timestamp_micros().saturating_sub(eta).max(0);
    std::time::Duration::from_micros(waited.unsigned_abs()).as_secs_f64()
}
