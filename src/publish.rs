//! The first loop: source -> queue, or into the spool while the queue cannot be reached.

mod detour;
mod drain;
mod later;
mod pass;

pub use later::Later;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::queues::Publisher;
use crate::report::Counters;
use crate::schedule::Schedule;
use crate::sources::Source;
use crate::spool::Spool;
use chrono::{DateTime, Utc};
use pass::{NAMED, Run};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a wait for the next tick sleeps at most, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How to run the loop.
#[derive(Debug, Clone)]
pub struct Plan {
    /// At most this many batches are on their way to the queue at once.
    pub in_flight: usize,
    /// Repeat at these times; `None` makes one pass.
    pub every: Option<Schedule>,
    /// Read, and publish nothing.
    pub dry_run: bool,
    /// How long batches on their way may take after the shutdown was asked for.
    pub grace: Duration,
    /// Where to keep what the queue cannot take now; `None` goes without.
    pub spool: Option<Spool>,
    /// While something waits in the spool and the source has more and more, the queue is asked
    /// again after this time.
    pub drain_every: Duration,
}

impl Default for Plan {
    /// One pass without a spool.
    fn default() -> Self {
        Self {
            in_flight: 8,
            every: None,
            dry_run: false,
            grace: Duration::from_secs(30),
            spool: None,
            drain_every: Duration::from_secs(30),
        }
    }
}

/// Pours the source into the queue until the source ends, or at every time of the schedule until
/// the shutdown.
///
/// What was read is published, however much of the rest was refused. Where the plan has a spool,
/// what the queue cannot take now is kept there, and the error is of kind `Spooled`; what waits
/// there goes first, and what is read goes behind it. Without one the error is that of the first
/// batch that could not be published. Else it is of kind `Rejected` where messages were refused;
/// the spool keeps those as dead letters. With a schedule, a failure that may pass is logged, and
/// the next tick tries again.
pub async fn publish(
    source: &mut dyn Source,
    queue: &dyn Publisher,
    plan: &Plan,
    clock: &Clock,
    counters: &Counters,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let mut run = Run { source, queue, plan, counters, stopped: false, buried: false };
    let mut shutdown = pin!(shutdown);
    let Some(schedule) = &plan.every else {
        run.tick(0, shutdown.as_mut()).await?;
        return run.refusals();
    };
    for tick in 0.. {
        let Some(next) = schedule.next(clock.now()) else { break };
        tracing::debug!(%next, "waiting for the next tick");
        tokio::select! {
            () = until(next, clock) => {}
            () = shutdown.as_mut() => break,
        }
        match run.tick(tick, shutdown.as_mut()).await {
            Err(error) if error.kind() == Kind::Spooled => {
                tracing::warn!("{}", error.one_line());
            }
            Err(error) if passes(error.kind()) => {
                tracing::error!("this tick failed, the next one tries again: {}", error.one_line());
            }
            other => other?,
        }
        if run.stopped {
            break;
        }
    }
    run.refusals()
}

/// Whether a failure of this kind may be gone at the next tick.
fn passes(kind: Kind) -> bool {
    matches!(kind, Kind::Unreachable | Kind::Failed)
}

async fn until(time: DateTime<Utc>, clock: &Clock) {
    while let Ok(left) = (time - clock.now()).to_std() {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

impl Run<'_> {
    /// The error for what was refused: of what this run has read, and of what had waited.
    fn refusals(&self) -> Result<()> {
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let (refused, read) = (load(&self.counters.refused), load(&self.counters.read));
        let what = match (refused, load(&self.counters.dead)) {
            (0, 0) => return Ok(()),
            (0, waited) => format!("{waited} messages that had waited in the spool were refused"),
            (refused, 0) => format!("{refused} of {read} messages were refused"),
            (refused, waited) => format!(
                "{refused} of {read} messages were refused, and {waited} that had waited in the spool"
            ),
        };
        let named = match refused.checked_sub(NAMED) {
            None | Some(0) => "each is named above".to_owned(),
            Some(more) => format!("the first {NAMED} are named above, and {more} more were not"),
        };
        let kept = match &self.plan.spool {
            Some(spool) if self.buried || load(&self.counters.dead) > 0 => {
                format!(
                    "; see what the queue refused with {}",
                    hint::command(["queue", "dead", "list", &spool.url()?])
                )
            }
            _ => String::new(),
        };
        Err(Error::new(Kind::Rejected, what).hint(format!("{named}; the others were taken{kept}")))
    }
}
