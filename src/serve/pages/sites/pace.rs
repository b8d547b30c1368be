//! When something that is watched is looked at anew.

use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The pause between two looks; one that takes long has a longer one after it.
const PAUSE: Duration = Duration::from_secs(10);
/// How many times longer than the look the pause after it is, at least.
const IDLE_SHARE: u32 = 5;
/// What was seen this long ago is fresh enough for a page.
const FRESH: Duration = Duration::from_secs(2);
/// How long a page waits for a fresh look.
const PAGE_WAITS: Duration = Duration::from_millis(1500);

/// When something that is watched is looked at anew: every ten seconds, and when a page wants it.
#[derive(Default)]
pub(in super::super) struct Pace {
    seen: watch::Sender<Seen>,
    /// A page waits for a fresh look.
    wanted: Notify,
}

/// What is known of the looks.
#[derive(Default)]
struct Seen {
    /// There was a look, with whatever success.
    once: bool,
    /// When the last look ended that saw all changes of ours.
    ended: Option<Instant>,
    /// When something was changed last.
    changed: Option<Instant>,
    /// Since when the present look runs, and how long the last one took.
    running: Option<Instant>,
    took: Duration,
}

impl Seen {
    fn is_fresh(&self) -> bool {
        self.ended.is_some_and(|at| at.elapsed() < FRESH)
    }

    /// Whether it is of no use to wait for a look.
    fn is_slow(&self) -> bool {
        let runs = self.running.is_some_and(|began| began.elapsed() >= PAGE_WAITS);
        runs || self.took >= PAGE_WAITS
    }

    fn add(&mut self, began: Instant) {
        (self.once, self.running, self.took) = (true, None, began.elapsed());
        if self.changed.is_none_or(|changed| changed <= began) {
            self.ended = Some(Instant::now());
        }
    }
}

impl Pace {
    /// Whether there was a look, with whatever success.
    pub(in super::super) fn has_looked(&self) -> bool {
        self.seen.borrow().once
    }

    /// Something was changed: the next page wants a look that begins after this.
    pub(in super::super) fn forget(&self) {
        self.seen.send_modify(|seen| {
            seen.ended = None;
            seen.changed = Some(Instant::now());
        });
    }

    /// Waits for a fresh look, but not for long; and not at all where the last one was slow.
    pub(in super::super) async fn freshen_unless_slow(&self) {
        let is_slow = self.seen.borrow().is_slow();
        match is_slow {
            true => self.wanted.notify_one(),
            false => self.freshen().await,
        }
    }

    /// Waits for a fresh look, but not for long.
    pub(in super::super) async fn freshen(&self) {
        let mut seen = self.seen.subscribe();
        if seen.borrow_and_update().is_fresh() {
            return;
        }
        self.wanted.notify_one();
        drop(timeout(PAGE_WAITS, seen.wait_for(Seen::is_fresh)).await);
    }

    /// Looks again and again until `stop`.
    pub(in super::super) async fn run<F: Future<Output = ()>>(
        &self,
        stop: &CancellationToken,
        look: impl Fn() -> F,
    ) {
        let work = async {
            loop {
                let began = Instant::now();
                self.seen.send_modify(|seen| seen.running = Some(began));
                look().await;
                self.seen.send_modify(|seen| seen.add(began));
                let took = began.elapsed();
                sleep(took).await;
                tokio::select! {
                    () = self.wanted.notified() => {}
                    () = sleep(PAUSE.max(took * IDLE_SHARE)) => {}
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_page_that_wants_it_gets_a_look_that_began_after_a_change() {
        let (pace, stop, looks) = (Pace::default(), CancellationToken::new(), AtomicU32::new(0));
        let look = || async {
            sleep(Duration::from_millis(100)).await;
            looks.fetch_add(1, Ordering::Relaxed);
        };
        let page = async {
            assert!(!pace.has_looked());
            sleep(Duration::from_millis(50)).await;
            pace.forget();
            pace.freshen().await;
            assert_eq!(looks.load(Ordering::Relaxed), 2, "the first began before the change");
            pace.freshen().await;
            assert_eq!(looks.load(Ordering::Relaxed), 2, "the second is fresh");
            stop.cancel();
        };
        tokio::join!(pace.run(&stop, look), page);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_waits_for_a_slow_look_no_longer_than_a_moment() {
        let (pace, stop) = (Pace::default(), CancellationToken::new());
        let page = async {
            let began = Instant::now();
            pace.freshen().await;
            assert_eq!(began.elapsed(), PAGE_WAITS);
            pace.freshen_unless_slow().await;
            assert_eq!(began.elapsed(), PAGE_WAITS, "it is known to be slow");
            stop.cancel();
        };
        tokio::join!(pace.run(&stop, std::future::pending), page);
    }
}
