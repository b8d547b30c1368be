//! The loop itself: what to wait for next, and what to do about it.

use super::hand::Hand;
use super::settle::{Tools, Written};
use super::{Mode, Rehearsal};
use crate::error::{Error, Kind, Result};
use crate::message::Delivery;
use crate::queues::Receive;
use crate::report::count;
use crate::sinks::Sink;
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, OptionFuture};
use futures_util::stream::FuturesUnordered;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long a part of a batch waits for the rest of it.
const LINGER: Duration = Duration::from_millis(50);
/// How long one question to the queue waits for messages while we follow it.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The pauses between two questions whether the sink is back.
const FIRST_PROBE: Duration = Duration::from_secs(1);
const LONGEST_PROBE: Duration = Duration::from_secs(60);

/// Why the run stopped receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The queue had no more.
    Empty,
    /// A limit of the plan was reached, or the shutdown was asked for: what is in hand is finished.
    Enough,
    /// The sink or the queue failed, or the reader is gone: what is in hand is given back.
    Broken,
}

/// One run: what it has in hand, and how it stands.
pub(super) struct Run<'a> {
    tools: Tools<'a>,
    hand: Hand,
    writing: FuturesUnordered<BoxFuture<'a, Written>>,
    probe: Option<Probe>,
    received: usize,
    empty: bool,
    end: Option<End>,
    failure: Option<Error>,
}

/// The sink is gone: when to ask next whether it is back.
struct Probe {
    at: Instant,
    pause: Duration,
}

impl<'a> Run<'a> {
    pub(super) fn new(tools: Tools<'a>) -> Self {
        Self {
            tools,
            hand: Hand::new(Instant::now()),
            writing: FuturesUnordered::new(),
            probe: None,
            received: 0,
            empty: false,
            end: None,
            failure: None,
        }
    }

    /// The loop itself: returns when nothing is being written any more and nothing more is wanted.
    pub(super) async fn work(&mut self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let Tools { queue, sink, plan, .. } = self.tools;
        let mut shutdown = pin!(shutdown.fuse());
        let started = Instant::now();
        let mut lease_tick = tokio::time::interval(plan.lease / 3);
        let mut last_call: Option<Instant> = None;
        let mut receiving: OptionFuture<BoxFuture<'a, Result<Vec<Delivery>>>> = None.into();
        let mut asked = false;
        let mut asked_idle = false;
        loop {
            self.start_writes();
            self.stop_when_done();
            if self.end.is_some() && self.idle() {
                return self.failure.take().map_or(Ok(()), Err);
            }
            if !asked && self.wants_more() {
                receiving = Some(queue.receive(self.request())).into();
                asked = true;
                asked_idle = self.idle();
            }
            let (due, flush, quiet) = (self.hand.next_due(), self.flush_at(), self.quiet_at());
            let probe = self.probe.as_ref().map(|probe| probe.at);
            tokio::select! {
                biased;
                () = &mut shutdown => {
                    self.finish(End::Enough);
                    last_call = Some(Instant::now() + plan.grace);
                }
                () = at(last_call) => return Err(self.out_of_grace()),
                Some(written) = self.writing.next() => self.after_write(written),
                Some(answer) = &mut receiving => {
                    asked = false;
                    receiving = None.into();
                    self.take(answer, asked_idle);
                }
                () = at(due) => self.release_due().await,
                () = at(flush) => {}
                () = at(probe) => self.probe(sink).await,
                () = at(quiet) => self.finish(End::Empty),
                _ = lease_tick.tick() => self.extend().await,
                () = at(plan.max_time.map(|time| started + time)), if self.end.is_none() => {
                    self.finish(End::Enough);
                }
            }
        }
    }

    /// The queue was empty, as far as its client can tell.
    pub(super) fn saw_nothing(&self) -> bool {
        self.received == 0 && self.end == Some(End::Empty)
    }

    /// Moves what is waiting into writes, as many at once as the plan allows.
    fn start_writes(&mut self) {
        let Tools { sink, plan, .. } = self.tools;
        let concurrency = if sink.ordered() { 1 } else { plan.concurrency };
        if self.probe.is_some() || self.end == Some(End::Broken) {
            return;
        }
        while self.writing.len() < concurrency && self.batch_is_due() {
            let batch = self.hand.batch(plan.batch, plan.batch_bytes);
            match plan.rehearsal {
                Rehearsal::Look => self.look_at(&batch),
                _ => self.writing.push(self.tools.write_and_settle(batch).boxed()),
            }
        }
    }

    fn batch_is_due(&self) -> bool {
        let plan = self.tools.plan;
        let partial =
            self.hand.waiting() < plan.batch && self.hand.waiting_bytes() < plan.batch_bytes;
        let no_more_comes = self.end.is_some() || self.empty || !self.has_room();
        self.hand.waiting() > 0
            && (!partial || no_more_comes || self.flush_at().is_some_and(|at| at <= Instant::now()))
    }

    fn flush_at(&self) -> Option<Instant> {
        if self.probe.is_some() || !self.writing.is_empty() {
            return None;
        }
        self.hand.waiting_since().map(|since| since + LINGER)
    }

    fn look_at(&mut self, batch: &[Delivery]) {
        for delivery in batch {
            tracing::info!(id = delivery.message.id, "would write this message");
        }
    }

    fn has_room(&self) -> bool {
        let plan = self.tools.plan;
        let wanted = self.wanted().unwrap_or(usize::MAX);
        wanted > 0 && self.hand.len() < plan.in_flight && self.hand.bytes() < plan.in_flight_bytes
    }

