//! Moves what is due out of `retry` and `scheduled` into the ready lists.

use crate::queues::redis::error::ServiceError;
use crate::queues::redis::job::{Job, Poison};
use crate::queues::redis::scripts;
use crate::queues::redis::shared::Shared;
use foldhash::HashSet;
use redis::ScriptInvocation;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often is looked.
const TICK: Duration = Duration::from_secs(1);
/// At most so many members are read and moved at once.
const PAGE: usize = 200;
/// Where members stay that nobody moves, only what became due meanwhile is looked at, but for each
/// look of this number.
const WHOLE_LOOK: u32 = 10;

/// The movers of a pool: one for each set.
pub(super) struct Movers([Mover; 2]);

/// What moves the members of one set.
struct Mover {
    set: String,
    poison: String,
    looks: u32,
    /// Up to this unix second all that is left has been looked at; `None` where nothing was left.
    left_until: Option<i64>,
}

/// Members of a set, and what becomes of them.
struct Page<'p> {
    /// The names that jobs are known by.
    names: &'p HashSet<String>,
    lists: Vec<String>,
    script: ScriptInvocation<'static>,
}

impl Movers {
    pub(super) fn new(shared: &Shared) -> Self {
        let keys = &shared.keys;
        let mover = |set, poison| Mover { set, poison, looks: 0, left_until: None };
        Self([
            mover(keys.retry(), keys.poison_of_retry()),
            mover(keys.scheduled(), keys.poison_of_scheduled()),
        ])
    }

    /// Moves all that is due.
    pub(super) async fn tick(&mut self, shared: &Shared) -> Result<(), ServiceError> {
        let mut moved = 0;
        for mover in &mut self.0 {
            moved += mover.tick(shared).await?;
        }
        if moved > 0 {
            shared.moved.notify_waiters();
        }
        Ok(())
    }

    /// Moves what is due, each second, until it is told to stop.
    pub(super) async fn run(mut self, shared: Arc<Shared>, stop: CancellationToken) {
        let mut failed = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(TICK) => {}
            }
            match self.tick(&shared).await {
                Ok(()) => failed = false,
                Err(error) if failed => tracing::debug!("nothing is moved: {}", error.reason),
                Err(error) => {
                    failed = true;
                    tracing::warn!("what is due in {} waits: {}", shared.name, error.reason);
                }
            }
        }
    }
}

impl Mover {
    /// Moves all of the set that is due, page by page; gives how many were moved.
    async fn tick(&mut self, shared: &Shared) -> Result<usize, ServiceError> {
        let now = shared.now();
        self.looks = self.looks.wrapping_add(1);
        let whole = self.looks.is_multiple_of(WHOLE_LOOK);
        let from = self.left_until.filter(|_| !whole).map(|until| format!("({until}"));
        let (mut moved, mut left, mut names) = (0, 0, None);
        loop {
            let due = self.due(shared, from.as_deref(), now, left).await?;
            let count = due.len();
            if count > 0 {
                let names = match &mut names {
                    Some(names) => names,
                    none => none.insert(shared.known_names().await?),
                };
                let gone = self.move_page(shared, due, names).await?;
                (moved, left) = (moved + gone, left + count - gone);
            }
            if count < PAGE {
                break;
            }
        }
        let remains = left > 0 || from.is_some();
        self.left_until = remains.then_some(now);
        Ok(moved)
    }

    /// What is due, behind those that were left.
    async fn due(
        &self,
        shared: &Shared,
        from: Option<&str>,
        now: i64,
        left: usize,
    ) -> Result<Vec<Vec<u8>>, ServiceError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(&self.set).arg(from.unwrap_or("-inf")).arg(now);
        shared.redis.query(command.arg("LIMIT").arg(left).arg(PAGE)).await
    }

    /// Moves what has a known name, and what cannot be read; gives how many are not in the set any
    /// more.
    async fn move_page(
        &self,
        shared: &Shared,
        due: Vec<Vec<u8>>,
        names: &HashSet<String>,
    ) -> Result<usize, ServiceError> {
        let mut page = Page::new(&self.set, &self.poison, names);
        let mut stays = 0;
        for bytes in &due {
            stays += usize::from(!page.add(shared, bytes));
        }
        if stays == due.len() {
            return Ok(0);
        }
        fail::fail_point!("redis-due");
        let moved: Vec<usize> = shared.redis.invoke(&page.script).await?;
        fail::fail_point!("redis-moved");
        // One that somebody else has moved is gone as well; one whose list is none stays.
        Ok(moved.into_iter().sum())
    }
}

impl<'p> Page<'p> {
    fn new(set: &str, poison: &str, names: &'p HashSet<String>) -> Self {
        let mut script = scripts::MOVE.prepare_invoke();
        script.key(set).key(poison);
        Self { names, lists: Vec::new(), script }
    }

    /// Adds a member; tells whether it is to be moved.
    fn add(&mut self, shared: &Shared, bytes: &[u8]) -> bool {
        let job = match Job::parse(bytes) {
            Ok(job) => job,
            Err(Poison(why)) => {
                tracing::warn!("what is no job is moved aside from {}: {why}", shared.name);
                self.script.arg(0).arg(bytes).arg(bytes);
                return true;
            }
        };
        if !self.names.contains(&job.name) {
            return false;
        }
        let list = shared.keys.ready(&job.name);
        let number = self.lists.iter().position(|one| *one == list).unwrap_or_else(|| {
            self.script.key(&list);
            self.lists.push(list);
            self.lists.len() - 1
        });
        self.script.arg(number + 1).arg(bytes).arg(job.at(shared.now()));
        true
    }
}

impl Shared {
    /// The names of all jobs that were ever enqueued or received, and of ours.
    pub(in crate::queues::redis) async fn known_names(
        &self,
    ) -> Result<HashSet<String>, ServiceError> {
        let known: Vec<Vec<u8>> =
            self.redis.query(redis::cmd("SMEMBERS").arg(self.keys.known_jobs())).await?;
        let known = known.into_iter().filter_map(|name| String::from_utf8(name).ok());
        Ok(known.chain(self.jobs.iter().map(|job| job.name.clone())).collect())
    }
}
