//! The loop itself: what to wait for next, and what to do about it.

use super::breaker::{self, Breaker};
use super::in_flight::{InFlight, Leased};
use super::lanes::{Batch, Lane};
use super::later::Later;
use super::plan::{Mode, Rehearsal};
use super::receiver::Receiver;
use super::unplaced::Unplaced;
use super::work::Work;
use super::written::Written;
use crate::clock::at;
use crate::error::{Error, Kind, Result};
use crate::message::Delivery;
use crate::report::{count, messages};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// Why the run stopped receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The queue had no more.
    Empty,
    /// A limit of the plan was reached, or the shutdown was asked for: what is in flight is finished.
    Enough,
    /// The sink or the queue failed, or the reader is gone: what is in flight is given back.
    Broken,
}

/// One run: what it has in flight, and how it stands.
pub(super) struct Run<'a> {
    pub(super) work: Work<'a>,
    pub(super) in_flight: InFlight,
    pub(super) receiver: Receiver<'a>,
    writing: FuturesUnordered<BoxFuture<'a, (Vec<Lane>, Written)>>,
    /// What is being written may kill us: nothing is begun beside it.
    pub(super) alone: bool,
    pub(super) breaker: Breaker,
    unplaced: Unplaced<'a>,
    pub(super) later: Later,
    /// Left to a later run, and ours until this one ends.
    pub(super) postponed: usize,
    pub(super) end: Option<End>,
    failure: Option<Error>,
    /// Whether it was said that the run waits for messages.
    pub(super) waits: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(work: Work<'a>) -> Self {
        Self {
            work,
            in_flight: InFlight::new(work.sink.ordered(), Instant::now()),
            receiver: Receiver::new(),
            writing: FuturesUnordered::new(),
            alone: false,
            breaker: Breaker::default(),
            unplaced: Unplaced::none(),
            later: Later::default(),
            postponed: 0,
            end: None,
            failure: None,
            waits: false,
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
            let (due, quiet) = (self.in_flight.next_due(), self.quiet_at());
            let (probe, letters) = (self.probe_at(), self.keep_letters_at());
            tokio::select! {
                biased;
                () = &mut shutdown => {
                    self.finish(End::Enough);
                    plan.pace_is_over();
                    last_call = Some(Instant::now() + plan.grace);
                }
                () = at(last_call) => return Err(self.out_of_grace()),
                Some((lanes, written)) = self.writing.next() => self.after_write(lanes, written),
                written = self.unplaced.tried() => self.after_placing(written),
                answer = self.receiver.answer() => self.take(answer).await,
                () = at(due) => self.release_due().await,
                () = at(letters) => self.unplaced.try_again(self.work),
                () = at(probe) => {}
                () = at(quiet) => self.finish(End::Empty),
                () = at(plan.max_time.map(|time| started + time)), if self.end.is_none() => {
                    self.finish(End::Enough);
                    plan.pace_is_over();
                }
            }
        }
    }

    /// Everything in flight, for whoever extends the leases.
    pub(super) fn leased(&self) -> Leased {
        self.in_flight.leased()
    }

    /// Whether the run stays until it is told to end.
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
        if self.breaker.is_open() {
            return self.start_probe();
        }
        while self.writing.len() < plan.concurrency.min(sink.at_once()) && self.batch_is_due() {
            let batch = self.in_flight.batch(plan.batch, plan.batch_bytes);
            self.start(batch, Work::write_and_settle);
        }
        while self.writing.is_empty()
            && let Some(suspect) = self.in_flight.suspect()
        {
            self.start(suspect, Work::write_and_settle);
            self.alone = !self.writing.is_empty();
        }
    }

    /// Begins to work on a batch. In a rehearsal without writes it is only named.
    fn start<F>(&mut self, batch: Batch, work: impl FnOnce(Work<'a>, Vec<Delivery>) -> F)
    where
        F: Future<Output = Written> + Send + 'a,
    {
        let Batch { deliveries, lanes } = batch;
        let work = match self.work.plan.rehearsal {
            Rehearsal::Look => self.work.look(deliveries).boxed(),
            Rehearsal::No | Rehearsal::Write => work(self.work, deliveries).boxed(),
        };
        self.writing.push(async move { (lanes, work.await) }.boxed());
    }

    /// While the sink is idle whatever waits is written at once; while it writes, what comes is
    /// collected until it is a full batch.
    fn batch_is_due(&self) -> bool {
        let plan = self.work.plan;
        let free = self.in_flight.free();
        let full = free >= plan.batch || self.in_flight.free_bytes() >= plan.batch_bytes;
        let no_more_comes = self.end.is_some()
            || self.receiver.found_nothing()
            || !self.has_room()
            || self.in_flight.has_suspect();
        free > 0 && (full || no_more_comes || self.writing.is_empty())
    }

    /// Nothing is waiting to be written and nothing is being written.
    pub(super) fn idle(&self) -> bool {
        let waiting = self.in_flight.waiting() > 0 && self.end != Some(End::Broken);
        self.writing.is_empty() && !waiting
    }

    /// When to probe the sink again; never while anything is still being written.
    fn probe_at(&self) -> Option<Instant> {
        let waits = self.end.is_none() && self.writing.is_empty();
        self.breaker.next_probe().filter(|_| waits)
    }

    /// Probes the sink, when it is time to: asks whether it is there, and writes the batch that was
    /// kept for this.
    fn start_probe(&mut self) {
        if self.probe_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        let mut batch = self.in_flight.batch(breaker::PROBE, self.work.plan.batch_bytes);
        if batch.deliveries.is_empty()
            && let Some(suspect) = self.in_flight.suspect()
        {
            (batch, self.alone) = (suspect, true);
        }
        self.start(batch, Work::probe);
        self.breaker.probe();
    }

    /// A write told that the sink is gone. A run that would end by itself ends now, unless the sink
    /// asks for a short pause only; one that follows waits.
    fn lose_sink(&mut self, why: String, asked: Option<Duration>) {
        let waits = self.follows() || self.breaker.bears(asked);
        match waits && self.end.is_none() {
            true => self.breaker.lose(why, asked),
            false => self.break_off(breaker::unavailable(why)),
        }
    }

    /// While the sink is gone: stops the queue, and gives back all but what the sink is probed with.
    async fn keep_only_the_probe(&mut self) {
        if !self.breaker.is_open() || self.end.is_some() {
            return;
        }
        if self.breaker.pauses_queue() {
            self.receiver.stop();
            if let Err(error) = self.work.queue.pause().await {
                tracing::warn!("the queue is not paused: {}", error.one_line());
            }
        }
        let surplus = self.in_flight.release(breaker::PROBE);
        if surplus.is_empty() {
            return;
        }
        self.receiver.give_back(surplus.len());
        count(&self.work.counters.released, surplus.len());
        self.work.release(&surplus).await;
        self.in_flight.settled(&surplus, Instant::now());
    }

    /// When to try again to keep dead letters that have no place.
    fn keep_letters_at(&self) -> Option<Instant> {
        self.unplaced.next_try().filter(|_| self.end.is_none())
    }

    /// After such a try: what was kept is settled, and the rest waits for the next one.
    fn after_placing(&mut self, written: Written) {
        self.later.note(&written.ended, None);
        self.in_flight.settled(&written.settled, Instant::now());
        if let Some(why) = self.unplaced.after_try(written) {
            self.lose_queue(&why);
        }
    }

    /// Tells the queue's client which deliveries take no room any more.
    async fn make_room(&mut self) {
        let untold = self.unplaced.untold();
        if !untold.is_empty() {
            // A dropped call loses nothing, and the next one has the room.
            self.receiver.stop();
            self.work.queue.set_aside(&untold).await;
        }
    }

    pub(super) fn finish(&mut self, end: End) {
        // A run that ends while the sink is gone has not done what it should.
        if self.end.is_none()
            && let Some(error) = self.breaker.error()
        {
            self.break_off(error);
        }
        self.end.get_or_insert(end);
    }

    pub(super) fn break_off(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.end = Some(End::Broken);
        self.work.plan.pace_is_over();
        self.receiver.stop();
    }

    fn after_write(&mut self, lanes: Vec<Lane>, mut written: Written) {
        let now = Instant::now();
        self.later.note(&written.ended, written.why_failed.take());
        for receipt in self.unplaced.keep(&mut written) {
            self.in_flight.set_aside(&receipt);
        }
        self.in_flight.settled(&written.settled, now);
        self.in_flight.take_back(written.unwritten);
        for (receipt, due) in written.kept {
            self.in_flight.keep_until(receipt, due);
        }
        self.postponed += written.postponed + self.in_flight.stop(written.stopped, now);
        self.in_flight.go_on(lanes);
        self.alone = false;
        if let Some(why) = written.not_settled {
            self.lose_queue(&why);
        }
        let ends = written.denied.map(|why| denied(&why));
        if let Some(error) = ends.or(written.overrun.map(|why| overrun(&why))) {
            self.break_off(error);
        }
        if written.closed {
            self.end = Some(End::Broken);
        }
        match written.unavailable {
            Some(why) => self.lose_sink(why, written.wait),
            None => self.breaker.close(),
        }
    }

    fn lose_queue(&mut self, why: &str) {
        if self.follows() {
            tracing::warn!("the queue did not take the acknowledgements: {why}");
        } else {
            self.break_off(not_settled(why));
        }
    }

    /// Gives back what was kept for a retry that is due now, in a queue that cannot delay.
    async fn release_due(&mut self) {
        let due = self.in_flight.take_due(Instant::now());
        self.work.release(&due).await;
        self.in_flight.settled(&due, Instant::now());
    }

    /// Ends what is being written, and counts what the queue's `close` will give back unwritten.
    /// Only then: a message that is released while we still listen comes straight back to us.
    pub(super) fn leave(&mut self) {
        self.writing.clear();
        count(&self.work.counters.released, self.in_flight.waiting());
        if self.postponed > 0 {
            tracing::info!(
                "left to a later run: {}; retries that are due later than `--idle`",
                messages(self.postponed)
            );
        }
    }

    fn out_of_grace(&self) -> Error {
        Error::new(Kind::Failed, format!("not finished: {}", messages(self.in_flight.len())))
            .because_of("the grace after the signal is over")
            .hint("nothing is lost: they come again; or give a longer `--grace`")
    }
}

fn denied(why: &str) -> Error {
    Error::new(Kind::Credentials, "the sink refuses our credentials").because_of(why).hint(
        "nothing is lost: what was not stored is still in the queue; mend them, and run it again",
    )
}

fn overrun(why: &str) -> Error {
    Error::new(Kind::Unreachable, "a program does not end on a message").because_of(why).hint(
        "nothing is lost: the message is tried again until its attempts are used up; mend the \
         program, or give it more time with `--write-timeout`",
    )
}

fn not_settled(why: &str) -> Error {
    Error::new(Kind::Unreachable, "the queue did not take the acknowledgements")
        .because_of(why)
        .hint("what was stored comes again and is recognised as a duplicate; run it again")
}