    /// How many more messages this run wants; `None` is any number.
    fn wanted(&self) -> Option<usize> {
        let plan = self.tools.plan;
        let once = (plan.mode == Mode::Once).then_some(plan.batch);
        let limit = match (plan.max_messages, once) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        limit.map(|limit| limit.saturating_sub(self.received))
    }

    fn wants_more(&self) -> bool {
        // An embedded queue that was empty a moment ago is asked again when nothing is in hand.
        let known_empty = self.empty && self.tools.queue.knows_empty() && !self.idle();
        self.end.is_none()
            && self.probe.is_none()
            && self.has_room()
            && (!known_empty || self.tools.plan.mode == Mode::Follow)
    }

    fn request(&self) -> Receive {
        let plan = self.tools.plan;
        let room = plan.in_flight - self.hand.len();
        let wait = match plan.mode {
            Mode::Follow => LONG_POLL,
            _ if self.tools.queue.knows_empty() && !self.idle() => Duration::ZERO,
            _ => plan.idle,
        };
        Receive {
            max: room.min(self.wanted().unwrap_or(room)),
            max_bytes: plan.in_flight_bytes - self.hand.bytes(),
            wait,
            select: plan.select.clone(),
        }
    }

    /// What is in hand holds back what follows it in its group: that the queue gave nothing means
    /// the end only where nothing was in hand already when it was asked.
    fn take(&mut self, answer: Result<Vec<Delivery>>, asked_idle: bool) {
        let now = Instant::now();
        match answer {
            Ok(deliveries) if deliveries.is_empty() => {
                self.empty = true;
                let idle = self.tools.plan.idle;
                let quiet = self.hand.quiet_since() + idle <= now;
                let nothing_in_hand = asked_idle && self.idle();
                if self.tools.plan.mode != Mode::Follow && nothing_in_hand && quiet {
                    self.finish(End::Empty);
                }
            }
            Ok(deliveries) => {
                self.empty = false;
                self.received += deliveries.len();
                count(&self.tools.counters.received, deliveries.len());
                self.hand.take(deliveries, now);
                fail::fail_point!("subscribe-received");
            }
            Err(error) => self.break_off(error),
        }
    }

    /// Ends the run when a limit is reached.
    fn stop_when_done(&mut self) {
        let rehearsing = self.tools.plan.rehearsal != Rehearsal::No;
        let full = rehearsing && self.idle() && !self.has_room();
        if self.wanted() == Some(0) || full {
            self.finish(End::Enough);
        }
    }

    /// Nothing is waiting to be written and nothing is being written.
    fn idle(&self) -> bool {
        let waiting = self.hand.waiting() > 0 && self.end != Some(End::Broken);
        self.writing.is_empty() && !waiting
    }

    /// When a drain of a service calls it empty.
    fn quiet_at(&self) -> Option<Instant> {
        let draining = self.tools.plan.mode != Mode::Follow && self.end.is_none();
        let waits = draining && !self.tools.queue.knows_empty() && self.idle();
        waits.then(|| self.hand.quiet_since() + self.tools.plan.idle)
    }

    fn finish(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    fn break_off(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.end = Some(End::Broken);
    }

    fn after_write(&mut self, written: Written) {
        self.hand.settled(&written.settled, Instant::now());
        for (receipt, due) in written.kept {
            self.hand.keep_until(receipt, due);
        }
        if let Some(error) = written.no_place {
            self.failure.get_or_insert(error);
        }
        if let Some(why) = written.not_settled {
            self.lose_queue(&why);
        }
        if written.closed {
            self.end = Some(End::Broken);
        }
        if let Some(why) = written.unavailable {
            self.lose_sink(why);
        }
    }

    fn lose_queue(&mut self, why: &str) {
        if self.tools.plan.mode == Mode::Follow {
            tracing::warn!("the queue did not take the acknowledgements: {why}");
        } else {
            self.break_off(not_settled(why));
        }
    }

    fn lose_sink(&mut self, why: String) {
        if self.tools.plan.mode == Mode::Follow && self.end.is_none() {
            tracing::warn!("the sink is unavailable, waiting for it: {why}");
            let at = Instant::now() + FIRST_PROBE;
            self.probe.get_or_insert(Probe { at, pause: FIRST_PROBE });
            return;
        }
        self.break_off(
            Error::new(Kind::Unreachable, "the sink became unavailable")
                .because_of(why)
                .hint("nothing is lost: what was not stored is still in the queue; run it again"),
        );
    }

    async fn probe(&mut self, sink: &dyn Sink) {
        let Some(probe) = &mut self.probe else { return };
        match sink.check().await {
            Ok(()) => {
                tracing::warn!("the sink is back");
                self.probe = None;
            }
            Err(error) => {
                tracing::debug!("the sink is still unavailable: {}", error.one_line());
                probe.pause = (probe.pause * 2).min(LONGEST_PROBE);
                probe.at = Instant::now() + probe.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            }
        }
    }

    async fn extend(&self) {
        let receipts = self.hand.receipts();
        if let (Some(leases), false) = (self.tools.queue.leases(), receipts.is_empty())
            && let Err(error) = leases.extend(&receipts).await
        {
            tracing::warn!("cannot extend the leases: {}", error.one_line());
        }
    }

    /// Gives back what was kept for a retry that is due now, in a queue that cannot delay.
    async fn release_due(&mut self) {
        let due = self.hand.take_due(Instant::now());
        self.tools.release(&due).await;
        self.hand.settled(&due, Instant::now());
    }

    /// Ends what is being written, and counts what the queue's `close` will give back unwritten.
    /// Only then: a message that is released while we still listen comes straight back to us.
    pub(super) fn let_go(&mut self) {
        self.writing.clear();
        count(&self.tools.counters.released, self.hand.waiting());
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
