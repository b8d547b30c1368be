//! A wait of Google's client, kept from trying too often.
//!
//! Where a connection is accepted and breaks before a stream is open, the client tries again at once, some
//! hundred times a second and for as long as that lasts. It does so only while it is polled, so that its polls
//! can be rationed.

use std::future::poll_fn;
use std::pin::pin;
use std::task::ready;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How many polls in vain need not wait, in each `WINDOW`.
const FREE: u32 = 64;
/// How long each of the others waits.
const PAUSE: Duration = Duration::from_millis(100);
/// What was polled longer ago does not count.
const WINDOW: Duration = Duration::from_secs(10);

/// Waits for what comes of this, and polls it no more often than somebody does who waits for a server.
pub(super) async fn rationed<F: Future>(wait: F) -> F::Output {
    let (mut wait, mut pause) = (pin!(wait), pin!(sleep(Duration::ZERO)));
    let (mut polls, mut since) = (0, Instant::now());
    poll_fn(|context| {
        if polls >= FREE {
            ready!(pause.as_mut().poll(context));
        }
        let polled = wait.as_mut().poll(context);
        if polled.is_pending() {
            let now = Instant::now();
            if now - since >= WINDOW {
                (polls, since) = (0, now);
            }
            polls += 1;
            if polls >= FREE {
                pause.as_mut().reset(now + PAUSE);
            }
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn what_tries_without_a_pause_is_given_one() {
        let tries = Cell::new(0);
        let for_ever = async {
            loop {
                tries.set(tries.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        let minute = Duration::from_secs(60);
        timeout(minute, rationed(for_ever)).await.expect_err("it never ends");
        assert!((600..1100).contains(&tries.get()), "{}", tries.get());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_told_now_and_then_waits_for_nothing() {
        let start = Instant::now();
        let heartbeats = async {
            for _ in 0..1000 {
                sleep(Duration::from_secs(1)).await;
            }
        };
        rationed(heartbeats).await;
        assert_eq!((Instant::now() - start).as_secs(), 1000);
    }
}
