//! How many jobs are ready, counted when somebody asks.

use crate::error::Result;
use crate::queues::Jobs;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The jobs that a number is of.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct JobLabel {
    job: String,
}

/// Counts the ready jobs of each name.
pub(super) async fn of(jobs: &dyn Jobs, registry: &mut Registry) -> Result<()> {
    let (ready, ages) =
        (Family::<JobLabel, Gauge>::default(), Family::<JobLabel, Gauge>::default());
    for it in jobs.ready().await? {
        let label = JobLabel { job: it.job_name };
        ready.get_or_create(&label).set(it.count.try_into().unwrap_or(i64::MAX));
        ages.get_or_create(&label).set(it.latency);
    }
    registry.register("kakehi_jobs_ready", "Jobs that could be received now", ready);
    let help = "For how many seconds the next of these jobs has been ready, at most";
    registry.register("kakehi_jobs_oldest_seconds", help, ages);
    Ok(())
}
