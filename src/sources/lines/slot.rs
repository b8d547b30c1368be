//! Where the thread that reads meets the task that publishes: room for one batch.

use crate::batch::{BatchBuilder, BatchLimits};
use crate::sources::Batch;
use std::sync::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

/// A batch, or the beginning of one. Messages and refusals both take memory, so both count.
pub(super) type Part = BatchBuilder<Batch>;

/// Holds at most one batch. The thread waits while it is full, the task while it is empty.
pub(super) struct Slot {
    state: Mutex<State>,
    filled: Notify,
    emptied: Condvar,
}

struct State {
    part: Part,
    /// The thread puts no more.
    ended: bool,
    /// The task takes no more.
    closed: bool,
}

impl Slot {
    pub(super) fn new(limits: BatchLimits) -> Self {
        let state = State { part: Part::new(limits), ended: false, closed: false };
        Self { state: Mutex::new(state), filled: Notify::new(), emptied: Condvar::new() }
    }

    /// Adds a part as soon as it fits; false where nobody will take it.
    pub(super) fn put(&self, part: Part) -> bool {
        let (count, bytes) = (part.count(), part.bytes());
        let has_no_room =
            |state: &mut State| !state.closed && !state.part.has_room_for(count, bytes);
        let mut state = self
            .emptied
            .wait_while(self.lock(), has_no_room)
            .expect("no holder of the lock panics");
        if state.closed {
            return false;
        }
        append(state.part.add_all(count, bytes), part.into_content());
        self.filled.notify_one();
        true
    }

    /// All that is there, as soon as there is anything; `None` after the end. Cancel-safe: it
    /// takes only in the moment in which it returns.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            // A `put` between the look and the wait leaves its permit behind: it is not missed.
            if let Some(answer) = self.look() {
                return answer;
            }
            self.filled.notified().await;
        }
    }

    fn look(&self) -> Option<Option<Batch>> {
        let mut state = self.lock();
        if !state.part.is_empty() {
            self.emptied.notify_one();
            return Some(Some(state.part.take()));
        }
        state.ended.then_some(None)
    }

    /// The thread puts no more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.filled.notify_one();
    }

    /// The task takes no more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.emptied.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

fn append(batch: &mut Batch, other: Batch) {
    batch.messages.extend(other.messages);
    batch.lines.extend(other.lines);
    batch.refused.extend(other.refused);
}
