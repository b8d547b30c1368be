//! When a pool's heart beat, and whether others see by that that it lives.

use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// After so long without a beat a pool counts as dead.
const STANDS: Duration = Duration::from_secs(10);

/// When the heart beat.
#[derive(Default)]
pub(in crate::queues::redis) struct Beats(Mutex<Option<Instant>>);

impl Beats {
    fn last(&self) -> Option<Instant> {
        *self.0.lock().expect("no holder of a time panics")
    }

    pub(super) fn note(&self, at: Instant) {
        *self.0.lock().expect("no holder of a time panics") = Some(at);
    }

    /// Whether the last beat is recent enough for others to see that we live.
    pub(in crate::queues::redis) fn stands(&self, now: Instant) -> bool {
        self.last().is_some_and(|last| now.duration_since(last) < STANDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_lives_for_ten_seconds_after_each_beat() {
        let (beats, now) = (Beats::default(), Instant::now());
        assert!(!beats.stands(now));
        beats.note(now);
        assert!(beats.stands(now + STANDS - Duration::from_millis(1)));
        assert!(!beats.stands(now + STANDS));
    }
}
