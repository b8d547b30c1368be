//! Receives jobs, as a pool of workers of gocraft/work does.

use super::backoff::backoff;
use super::error::ServiceError;
use super::fetch::Found;
use super::pool::{Periodic, Pool};
use super::scripts;
use super::shared::Shared;
use crate::checkins::Checkins;
use crate::error::{Error, Kind, Result};
use crate::message::{Delivery, Receipt};
use crate::queues::{Capabilities, Leases, Receive, Select, Settled, Subscriber, Verdict};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

/// How long to wait before looking again where there was nothing: longer each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// What giving back at the end may take.
const LEAVING: Duration = Duration::from_secs(5);

/// Attempts until a job is dead, where nobody says.
const MAX_ATTEMPTS: u32 = 4;

/// Jobs of one namespace, opened for receiving.
pub(super) struct RedisSubscriber {
    shared: Arc<Shared>,
    periodic: Periodic,
    /// Started by the first `receive`, and ended by `close`.
    pool: Mutex<Option<Pool>>,
    fetcher: Arc<Mutex<Fetcher>>,
    /// The last look failed.
    failed: AtomicBool,
}

/// Whoever has this fetches: one at a time.
#[derive(Default)]
struct Fetcher {
    /// Nobody knows what the last fetch has taken.
    unsure: bool,
}

impl Fetcher {
    /// Takes up to so many jobs, unless some wait already. `idle`: there was nothing a moment ago.
    /// Tells whether some wait now.
    async fn fetch(
        &mut self,
        shared: &Shared,
        request: &Receive,
        idle: bool,
    ) -> Result<bool, ServiceError> {
        if shared.in_flight().waiting() > 0 {
            return Ok(true);
        }
        shared.settle_again().await?;
        if !shared.beats.stands(Instant::now()) {
            shared.beat().await?;
        }
        if self.unsure {
            shared.adopt().await?;
            self.unsure = false;
        } else if !idle || shared.any_ready().await? {
            let found = self.take(shared, request).await?;
            if found == Found::NoHeartbeat {
                shared.beat().await?;
                self.take(shared, request).await?;
            }
        }
        Ok(shared.in_flight().waiting() > 0)
    }

    async fn take(&mut self, shared: &Shared, request: &Receive) -> Result<Found, ServiceError> {
        let found = shared.fetch(request.max, request.max_bytes).await;
        self.unsure = found.as_ref().is_err_and(ServiceError::may_pass);
        fail::fail_point!("redis-fetched");
        found
    }
}

impl RedisSubscriber {
    /// Nothing is sent before the first `receive`.
    pub(super) fn new(shared: Shared, periodic: Periodic, checkins: &Checkins) -> Self {
        let (shared, fetcher) = (Arc::new(shared), Arc::default());
        let told = Arc::clone(&shared);
        checkins.listen(move |receipt, text| {
            told.workers.note_checkin(receipt, text, told.now());
        });
        Self { shared, periodic, pool: Mutex::default(), fetcher, failed: AtomicBool::new(false) }
    }

    fn error(&self, what: &str, error: &ServiceError) -> Error {
        error.to_error(what, &self.shared.name)
    }

    /// Shows that the pool lives, and begins all that it does by itself.
    async fn enter(&self) -> Result<()> {
        let mut pool = self.pool.lock().await;
        if pool.is_none() {
            let started = match Pool::start(&self.shared, &self.periodic).await {
                Err(error) if error.may_pass() => Pool::start(&self.shared, &self.periodic).await,
                started => started,
            };
            *pool = Some(started.map_err(|error| self.error("cannot receive from", &error))?);
        }
        Ok(())
    }

