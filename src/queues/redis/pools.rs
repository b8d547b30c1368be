//! The pools of workers of a namespace, ours and gocraft's, and what their workers do.

use super::inspector::Inspector;
use crate::error::Result;
use crate::queues::{BusyWorker, WorkerPool};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// After so long without a heartbeat a pool counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(10);

type Fields = HashMap<String, String>;

/// The ids of the pools that may have jobs of a name in progress: those that live, and those that
/// have a part of its lock.
pub(super) async fn of_job(inspector: &Inspector, job: &str) -> Result<Vec<String>> {
    let keys = &inspector.keys;
    let mut pipeline = redis::pipe();
    pipeline.cmd("SMEMBERS").arg(keys.worker_pools()).cmd("HKEYS").arg(keys.lock_info(job));
    let (live, locked): (BTreeSet<String>, BTreeSet<String>) =
        inspector.pipeline(&pipeline).await?;
    Ok(live.union(&locked).cloned().collect())
}

/// All pools that have not been forgotten, by their ids.
pub(super) async fn all(inspector: &Inspector) -> Result<Vec<WorkerPool>> {
    let members = redis::cmd("SMEMBERS").arg(inspector.keys.worker_pools()).take();
    let ids: BTreeSet<String> = inspector.query(&members).await?;
    let keys = ids.iter().map(|id| inspector.keys.worker_pool(id));
    let fields = hashes(inspector, keys).await?;
    Ok(ids.into_iter().zip(&fields).map(|(id, fields)| pool(id, fields)).collect())
}

/// What the workers of all pools do, of those that do anything.
pub(super) async fn busy(inspector: &Inspector) -> Result<Vec<BusyWorker>> {
    let pools = all(inspector).await?;
    let ids: Vec<_> = pools.into_iter().filter_map(|pool| pool.worker_ids).flatten().collect();
    let keys = ids.iter().map(|id| inspector.keys.worker(id));
    let fields = hashes(inspector, keys).await?;
    let seen = ids.into_iter().zip(fields).filter(|(_, fields)| !fields.is_empty());
    Ok(seen.map(|(id, mut fields)| worker(id, &mut fields)).collect())
}

/// How many pools live.
pub(super) fn living(pools: &[WorkerPool], now: i64) -> u64 {
    count(pools.iter().filter(|pool| lives(pool, now)))
}

/// How many pools live that work on jobs of a name.
pub(super) fn of_name(pools: &[WorkerPool], job: &str, now: i64) -> u64 {
    let works = |pool: &&WorkerPool| {
        pool.job_names.as_ref().is_some_and(|names| names.iter().any(|name| name == job))
    };
    count(pools.iter().filter(|pool| lives(pool, now)).filter(works))
}

fn count(all: impl Iterator) -> u64 {
    all.count().try_into().unwrap_or(u64::MAX)
}

/// Whether a pool has beaten lately.
fn lives(pool: &WorkerPool, now: i64) -> bool {
    let dead_after = i64::try_from(DEAD_AFTER.as_secs()).unwrap_or(i64::MAX);
    pool.heartbeat_at.saturating_add(dead_after) > now
}

async fn hashes(inspector: &Inspector, keys: impl Iterator<Item = String>) -> Result<Vec<Fields>> {
    let mut pipeline = redis::pipe();
    for key in keys {
        pipeline.cmd("HGETALL").arg(key);
    }
    match pipeline.is_empty() {
        true => Ok(Vec::new()),
        false => inspector.pipeline(&pipeline).await,
    }
}

/// A pool as its heartbeat tells; what is missing or no number is nothing.
fn pool(worker_pool_id: String, fields: &Fields) -> WorkerPool {
    WorkerPool {
        worker_pool_id,
        started_at: number(fields, "started_at"),
        heartbeat_at: number(fields, "heartbeat_at"),
        job_names: list(fields, "job_names"),
        concurrency: number(fields, "concurrency"),
        host: fields.get("host").cloned().unwrap_or_default(),
        pid: number(fields, "pid"),
        worker_ids: list(fields, "worker_ids"),
    }
}

fn worker(worker_id: String, fields: &mut Fields) -> BusyWorker {
    let (started_at, checkin_at) = (number(fields, "started_at"), number(fields, "checkin_at"));
    let mut text = |name: &str| fields.remove(name).unwrap_or_default();
    BusyWorker {
        worker_id,
        is_busy: true,
        job_name: text("job_name"),
        job_id: text("job_id"),
        started_at,
        args_json: text("args"),
        checkin: text("checkin"),
        checkin_at,
    }
}

fn number(fields: &Fields, name: &str) -> i64 {
    fields.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Names with commas between, sorted; an empty text is one empty name, as for Go.
fn list(fields: &Fields, name: &str) -> Option<Vec<String>> {
    let mut names: Vec<_> = fields.get(name)?.split(',').map(str::to_owned).collect();
    names.sort();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_heartbeat_is_read_as_far_as_it_can_be() {
        let told = fields(&[("job_names", "b,a"), ("heartbeat_at", "70"), ("pid", "x")]);
        let pool = pool("p".to_owned(), &told);
        assert_eq!(pool.job_names, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((pool.heartbeat_at, pool.pid, pool.worker_ids.as_ref()), (70, 0, None));
        assert!(lives(&pool, 79) && !lives(&pool, 80));
    }
}
