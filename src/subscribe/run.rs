//! The loop itself: what to wait for next, and what to do about it.

use super::breaker::Outage;
use super::in_flight::{Hand, Held};
use super::later::Later;
use super::lines::{Batch, Line};
use super::receive::{Receiving, received};
use super::settle::Written;
use super::unplaced::Unplaced;
use super::{Mode, Rehearsal, Work};
use crate::error::{Error, Kind, Result};
use crate::message::Delivery;
use crate::report::count;
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use std::pin::pin;
use tokio::time::{Instant, sleep_until};

/// Why the run stopped receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The queue had no more.
    Empty,
    /// A limit of the plan was reached, or the shutdown was asked for: what is in hand is finished.
    Enough,
    /// The sink or the queue failed, or the reader is gone: what is in hand is given back.
    Broken,
}

/// One run: what it has in hand, and how it stands.
pub(super) struct Run<'a> {
    pub(super) work: Work<'a>,
    pub(super) hand: Hand,
    pub(super) receiving: Option<Receiving<'a>>,
    pub(super) writing: FuturesUnordered<BoxFuture<'a, (Vec<Line>, Written)>>,
    /// What is being written may kill us: nothing is begun beside it.
    pub(super) alone: bool,
    pub(super) outage: Option<Outage>,
    pub(super) unplaced: Unplaced<'a>,
    pub(super) later: Later,
    pub(super) received: usize,
    /// Left to a later run, and ours until this one ends.
    pub(super) postponed: usize,
    pub(super) empty: bool,
    pub(super) end: Option<End>,
    failure: Option<Error>,
}

impl<'a> Run<'a> {
    pub(super) fn new(work: Work<'a>) -> Self {
        Self {
            work,
            hand: Hand::new(work.sink.ordered(), Instant::now()),
            receiving: None,
            writing: FuturesUnordered::new(),
            alone: false,
            outage: None,
            unplaced: Unplaced::none(),
            later: Later::default(),
            received: 0,
            postponed: 0,
            empty: false,
            end: None,
            failure: None,
        }
    }

    /// The loop itself: returns when nothing is being written any more and nothing more is wanted.
    pub(super) async fn until_done(&mut self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let plan = self.work.plan;
        let mut shutdown = pin!(shutdown.fuse());
        let started = Instant::now();
        let mut last_call: Option<Instant> = None;
        loop {
            self.keep_only_the_probe().await;
            self.make_room().await;
            self.start_writes();
            self.stop_when_done();
            if self.end.is_some() && self.idle() && !self.unplaced.is_trying() {
                return self.failure.take().or_else(|| self.unplaced.error()).map_or(Ok(()), Err);
            }
            self.start_receiving();
            let (due, quiet) = (self.hand.next_due(), self.quiet_at());
            let (probe, place) = (self.probe_at(), self.place_at());
            tokio::select! {
                biased;
                () = &mut shutdown => {
                    self.finish(End::Enough);
                    last_call = Some(Instant::now() + plan.grace);
                }
                () = at(last_call) => return Err(self.out_of_grace()),
                Some((lines, written)) = self.writing.next() => self.after_write(lines, written),
                written = self.unplaced.tried() => self.after_placing(written),
                answer = received(&mut self.receiving) => self.take(answer).await,
                () = at(due) => self.release_due().await,
                () = at(place) => self.try_to_place(),
                () = at(probe) => {}
                () = at(quiet) => self.finish(End::Empty),
                () = at(plan.max_time.map(|time| started + time)), if self.end.is_none() => {
                    self.finish(End::Enough);
                }
            }
        }
    }

    /// Everything in hand, for whoever extends the leases.
    pub(super) fn held(&self) -> Held {
        self.hand.held()
    }

    /// It stays until it is told to end.
    pub(super) fn follows(&self) -> bool {
        self.work.plan.mode == Mode::Follow
    }

    /// Moves what is waiting into writes, as many at once as the plan and the sink allow; what may
    /// kill us comes alone, after the others.
    fn start_writes(&mut self) {
        let Work { sink, plan, .. } = self.work;
        if self.end == Some(End::Broken) || self.alone {
            return;
        }
        if self.outage.is_some() {
            return self.start_probe();
        }
        while self.writing.len() < plan.concurrency.min(sink.at_once()) && self.batch_is_due() {
            let batch = self.hand.batch(plan.batch, plan.batch_bytes);
            self.start(batch, Work::write_and_settle);
        }
        while self.writing.is_empty()
            && let Some(suspect) = self.hand.suspect()
        {
            self.start(suspect, Work::write_and_settle);
            self.alone = !self.writing.is_empty();
        }
    }

