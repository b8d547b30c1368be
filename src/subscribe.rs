//! The second loop: queue -> sink, with batches, leases, back-pressure and shutdown.

mod dead;
mod hand;
mod write;

pub use dead::DeadLetters;

use crate::error::{Error, Kind, Result};
use crate::message::{Delivery, Receipt};
use crate::queues::{Receive, Select, Settled, Subscriber, Verdict};
use crate::report::{Counters, count};
use crate::retry::{self, Limits};
use crate::sinks::{Outcome, Sink};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, OptionFuture};
use futures_util::stream::FuturesUnordered;
use hand::Hand;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long a part of a batch waits for the rest of it.
const LINGER: Duration = Duration::from_millis(50);
/// How long one question to the queue waits for messages while we follow it.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The pauses between two questions whether the sink is back.
const FIRST_PROBE: Duration = Duration::from_secs(1);
const LONGEST_PROBE: Duration = Duration::from_secs(60);

/// When a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// When the queue has given nothing for a while.
    Drain,
    /// After one batch.
    Once,
    /// Not at all.
    Follow,
}

/// What is left undone on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// Nothing: write and acknowledge.
    No,
    /// `--debug`: write, and acknowledge nothing.
    Write,
    /// `--dry-run`: neither write nor acknowledge.
    Look,
}

/// How to run the loop.
#[derive(Debug, Clone)]
pub struct Plan {
    /// When the run ends by itself.
    pub mode: Mode,
    /// What is left undone on purpose.
    pub rehearsal: Rehearsal,
    /// At most this many messages in one write.
    pub batch: usize,
    /// A batch ends when it holds this many bytes.
    pub batch_bytes: usize,
    /// At most this many writes at once; an ordered sink has one.
    pub concurrency: usize,
    /// At most this many deliveries in hand.
    pub in_flight: usize,
    /// At most this many bytes in hand.
    pub in_flight_bytes: usize,
    /// The run ends after this many messages.
    pub max_messages: Option<usize>,
    /// The run ends after this time.
    pub max_time: Option<Duration>,
    /// A drain calls the queue empty after this time without a message.
    pub idle: Duration,
    /// How long a delivery is ours.
    pub lease: Duration,
    /// How long what is in hand may take after the shutdown was asked for.
    pub grace: Duration,
    /// Which messages.
    pub select: Select,
    /// How often and how fast a message is tried again.
    pub retries: Limits,
}

/// Drains the queue into the sink as the plan says, until it is done or the shutdown is asked for.
///
/// A message is acknowledged only after its write succeeded. The caller has checked the sink. When
/// this returns, everything received is settled or given back. The error is that of the queue or
/// the sink that stopped the run, else of kind `Rejected` where messages became dead letters.
pub async fn subscribe(
    queue: &dyn Subscriber,
    sink: &dyn Sink,
    dead: &DeadLetters,
    plan: &Plan,
    counters: &Counters,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let tools = Tools { queue, sink, dead, plan, counters };
    let mut run = Run::new(tools);
    let failure = run.work(shutdown).await.err();
    run.give_back().await;
    if let Some(error) = failure {
        return Err(error);
    }
    if run.received == 0 && run.end == Some(End::Empty) {
        // The client of a service reconnects in silence: was it empty, or was it not there?
        queue.check().await?;
    }
    let dead = counters.dead.load(Ordering::Relaxed);
    if dead == 0 {
        return Ok(());
    }
    Err(Error::new(Kind::Rejected, format!("{dead} messages became dead letters"))
        .hint("the reasons are logged above; all other messages went their way"))
}

/// What every part of the run works with.
#[derive(Clone, Copy)]
struct Tools<'a> {
    queue: &'a dyn Subscriber,
    sink: &'a dyn Sink,
    dead: &'a DeadLetters,
    plan: &'a Plan,
    counters: &'a Counters,
}

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

struct Run<'a> {
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

/// What became of one batch.
#[derive(Default)]
struct Written {
    /// Settled, whatever the verdict: no longer ours.
    settled: Vec<Receipt>,
    /// Still ours until this time. What is in neither list is ours until the run ends.
    kept: Vec<(Receipt, Instant)>,
    /// The sink cannot be reached.
    unavailable: Option<String>,
    /// The reader is gone.
    closed: bool,
    /// The queue did not take a verdict.
    not_settled: Option<String>,
    /// The dead letters have no place: their messages stay in the queue, the others go on.
    no_place: Option<Error>,
}

