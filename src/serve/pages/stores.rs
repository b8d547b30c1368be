//! The stores whose readings are shown, watched: a page never waits long for one that is slow or down,
//! and shows what was newest when it was read last.

use super::Shown;
use super::sites::{Failure, Pace};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::readings::{Latest, Store};
use crate::text::visible;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a store may take to answer a page.
const PATIENCE: Duration = Duration::from_secs(5);

/// All stores that are shown, in the order of the command line.
pub(super) struct Stores(Vec<ShownStore>);

/// A store that is shown, and what was newest in it.
pub(super) struct ShownStore {
    store: Arc<dyn Store>,
    clock: Clock,
    state: Mutex<State>,
    pace: Pace,
}

/// What was found by the last read.
#[derive(Clone, Default)]
pub(super) struct State {
    /// The newest values, and when they were read, as long as they could be.
    pub(super) newest: Option<(DateTime<Utc>, Arc<[Latest]>)>,
    /// Why the last read failed, where it did.
    pub(super) failure: Option<Failure>,
}

impl Stores {
    pub(super) fn new(shown: &Shown) -> Self {
        let clock = &shown.options.clock;
        let store = |store: &Arc<dyn Store>| ShownStore::new(store.clone(), clock.clone());
        Self(shown.stores.iter().map(store).collect())
    }

    /// Watches all of them until `stop`.
    pub(super) async fn watch(&self, stop: &CancellationToken) {
        let watching = self.0.iter().map(|store| store.pace.run(stop, || store.look()));
        join_all(watching).await;
    }

    /// The stores, each as it was read just now, or as it was before where that takes its time: one
    /// that is known to be slow delays nothing.
    pub(super) async fn fresh(&self) -> &[ShownStore] {
        join_all(self.0.iter().map(|store| store.pace.freshen_unless_slow())).await;
        &self.0
    }

    /// The stores, as they were read last.
    pub(super) fn all(&self) -> &[ShownStore] {
        &self.0
    }
}

impl ShownStore {
    fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock, state: Mutex::default(), pace: Pace::default() }
    }

    /// The store itself.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Which store this is, fit to be shown.
    pub(super) fn told(&self) -> String {
        visible(self.store.describe().as_bytes())
    }

    /// What was found by the last read.
    pub(super) fn state(&self) -> State {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) {
        self.keep(within(self.store.latest()).await);
    }

    /// Keeps what a read has found; one that failed leaves what an earlier one found.
    fn keep(&self, found: Result<Vec<Latest>>) {
        let now = self.clock.now();
        let mut state = self.lock();
        match found {
            Ok(latest) => (state.newest, state.failure) = (Some((now, latest.into())), None),
            Err(error) => {
                let since = state.failure.take().map_or(now, |before| before.since);
                state.failure = Some(Failure { since, error: Arc::new(error) });
            }
        }
    }
}

/// Does this within the patience of a page.
///
/// # Errors
/// `Unreachable` where it takes longer.
pub(super) async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        let nothing = format!("nothing came within {} s", PATIENCE.as_secs());
        Err(Error::new(Kind::Unreachable, "the store does not answer").because_of(nothing).hint(
            "look whether its server runs and is not stopped; of a large file, what was counted is \
             kept: load the page again",
        ))
    })
}
