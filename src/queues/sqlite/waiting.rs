//! Waiting for messages of an embedded queue: until a commit may have brought some, or time may.

use super::claim::expiry::Next;
use super::clock::Now;
use crate::clock::Clock;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often the clock is read while something is due: the system's may jump.
const TICK: Duration = Duration::from_millis(20);

/// The longest that anybody waits; nobody's timer overflows.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a look told besides deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// When the next message is due, as a time of day in milliseconds.
    due: Option<i64>,
    /// When the next lease ends, by the monotonic clock in milliseconds.
    lease_end: Option<i64>,
    /// Look again at once.
    pub more: bool,
}

impl Looked {
    /// What a look told at this time.
    pub fn of(next: Next, more: bool, now: Now, monotonic: i64) -> Self {
        let left = |end: i64| monotonic.saturating_add(end.saturating_sub(now.lease));
        Self { due: next.due, lease_end: next.lease_end.map(left), more }
    }

    /// Nothing can change by time alone.
    fn waits_for_nothing(&self) -> bool {
        self.due.is_none() && self.lease_end.is_none()
    }

    /// Something may have come by now.
    fn is_due(&self, clock: &Clock) -> bool {
        self.due.is_some_and(|due| due <= clock.millis())
            || self.lease_end.is_some_and(|end| end <= clock.monotonic())
    }

    /// Waits until something may have changed, by a commit or by time, or until the deadline;
    /// `true`: by a commit. `changes` was asked for before the look.
    pub async fn wait(
        self,
        mut changes: watch::Receiver<()>,
        clock: &Clock,
        deadline: Instant,
    ) -> bool {
        loop {
            let tick = match self.waits_for_nothing() {
                false => deadline.min(Instant::now() + TICK),
                true => deadline,
            };
            tokio::select! {
                _ = changes.changed() => return true,
                () = tokio::time::sleep_until(tick) => {}
            }
            if self.is_due(clock) || Instant::now() >= deadline {
                return false;
            }
        }
    }
}