    /// Begins to work on a batch. In a rehearsal without writes it is only named.
    pub(super) fn start<F>(&mut self, batch: Batch, work: impl FnOnce(Work<'a>, Vec<Delivery>) -> F)
    where
        F: Future<Output = Written> + Send + 'a,
    {
        let Batch { deliveries, lines } = batch;
        if self.work.plan.rehearsal == Rehearsal::Look {
            self.look_at(&deliveries);
            return self.hand.go_on(lines);
        }
        let work = work(self.work, deliveries);
        self.writing.push(async move { (lines, work.await) }.boxed());
    }

    /// While the sink is idle whatever waits is written at once; while it writes, what comes is
    /// collected until it is a full batch.
    fn batch_is_due(&self) -> bool {
        let plan = self.work.plan;
        let free = self.hand.free();
        let full = free >= plan.batch || self.hand.free_bytes() >= plan.batch_bytes;
        let no_more_comes =
            self.end.is_some() || self.empty || !self.has_room() || self.hand.has_suspect();
        free > 0 && (full || no_more_comes || self.writing.is_empty())
    }

    fn look_at(&mut self, batch: &[Delivery]) {
        for delivery in batch {
            tracing::info!(id = delivery.message.id, "would write this message");
        }
    }

    /// Nothing is waiting to be written and nothing is being written.
    pub(super) fn idle(&self) -> bool {
        let waiting = self.hand.waiting() > 0 && self.end != Some(End::Broken);
        self.writing.is_empty() && !waiting
    }

    pub(super) fn finish(&mut self, end: End) {
        self.end_in_outage();
        self.end.get_or_insert(end);
    }

    pub(super) fn break_off(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.end = Some(End::Broken);
        self.receiving = None;
    }

    fn after_write(&mut self, lines: Vec<Line>, mut written: Written) {
        let now = Instant::now();
        self.later.note(&written.ended, written.why_failed.take());
        self.keep_unplaced(&mut written);
        self.hand.settled(&written.settled, now);
        self.hand.take_back(written.unwritten);
        for (receipt, due) in written.kept {
            self.hand.keep_until(receipt, due);
        }
        self.postponed += written.postponed + self.hand.stop(written.stopped, now);
        self.hand.go_on(lines);
        self.alone = false;
        if let Some(why) = written.not_settled {
            self.lose_queue(&why);
        }
        if written.closed {
            self.end = Some(End::Broken);
        }
        match written.unavailable {
            Some(why) => self.lose_sink(why),
            None => self.keep_sink(),
        }
    }

    pub(super) fn lose_queue(&mut self, why: &str) {
        if self.follows() {
            tracing::warn!("the queue did not take the acknowledgements: {why}");
        } else {
            self.break_off(not_settled(why));
        }
    }

    /// Gives back what was kept for a retry that is due now, in a queue that cannot delay.
    async fn release_due(&mut self) {
        let due = self.hand.take_due(Instant::now());
        self.work.release(&due).await;
        self.hand.settled(&due, Instant::now());
    }

    /// Ends what is being written, and counts what the queue's `close` will give back unwritten.
    /// Only then: a message that is released while we still listen comes straight back to us.
    pub(super) fn let_go(&mut self) {
        self.writing.clear();
        count(&self.work.counters.released, self.hand.waiting());
        if self.postponed > 0 {
            tracing::info!(
                "{} messages are left to a later run: their retries are due later than `--idle`",
                self.postponed
            );
        }
    }

    fn out_of_grace(&self) -> Error {
        Error::new(Kind::Failed, format!("{} messages were not finished", self.hand.len()))
            .because_of("the grace after the signal is over")
            .hint("nothing is lost: they come again; or give a longer `--grace`")
    }
}

fn not_settled(why: &str) -> Error {
    Error::new(Kind::Unreachable, "the queue did not take the acknowledgements")
        .because_of(why)
        .hint("what was stored comes again and is recognised as a duplicate; run it again")
}

/// Sleeps until then; for ever where there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
