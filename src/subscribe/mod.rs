//! The second loop: queue -> sink, with batches, leases, back-pressure and shutdown.

mod attempts;
mod breaker;
mod bury;
mod dead_letters;
mod heartbeat;
mod in_flight;
mod later;
mod lines;
mod places;
mod receive;
mod run;
mod settle;
mod unplaced;
mod write;

pub use dead_letters::DeadLetters;

use crate::attempts::Attempts;
use crate::error::{Error, Kind, Result};
use crate::queues::{Capabilities, Select, Subscriber};
use crate::report::{Counters, count};
use crate::retry::Limits;
use crate::sinks::Sink;
use heartbeat::Keeper;
use run::Run;
use std::sync::atomic::Ordering;
use std::time::Duration;

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
    /// At most this many writes at once; for an ordered sink no two of them have a group in common.
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
    /// After how many deliveries the queue itself takes a message away.
    pub max_deliveries: Option<u32>,
}

impl Default for Plan {
    /// A drain, as `subscribe` makes it where nothing else is asked for.
    fn default() -> Self {
        Self {
            mode: Mode::Drain,
            rehearsal: Rehearsal::No,
            batch: 500,
            batch_bytes: 8 << 20,
            concurrency: 4,
            in_flight: 2500,
            in_flight_bytes: 64 << 20,
            max_messages: None,
            max_time: None,
            idle: Duration::ZERO,
            lease: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            select: Select::Any,
            retries: Limits::default(),
            max_deliveries: None,
        }
    }
}

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The queue; the caller closes it afterwards: that gives back what was received and not
    /// settled.
    pub queue: &'a dyn Subscriber,
    /// The sink, which the caller has checked.
    pub sink: &'a dyn Sink,
    /// Where dead letters go that the queue does not keep.
    pub dead: &'a DeadLetters,
    /// Counts attempts where the queue does not; `None`: then nobody does.
    pub attempts: Option<&'a Attempts>,
    /// How to run.
    pub plan: &'a Plan,
    /// Where to count what was done.
    pub counters: &'a Counters,
}

/// What a run works with, and what it has asked the queue once.
#[derive(Clone, Copy)]
struct Work<'a> {
    queue: &'a dyn Subscriber,
    capabilities: &'a Capabilities,
    sink: &'a dyn Sink,
    dead: &'a DeadLetters,
    attempts: Option<&'a Attempts>,
    plan: &'a Plan,
    counters: &'a Counters,
}

impl<'a> Work<'a> {
    fn new(parts: Parts<'a>, capabilities: &'a Capabilities) -> Self {
        let Parts { queue, sink, dead, attempts, plan, counters } = parts;
        Self { queue, capabilities, sink, dead, attempts, plan, counters }
    }
}

/// Drains the queue into the sink as the plan says, until it is done or the shutdown is asked for.
///
/// A message is acknowledged only after its write succeeded. The error is that of the queue or the
/// sink that stopped the run, or of dead letters that no place took; else of kind `Rejected` where
/// messages became dead letters, else of kind `Spooled` where an attempt failed and its message waits
/// for a later run.
pub async fn subscribe(parts: Parts<'_>, shutdown: impl Future<Output = ()>) -> Result<()> {
    let Parts { queue, plan, counters, dead, .. } = parts;
    let capabilities = queue.capabilities();
    let mut run = Run::new(Work::new(parts, &capabilities));
    let keeper = Keeper::start(queue.leases(), run.held(), plan.lease);
    let worked = run.until_done(shutdown).await;
    run.let_go();
    count(&counters.dead, queue.unreadable());
    let kept = match keeper {
        Some(keeper) => keeper.stop().await,
        None => Ok(()),
    };
    count(&counters.left_for_later, run.later.count());
    worked.and(kept)?;
    if run.saw_the_end() {
        // The client of a service reconnects in silence, and acknowledges without an answer: was it
        // empty, or was it not there any more?
        queue.ping().await?;
    }
    match counters.dead.load(Ordering::Relaxed) {
        0 => run.later.error().map_or(Ok(()), Err),
        letters => Err(became_dead_letters(letters, run.later.count(), &dead.look())),
    }
}

/// The error of a run that had to give messages up; others may wait for a later one.
fn became_dead_letters(letters: u64, later: usize, look: &str) -> Error {
    let what = format!("{letters} messages became dead letters");
    match later {
        0 => Error::new(Kind::Rejected, what)
            .hint(format!("each keeps its reason{look}; the others went their way")),
        later => {
            Error::new(Kind::Rejected, format!("{what}, {later} failed and wait for a later run"))
                .hint(format!("each dead letter keeps its reason{look}"))
        }
    }
}
