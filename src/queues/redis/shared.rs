//! What all that works on one pool's jobs shares.

use super::client::Redis;
use super::in_flight::InFlight;
use super::keys::Keys;
use super::name::Name;
use super::orders::Batch;
use super::pool::beats::Beats;
use super::pool::identity::PoolIdentity;
use super::pool::workers::Workers;
use super::worked::{Worked, WorkedJob};
use crate::clock::Clock;
use crate::queues::Options;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What all that works on one pool's jobs shares.
pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) name: Name,
    pub(super) keys: Keys,
    pub(super) jobs: Vec<WorkedJob>,
    /// How many of a name run at once over all pools, where the URL says so.
    pub(super) max_concurrency: Option<u32>,
    pub(super) pool: PoolIdentity,
    pub(super) clock: Clock,
    /// How many can be worked on at once.
    pub(super) at_once: usize,
    pub(super) beats: Beats,
    /// Wakes who waits for jobs: some are ready.
    pub(super) moved: Notify,
    /// Verdicts of which nobody knows whether Redis has carried them out.
    pub(super) unsettled: tokio::sync::Mutex<Vec<Batch>>,
    pub(super) workers: Workers,
    in_flight: Mutex<InFlight>,
}

impl Shared {
    pub(super) fn new(redis: Redis, name: Name, worked: Worked, options: &Options) -> Self {
        let Worked { jobs, max_concurrency, .. } = worked;
        let pool = PoolIdentity::new(options.workers, options.clock.now().timestamp());
        Self {
            workers: Workers::new(pool.workers.len()),
            pool,
            redis,
            keys: Keys::of(&name.namespace),
            name,
            jobs,
            max_concurrency,
            clock: options.clock.clone(),
            at_once: options.at_once,
            beats: Beats::default(),
            moved: Notify::new(),
            unsettled: Default::default(),
            in_flight: Mutex::default(),
        }
    }

    /// What is ours.
    pub(super) fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().expect("no holder of the jobs panics")
    }

    /// The present unix second.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// The in-progress list of a job that is received, by its number.
    pub(super) fn in_progress(&self, list: usize) -> String {
        self.keys.in_progress(&self.jobs[list].name, &self.pool.id)
    }
}