    /// Looks once, by a task that goes on where nobody waits for it any more: what it takes waits.
    async fn look(&self, request: &Receive, idle: bool) -> Result<bool, ServiceError> {
        let (shared, fetcher) = (self.shared.clone(), self.fetcher.clone());
        let request = request.clone();
        let task = async move { fetcher.lock().await.fetch(&shared, &request, idle).await };
        let looked = tokio::spawn(task).await.expect("a look does not panic");
        match &looked {
            Ok(_) => self.failed.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.failed.swap(true, Ordering::Relaxed) {
                    tracing::warn!("cannot receive from {}: {}", self.shared.name, error.reason);
                }
            }
        }
        looked
    }

    /// Gives back all that the pool has, at once, with its heartbeat.
    async fn leave(&self) -> Result<u64, ServiceError> {
        let Shared { keys, pool, jobs, .. } = &*self.shared;
        let mut script = scripts::LEAVE.prepare_invoke();
        script.key(keys.worker_pools()).key(keys.worker_pool(&pool.id)).key(keys.begun(&pool.id));
        for (list, job) in jobs.iter().enumerate() {
            script.key(keys.ready(&job.name)).key(self.shared.in_progress(list));
            script.key(keys.lock(&job.name)).key(keys.lock_info(&job.name));
        }
        for worker in &pool.workers {
            script.key(keys.worker(worker));
        }
        script.arg(&pool.id).arg(jobs.len());
        self.shared.settle_again().await?;
        self.shared.redis.invoke(&script).await
    }

    /// Gives back what is ours; where Redis does not answer, other pools take it soon.
    async fn give_back(&self) {
        let left = match timeout(LEAVING, self.leave()).await {
            Ok(left) => left,
            Err(_) => Err(ServiceError::silence()),
        };
        match left {
            Ok(0) => {}
            Ok(count) => tracing::debug!("{count} jobs were given back"),
            Err(error) => tracing::warn!(
                "what was in flight is redelivered once another pool finds this one gone: {}",
                error.reason
            ),
        }
    }
}

#[async_trait]
impl Subscriber for RedisSubscriber {
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        if request.select != Select::Any {
            return Err(cannot_select());
        }
        self.enter().await?;
        let deadline = Instant::now() + request.wait;
        let (mut pause, mut failed) = (SHORTEST_PAUSE, false);
        loop {
            let moved = self.shared.moved.notified();
            let idle = pause > SHORTEST_PAUSE;
            match self.look(&request, idle).await {
                Ok(true) => {
                    let out = self.shared.in_flight().deliver(request.limits());
                    if !out.is_empty() {
                        return Ok(out);
                    }
                }
                Ok(false) => {}
                // A connection that broke while nobody used it is made anew.
                Err(error) if error.may_pass() && !failed => {
                    failed = true;
                    continue;
                }
                Err(error) if error.may_pass() && !request.wait.is_zero() => {}
                Err(error) => return Err(self.error("cannot receive from", &error)),
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(Vec::new());
            }
            tokio::select! {
                () = sleep_until(deadline.min(now + pause)) => {}
                () = moved => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn begun(&self, receipts: &[Receipt]) -> Vec<Delivery> {
        self.shared.begun(receipts).await
    }

    async fn interrupted(&self, receipts: &[Receipt]) {
        self.shared.interrupted(receipts).await;
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let settled = self.shared.settle(batch).await;
        // Where a limit was reached there is room now.
        self.shared.moved.notify_waiters();
        settled
    }

    /// Where the last look failed, one more is made: a queue that gives nothing looks empty.
    async fn ping(&self) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            let wait = Duration::ZERO;
            let request = Receive { max: 1, max_bytes: 1, wait, select: Select::Any };
            // What comes is given back by `close`.
            let looked = self.look(&request, false).await;
            looked.map_err(|error| self.error("cannot receive from", &error))?;
        }
        let answer = self.shared.redis.query::<()>(&redis::cmd("PING")).await;
        answer.map_err(|error| self.error("cannot reach", &error))
    }

    fn unreadable(&self) -> usize {
        self.shared.in_flight().unreadable
    }

    async fn pause(&self) -> Result<()> {
        let _fetcher = self.fetcher.lock().await;
        let waiting = self.shared.in_flight().take_waiting();
        self.shared.release(waiting).await;
        Ok(())
    }

    /// The pool's heartbeat is what keeps its jobs its own.
    fn leases(&self) -> Option<Arc<dyn Leases>> {
        None
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backoff: Some(backoff),
            max_attempts: Some(MAX_ATTEMPTS),
            selects_tags: false,
            ..Capabilities::default()
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let Some(pool) = self.pool.lock().await.take() else { return Ok(()) };
        pool.stop().await;
        let _fetcher = self.fetcher.lock().await;
        self.give_back().await;
        Ok(())
    }
}

/// The error for whoever asks for a tag.
fn cannot_select() -> Error {
    Error::new(Kind::Configuration, "cannot select jobs by tag")
        .because_of("each job has a list of its own")
        .hint("name the jobs in the URL: `job=a,b`")
}
