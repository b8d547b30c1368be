//! The circuit breaker: while the sink is gone nothing is received, and one small batch stays in
//! flight to try it with.

use crate::error::{Error, Kind};
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;
use tokio::time::Instant;

/// At most this many messages stay in flight, leased, to try the sink with.
pub(super) const PROBE: usize = 10;

/// The backoff between two probes: doubled each time, the second half of it random.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(60))
    .without_max_times();

/// A sink that asks for longer than this is probed all the same.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A run that would end by itself waits at most this long for a sink that asks for a pause.
const PATIENCE: Duration = Duration::from_secs(60);

/// Closed while the sink answers, and open while it is gone.
#[derive(Default)]
pub(super) struct Breaker(Option<Open>);

struct Open {
    since: Instant,
    why: String,
    /// The queue fetches nothing any more.
    paused: bool,
    /// A probe is on its way.
    probing: bool,
    next: Instant,
    backoff: ExponentialBackoff,
}

impl Open {
    fn new(why: String, asked: Option<Duration>) -> Self {
        let now = Instant::now();
        let backoff = BACKOFF.build();
        let mut open = Self { since: now, why, paused: false, probing: false, next: now, backoff };
        open.wait(asked);
        open
    }

    /// The next probe is after the pause that the sink asked for, else after the next one of ours.
    fn wait(&mut self, asked: Option<Duration>) {
        let pause = asked.map_or_else(|| self.own_pause(), bounded);
        self.next = Instant::now() + pause;
        self.probing = false;
    }

    fn own_pause(&mut self) -> Duration {
        let pause = self.backoff.next().expect("there is no end to the backoff");
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// A pause that a sink asked for: those who heard the same do not all come back at once.
fn bounded(asked: Duration) -> Duration {
    asked.min(LONGEST_WAIT).mul_f64(1.0 + fastrand::f64() / 10.0)
}

impl Breaker {
    /// Whether the sink is gone.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// When to probe the sink again; `None` while it answers.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        self.0.as_ref().map(|open| open.next)
    }

    /// A probe is on its way.
    pub(super) fn probe(&mut self) {
        if let Some(open) = &mut self.0 {
            open.probing = true;
        }
    }

    /// A write told that the sink is gone, why, and how long it asks to be left alone where it does.
    pub(super) fn lose(&mut self, why: String, asked: Option<Duration>) {
        match &mut self.0 {
            Some(open) if open.probing => {
                tracing::debug!("the sink is still unavailable: {why}");
                open.why = why;
                open.wait(asked);
            }
            Some(open) => {
                let asked = asked.map(|asked| Instant::now() + bounded(asked));
                open.next = asked.map_or(open.next, |asked| open.next.max(asked));
            }
            None => {
                tracing::warn!("the sink is unavailable, waiting for it: {why}");
                self.0 = Some(Open::new(why, asked));
            }
        }
    }

    /// Whether a run that would end by itself waits for a sink that asks for such a pause: a short
    /// while since the sink last took something.
    pub(super) fn bears(&self, asked: Option<Duration>) -> bool {
        let waited = self.0.as_ref().map_or(Duration::ZERO, |open| open.since.elapsed());
        asked.is_some_and(|asked| waited.saturating_add(asked) <= PATIENCE)
    }

    /// A write told nothing of the kind: if it was a probe, the sink is back.
    pub(super) fn close(&mut self) {
        if let Some(open) = self.0.take_if(|open| open.probing) {
            tracing::warn!("the sink is back after {:.0?}", open.since.elapsed());
        }
    }

    /// Whether the queue is to be paused: once each time the sink is gone.
    pub(super) fn pauses_queue(&mut self) -> bool {
        self.0.as_mut().is_some_and(|open| !std::mem::replace(&mut open.paused, true))
    }

    /// Why a run that ends now has not done what it should; `None` while the sink answers.
    pub(super) fn error(&self) -> Option<Error> {
        self.0.as_ref().map(|open| unavailable(open.why.clone()))
    }
}

/// The error of a run that ends because its sink is gone.
pub(super) fn unavailable(why: String) -> Error {
    Error::new(Kind::Unreachable, "the sink became unavailable")
        .because_of(why)
        .hint("nothing is lost: what was not stored is still in the queue; run it again")
}
