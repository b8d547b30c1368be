//! Looks for pools that may be dead: by their heartbeats, by the locks, and by what is in progress.

use super::sightings::Seen;
use crate::queues::redis::error::ServiceError;
use crate::queues::redis::scripts;
use crate::queues::redis::shared::Shared;
use foldhash::{HashMap, HashSet};
use std::collections::BTreeSet;

/// At most this many keys of the server are looked at by one command, and in one look; in the next one it goes on
/// from there.
const KEYS_AT_ONCE: usize = 1000;
const PAGES: usize = 100;
/// The locks of so many names are looked at by one script.
const NAMES_AT_ONCE: usize = 500;

/// What a look found.
#[derive(Default)]
pub(super) struct Survey {
    /// The names of all jobs that are known, or have something in progress.
    pub(super) names: BTreeSet<String>,
    /// Every pool but ours.
    pub(super) pools: HashMap<String, Seen>,
}

/// Looks again and again.
#[derive(Default)]
pub(super) struct Surveyor {
    /// Where among the server's keys the next look goes on; 0 is the beginning.
    cursor: u64,
    /// In-progress lists since the beginning: names and pools.
    found: HashSet<(String, String)>,
}

impl Surveyor {
    /// Looks once, and makes each lock the sum of its parts.
    pub(super) async fn look(&mut self, shared: &Shared) -> Result<Survey, ServiceError> {
        let mut names: BTreeSet<_> = shared.known_names().await?.into_iter().collect();
        let mut pools: HashSet<String> =
            shared.redis.query(redis::cmd("SMEMBERS").arg(shared.keys.worker_pools())).await?;
        for (name, pool) in self.in_progress(shared).await? {
            names.insert(name);
            pools.insert(pool);
        }
        let names_in_order: Vec<_> = names.iter().map(String::as_str).collect();
        for some in names_in_order.chunks(NAMES_AT_ONCE) {
            pools.extend(shared.repair_locks(some).await?);
        }
        pools.remove(&shared.pool.id);
        Ok(Survey { names, pools: shared.seen(pools).await? })
    }

    /// The in-progress lists that were found, those of an unfinished look at all keys among them.
    async fn in_progress(
        &mut self,
        shared: &Shared,
    ) -> Result<HashSet<(String, String)>, ServiceError> {
        if self.cursor == 0 {
            self.found.clear();
        }
        let pattern = shared.keys.in_progress_pattern();
        for _ in 0..PAGES {
            let mut script = scripts::IN_PROGRESS_KEYS.prepare_invoke();
            script.key(shared.keys.known_jobs());
            script.arg(self.cursor).arg(&pattern).arg(KEYS_AT_ONCE);
            let (cursor, keys): (String, Vec<Vec<u8>>) = shared.redis.invoke(&script).await?;
            let keys = keys.iter().filter_map(|key| std::str::from_utf8(key).ok());
            let of = keys.filter_map(|key| shared.keys.of_in_progress(key));
            self.found.extend(of.map(|(name, pool)| (name.to_owned(), pool.to_owned())));
            self.cursor = cursor.parse().unwrap_or_default();
            if self.cursor == 0 {
                break;
            }
        }
        Ok(self.found.clone())
    }
}

impl Shared {
    /// Makes the locks of these names the sums of their parts; gives the pools that have any.
    async fn repair_locks(&self, names: &[&str]) -> Result<Vec<String>, ServiceError> {
        let mut script = scripts::REPAIR_LOCKS.prepare_invoke();
        for name in names {
            script.key(self.keys.lock(name)).key(self.keys.lock_info(name));
        }
        let answer: Vec<(i64, Vec<String>)> = self.redis.invoke(&script).await?;
        let mut all = Vec::new();
        for (name, (off, pools)) in names.iter().zip(answer) {
            if off != 0 {
                tracing::warn!("the lock of `{name}` was off by {off}, and is right again");
            }
            all.extend(pools);
        }
        Ok(all)
    }

    /// What these pools show of themselves.
    async fn seen(&self, pools: HashSet<String>) -> Result<HashMap<String, Seen>, ServiceError> {
        let pools: Vec<_> = pools.into_iter().collect();
        if pools.is_empty() {
            return Ok(HashMap::default());
        }
        let mut pipeline = redis::pipe();
        for pool in &pools {
            let get = pipeline.cmd("HMGET").arg(self.keys.worker_pool(pool));
            get.arg("heartbeat_at").arg("job_names").arg("worker_ids");
        }
        let seen: Vec<[Option<String>; 3]> = self.redis.pipeline(&pipeline).await?;
        let seen = seen.into_iter().map(|fields| {
            let [heartbeat_at, job_names, worker_ids] = fields.map(Option::unwrap_or_default);
            Seen { heartbeat_at, job_names, worker_ids }
        });
        Ok(pools.into_iter().zip(seen).collect())
    }
}
