//! The circuit breaker: while the sink is gone nothing is received, and one small batch stays in
//! hand to try it with.

use super::Work;
use super::run::Run;
use super::settle::Written;
use crate::error::{Error, Kind};
use crate::message::Delivery;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;
use tokio::time::Instant;

/// At most this many messages stay in hand, leased, to try the sink with.
const PROBE: usize = 10;

/// The pauses between two tries: doubled each time, their second half random.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(60))
    .without_max_times();

/// The sink is gone.
pub(super) struct Outage {
    since: Instant,
    why: String,
    /// The queue fetches nothing any more.
    paused: bool,
    /// A try is on its way.
    probing: bool,
    next: Instant,
    pauses: ExponentialBackoff,
}

impl Outage {
    fn begin(why: String) -> Self {
        let now = Instant::now();
        let pauses = PAUSES.build();
        let mut outage = Self { since: now, why, paused: false, probing: false, next: now, pauses };
        outage.wait();
        outage
    }

    /// The next try is after the next pause.
    fn wait(&mut self) {
        let pause = self.pauses.next().expect("there is no end to the pauses");
        self.next = Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.probing = false;
    }
}

impl Run<'_> {
    /// When to try the sink again; never while anything is still being written.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        let outage = self.outage.as_ref().filter(|_| self.end.is_none());
        outage.filter(|_| self.writing.is_empty()).map(|outage| outage.next)
    }

    /// Tries the sink, when it is time to: asks whether it is there, and writes the batch that was
    /// kept for this.
    pub(super) fn start_probe(&mut self) {
        if self.probe_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        let mut batch = self.hand.batch(PROBE, self.work.plan.batch_bytes);
        if batch.deliveries.is_empty()
            && let Some(suspect) = self.hand.suspect()
        {
            (batch, self.alone) = (suspect, true);
        }
        self.start(batch, Work::probe);
        if let Some(outage) = &mut self.outage {
            outage.probing = true;
        }
    }

    /// A write told that the sink is gone. A run that would end by itself ends now; one that
    /// follows waits.
    pub(super) fn lose_sink(&mut self, why: String) {
        if !self.follows() || self.end.is_some() {
            return self.break_off(unavailable(why));
        }
        match &mut self.outage {
            Some(outage) if outage.probing => {
                tracing::debug!("the sink is still unavailable: {why}");
                outage.why = why;
                outage.wait();
            }
            Some(_) => {}
            None => {
                tracing::warn!("the sink is unavailable, waiting for it: {why}");
                self.outage = Some(Outage::begin(why));
            }
        }
    }

    /// A write told nothing of the kind: if it was a try, the outage is over.
    pub(super) fn keep_sink(&mut self) {
        if let Some(outage) = self.outage.take_if(|outage| outage.probing) {
            tracing::warn!("the sink is back after {:.0?}", outage.since.elapsed());
        }
    }

    /// During an outage: stops the queue, and gives back all but what the sink is tried with.
    pub(super) async fn keep_only_the_probe(&mut self) {
        let Work { queue, counters, .. } = self.work;
        let Some(outage) = self.outage.as_mut().filter(|_| self.end.is_none()) else { return };
        if !std::mem::replace(&mut outage.paused, true) {
            self.receiving = None;
            if let Err(error) = queue.pause().await {
                tracing::warn!("the queue is not paused: {}", error.one_line());
            }
        }
        let surplus = self.hand.let_go(PROBE);
        if surplus.is_empty() {
            return;
        }
        self.received = self.received.saturating_sub(surplus.len());
        crate::report::count(&counters.released, surplus.len());
        self.work.release(&surplus).await;
        self.hand.settled(&surplus, Instant::now());
    }

    /// Why a run that ends during an outage has not done what it should.
    pub(super) fn end_in_outage(&mut self) {
        if self.end.is_none()
            && let Some(outage) = &self.outage
        {
            let error = unavailable(outage.why.clone());
            self.break_off(error);
        }
    }
}

impl Work<'_> {
    /// Asks whether the sink is there, and only then writes.
    async fn probe(self, batch: Vec<Delivery>) -> Written {
        match self.sink.ping().await {
            Ok(()) if batch.is_empty() => Written::default(),
            Ok(()) => self.write_and_settle(batch).await,
            Err(error) => Written::not_at_all(batch, error.one_line()),
        }
    }
}

fn unavailable(why: String) -> Error {
    Error::new(Kind::Unreachable, "the sink became unavailable")
        .because_of(why)
        .hint("nothing is lost: what was not stored is still in the queue; run it again")
}
