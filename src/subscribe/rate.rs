//! How many messages are written in a time: `--rate`.

use crate::error::Result;
use crate::message::Delivery;
use crate::sinks::{Outcome, Sink};
use async_trait::async_trait;
use governor::clock::Clock as _;
use governor::{DefaultDirectRateLimiter, Quota};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A tenth of a second's messages may be written at once.
const PARTS: u32 = 10;

/// The most messages in a second; beyond it, nobody counts.
const FASTEST: u32 = 1_000_000;

/// A rate that all writes of a run keep together. A clone is the same one.
#[derive(Clone)]
pub struct Rate {
    limiter: Arc<DefaultDirectRateLimiter>,
    at_once: NonZeroU32,
    over: CancellationToken,
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate").field("at_once", &self.at_once).finish_non_exhaustive()
    }
}

/// Reads `10/s`, `90/m` or `5/h`.
impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write it as `10/s`, `90/m` or `5/h`";
        let (count, unit) = text.split_once('/').ok_or(form)?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(form.to_owned()),
        };
        let count: NonZeroU32 = count.trim().parse().map_err(|_| form)?;
        if count.get() / seconds > FASTEST {
            return Err(format!("at most {FASTEST}/s can be counted"));
        }
        Self::new(Duration::from_secs(seconds.into()) / count.get(), count.get() / seconds)
            .ok_or_else(|| form.to_owned())
    }
}

impl Rate {
    /// One message each time that this is over; so many in a second.
    fn new(each: Duration, in_a_second: u32) -> Option<Self> {
        let at_once = NonZeroU32::new(in_a_second / PARTS).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(each)?.allow_burst(at_once);
        let limiter = Arc::new(DefaultDirectRateLimiter::direct(quota));
        Some(Self { limiter, at_once, over: CancellationToken::new() })
    }

    /// How many messages may be written at once: no batch is larger.
    pub fn at_once(&self) -> usize {
        self.at_once.get() as usize
    }

    /// Ends all waiting: the run is over.
    pub(super) fn stop(&self) {
        self.over.cancel();
    }

    /// Waits until so many messages may be written; `false` where the run ends before that.
    async fn wait(&self, messages: usize) -> bool {
        let mut left = u32::try_from(messages).unwrap_or(u32::MAX);
        while let Some(some) = NonZeroU32::new(left.min(self.at_once.get())) {
            match self.limiter.check_n(some) {
                Ok(Ok(())) => left -= some.get(),
                Ok(Err(too_soon)) => {
                    let pause = too_soon.wait_time_from(self.limiter.clock().now());
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.over.cancelled() => return false,
                    }
                }
                Err(_) => unreachable!("no more is asked for than may be written at once"),
            }
        }
        true
    }
}

/// A sink that is written to at a rate.
pub(super) struct Paced<'a> {
    pub(super) sink: &'a dyn Sink,
    pub(super) rate: &'a Rate,
}

#[async_trait]
impl Sink for Paced<'_> {
    async fn ping(&self) -> Result<()> {
        self.sink.ping().await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        match self.rate.wait(batch.len()).await {
            true => self.sink.write(batch).await,
            false => vec![Outcome::Unwritten; batch.len()],
        }
    }

    fn ordered(&self) -> bool {
        self.sink.ordered()
    }

    fn at_once(&self) -> usize {
        self.sink.at_once()
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(()) // the sink is its owner's
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, at_once) in
            [("10/s", 1), ("1/s", 1), ("90/m", 1), ("5/h", 1), ("1000/s", 100), ("72000/m", 120)]
        {
            assert_eq!(text.parse::<Rate>().unwrap().at_once(), at_once, "{text}");
        }
        for text in ["", "10", "0/s", "/s", "-1/s", "1.5/s", "10/d", "10/sec", "2000000/s", "a/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn who_waits_goes_when_the_run_is_over() {
        let rate: Rate = "1/h".parse().unwrap();
        assert!(rate.wait(1).await);
        let (waited, ()) = tokio::join!(rate.wait(1), async { rate.stop() });
        assert!(!waited);
    }
}