impl<'a> Run<'a> {
    fn new(tools: Tools<'a>) -> Self {
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
    async fn work(&mut self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let Tools { queue, sink, plan, .. } = self.tools;
        let mut shutdown = pin!(shutdown.fuse());
        let started = Instant::now();
        let mut lease_tick = tokio::time::interval(plan.lease / 3);
        let mut last_call: Option<Instant> = None;
        let mut receiving: OptionFuture<BoxFuture<'a, Result<Vec<Delivery>>>> = None.into();
        let mut asked = false;
        loop {
            self.start_writes();
            self.stop_when_done();
            if self.end.is_some() && self.idle() {
                return self.failure.take().map_or(Ok(()), Err);
            }
            if !asked && self.wants_more() {
                receiving = Some(queue.receive(self.request())).into();
                asked = true;
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
                    self.take(answer);
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
        let partial = self.hand.waiting() > 0 || !self.writing.is_empty();
        let wait = match plan.mode {
            Mode::Follow => LONG_POLL,
            _ if self.tools.queue.knows_empty() && partial => Duration::ZERO,
            _ => plan.idle,
        };
        Receive {
            max: room.min(self.wanted().unwrap_or(room)),
            max_bytes: plan.in_flight_bytes - self.hand.bytes(),
            wait,
            select: plan.select.clone(),
        }
    }

    fn take(&mut self, answer: Result<Vec<Delivery>>) {
        let now = Instant::now();
        match answer {
            Ok(deliveries) if deliveries.is_empty() => {
                self.empty = true;
                let idle = self.tools.plan.idle;
                let quiet = self.hand.quiet_since() + idle <= now;
                if self.tools.plan.mode != Mode::Follow && self.idle() && quiet {
                    self.finish(End::Empty);
                }
            }
            Ok(deliveries) => {
                self.empty = false;
                self.received += deliveries.len();
                count(&self.tools.counters.received, deliveries.len());
                self.hand.take(deliveries, now);
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

    /// Gives back everything that is still ours.
    async fn give_back(&mut self) {
        self.writing.clear();
        count(&self.tools.counters.released, self.hand.waiting());
        self.tools.release(&self.hand.receipts()).await;
    }

    fn out_of_grace(&self) -> Error {
        Error::new(Kind::Failed, format!("{} messages were not finished", self.hand.len()))
            .because_of("the grace after the signal is over")
            .hint("nothing is lost: they come again; or give a longer `--grace`")
    }
}

impl<'a> Tools<'a> {
    async fn write_and_settle(self, batch: Vec<Delivery>) -> Written {
        let mut written = Written::default();
        let outcomes = write::write(self.sink, &batch).await;
        let mut verdicts = Vec::with_capacity(batch.len());
        for (delivery, outcome) in batch.into_iter().zip(outcomes) {
            self.tally(&delivery, &outcome, &mut written);
            if self.plan.rehearsal != Rehearsal::No {
                continue;
            }
            let jitter = fastrand::f64();
            let verdict = retry::verdict(outcome, delivery.attempts, &self.plan.retries, jitter);
            if let Some(verdict) = self.carry_out(&delivery, verdict, &mut written).await {
                verdicts.push((delivery.receipt, verdict));
            }
        }
        self.settle(verdicts, &mut written).await;
        written
    }

    fn tally(&self, delivery: &Delivery, outcome: &Outcome, written: &mut Written) {
        match outcome {
            Outcome::Stored => count(&self.counters.stored, 1),
            Outcome::Duplicate => count(&self.counters.duplicate, 1),
            Outcome::Retry(why) => {
                tracing::warn!(id = delivery.message.id, "a message failed: {why}");
            }
            Outcome::Reject(why) => {
                tracing::warn!(id = delivery.message.id, "a message was rejected: {why}");
            }
            Outcome::Unavailable(why) => {
                written.unavailable.get_or_insert_with(|| why.clone());
            }
            Outcome::Closed => written.closed = true,
        }
    }

    /// Does what the queue cannot do by itself; gives the verdict that is left for the queue.
    async fn carry_out(
        &self,
        delivery: &Delivery,
        verdict: Verdict,
        written: &mut Written,
    ) -> Option<Verdict> {
        match verdict {
            Verdict::Retry(after) if !self.queue.delays() => {
                count(&self.counters.retried, 1);
                if self.plan.mode == Mode::Follow {
                    written.kept.push((delivery.receipt.clone(), Instant::now() + after));
                }
                None
            }
            Verdict::Bury(why) if !self.queue.buries() => {
                match self.dead.keep(delivery, &why).await {
                    Ok(()) => {
                        count(&self.counters.dead, 1);
                        Some(Verdict::Ack)
                    }
                    Err(cause) => {
                        let error = no_place_for_the_dead(&cause);
                        tracing::warn!(id = delivery.message.id, "{}", error.one_line());
                        written.no_place = Some(error);
                        None
                    }
                }
            }
            verdict => {
                match verdict {
                    Verdict::Retry(_) => count(&self.counters.retried, 1),
                    Verdict::Bury(_) => count(&self.counters.dead, 1),
                    Verdict::Release => count(&self.counters.released, 1),
                    Verdict::Ack => {}
                }
                Some(verdict)
            }
        }
    }

    async fn settle(&self, verdicts: Vec<(Receipt, Verdict)>, written: &mut Written) {
        if verdicts.is_empty() {
            return;
        }
        let receipts: Vec<_> = verdicts.iter().map(|(receipt, _)| receipt.clone()).collect();
        for (receipt, settled) in receipts.into_iter().zip(self.queue.settle(verdicts).await) {
            match settled {
                Settled::Done => {}
                Settled::LeaseLost => count(&self.counters.lease_lost, 1),
                Settled::Unknown(why) => {
                    written.not_settled.get_or_insert(why);
                }
            }
            written.settled.push(receipt);
        }
    }

    async fn release(&self, receipts: &[Receipt]) {
        if receipts.is_empty() {
            return;
        }
        let verdicts = receipts.iter().map(|receipt| (receipt.clone(), Verdict::Release)).collect();
        for settled in self.queue.settle(verdicts).await {
            if let Settled::Unknown(why) = settled {
                tracing::warn!("what was in hand comes again when its lease ends: {why}");
                return;
            }
        }
    }
}

fn not_settled(why: &str) -> Error {
    Error::new(Kind::Unreachable, "the queue did not take the acknowledgements")
        .because_of(why)
        .hint("what was stored comes again and is recognised as a duplicate; run it again")
}

fn no_place_for_the_dead(cause: &str) -> Error {
    Error::new(Kind::Unreachable, "a rejected message could not be kept as a dead letter")
        .because_of(cause)
        .hint("it stays in the queue; make the queue of dead letters with `--create`")
}

/// Sleeps until then; for ever where there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
