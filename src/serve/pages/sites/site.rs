//! The queues of one URL, watched.

use super::Shown;
use super::history::{History, Sample};
use super::no_answer;
use super::pace::Pace;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::inspect::{self, Counted};
use crate::location::Location;
use crate::queues::{self, NamedQueue, Options};
use crate::text::visible;
use chrono::{DateTime, Utc};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a count may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// One URL of the command line, and what was found there.
pub(in super::super) struct Site {
    url: Location,
    options: Options,
    spool: Option<PathBuf>,
    clock: Clock,
    state: RwLock<State>,
    pace: Pace,
}

/// What was found, as of the last count.
#[derive(Clone, Default)]
struct State {
    queues: Vec<QueueState>,
    /// Why nobody could tell which queues there are.
    failure: Option<Failure>,
}

/// A queue that was found, and how it was counted.
#[derive(Clone)]
pub(in super::super) struct QueueState {
    /// The queue's name and its URL.
    pub(in super::super) queue: NamedQueue,
    /// What was counted, as long as it could be.
    pub(in super::super) history: History,
    /// Why the last count failed, where it did.
    pub(in super::super) failure: Option<Failure>,
}

/// Why something could not be counted, and since when.
#[derive(Clone)]
pub(in super::super) struct Failure {
    /// When that began.
    pub(in super::super) since: DateTime<Utc>,
    /// The last error.
    pub(in super::super) error: Arc<Error>,
}

impl Site {
    pub(super) fn new(url: Location, shown: &Shown) -> Self {
        let (options, spool) = (shown.options.clone(), shown.spool.clone());
        let (clock, state) = (options.clock.clone(), RwLock::default());
        Self { url, options, spool, clock, state, pace: Pace::default() }
    }

    /// What its queues are opened with.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// The URL, fit to be shown.
    pub(in super::super) fn told(&self) -> String {
        visible(self.url.to_string().as_bytes())
    }

    /// The queues, as they were counted last.
    pub(in super::super) fn queues(&self) -> Vec<QueueState> {
        self.state().queues
    }

    /// Why nobody can tell which queues there are.
    pub(in super::super) fn failure(&self) -> Option<Failure> {
        self.state().failure
    }

    /// Whether it was counted once, with whatever success.
    pub(in super::super) fn was_counted(&self) -> bool {
        self.pace.has_looked()
    }

    /// Something was changed: the next page wants a new count, whatever the age of the last one.
    pub(in super::super) fn was_changed(&self) {
        self.pace.forget();
    }

    fn state(&self) -> State {
        self.state.read().expect("no holder panics").clone()
    }

    /// Waits for a fresh count, but not for long.
    pub(super) async fn freshen(&self) {
        self.pace.freshen().await;
    }

    /// Counts again and again until `stop`.
    pub(super) async fn watch(&self, stop: &CancellationToken) {
        self.pace.run(stop, || self.count()).await;
    }

    async fn count(&self) {
        let named = match timeout(PATIENCE, queues::named(&self.url, &self.options)).await {
            Ok(named) => named,
            Err(_) => Err(no_answer(PATIENCE)),
        };
        let before = self.state();
        let state = match named {
            Err(error) => {
                let failure = Some(self.failed(before.failure.clone(), error));
                State { failure, ..before }
            }
            Ok(named) => {
                let mut queues = Vec::new();
                for queue in named {
                    let known = before.queues.iter().find(|it| it.queue == queue).cloned();
                    queues.push(self.counted(queue, known).await);
                }
                State { queues, failure: None }
            }
        };
        *self.state.write().expect("no holder panics") = state;
    }

    async fn counted(&self, queue: NamedQueue, known: Option<QueueState>) -> QueueState {
        let (mut history, failure) = match known {
            Some(known) => (known.history, known.failure),
            None => (History::default(), None),
        };
        match self.sample(&queue).await {
            Ok(sample) => {
                history.push(sample);
                QueueState { queue, history, failure: None }
            }
            Err(error) => QueueState { queue, history, failure: Some(self.failed(failure, error)) },
        }
    }

    async fn sample(&self, queue: &NamedQueue) -> Result<Sample> {
        let counting = inspect::stats(queue.url.clone(), &self.options, self.spool.clone());
        let counted = timeout(PATIENCE, counting).await.map_err(|_| no_answer(PATIENCE))?;
        let Counted { spool, queue } = counted?;
        Ok(Sample { at: self.clock.now(), stats: Arc::new(queue?), spool })
    }

    fn failed(&self, before: Option<Failure>, error: Error) -> Failure {
        let since = before.map_or_else(|| self.clock.now(), |before| before.since);
        Failure { since, error: Arc::new(error) }
    }
}
