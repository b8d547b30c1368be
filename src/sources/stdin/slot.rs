//! Where the thread that reads meets the task that publishes: room for one batch.

use super::super::Batch;
use std::sync::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

/// The bounds of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// A batch, or the beginning of one.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) batch: Batch,
    pub(super) bytes: usize,
}

impl Part {
    /// Messages and refusals: both take memory, so both are bounded.
    pub(super) fn len(&self) -> usize {
        self.batch.messages.len() + self.batch.refused.len()
    }

    pub(super) fn is_full(&self, limits: Limits) -> bool {
        self.len() >= limits.messages || self.bytes >= limits.bytes
    }

    fn has_room_for(&self, other: &Part, limits: Limits) -> bool {
        let fits =
            self.len() + other.len() <= limits.messages && self.bytes + other.bytes <= limits.bytes;
        fits || self.len() == 0
    }

    fn append(&mut self, other: Part) {
        self.batch.messages.extend(other.batch.messages);
        self.batch.lines.extend(other.batch.lines);
        self.batch.refused.extend(other.batch.refused);
        self.bytes += other.bytes;
    }
}

/// Holds at most one batch. The thread waits while it is full, the task while it is empty.
pub(super) struct Slot {
    limits: Limits,
    state: Mutex<State>,
    filled: Notify,
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    part: Part,
    /// The thread puts no more.
    ended: bool,
    /// The task takes no more.
    closed: bool,
}

impl Slot {
    pub(super) fn new(limits: Limits) -> Self {
        let state = Mutex::new(State::default());
        Self { limits, state, filled: Notify::new(), emptied: Condvar::new() }
    }

    /// Adds a part as soon as it fits; false where nobody will take it.
    pub(super) fn put(&self, part: Part) -> bool {
        let has_no_room =
            |state: &mut State| !state.closed && !state.part.has_room_for(&part, self.limits);
        let mut state = self
            .emptied
            .wait_while(self.lock(), has_no_room)
            .expect("no holder of the lock panics");
        if state.closed {
            return false;
        }
        state.part.append(part);
        self.filled.notify_one();
        true
    }

    /// All that is there, as soon as there is anything; `None` after the end. Cancel-safe: it
    /// takes only in the moment in which it returns.
    pub(super) async fn take(&self) -> Option<Part> {
        loop {
            // A `put` between the look and the wait leaves its permit behind: it is not missed.
            if let Some(answer) = self.look() {
                return answer;
            }
            self.filled.notified().await;
        }
    }

    fn look(&self) -> Option<Option<Part>> {
        let mut state = self.lock();
        if state.part.len() > 0 {
            self.emptied.notify_one();
            return Some(Some(std::mem::take(&mut state.part)));
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
