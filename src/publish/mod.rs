//! The first loop: source -> queue, or into the spool while the queue cannot be reached.

mod failing_ticks;
mod finish;
mod gate;
mod lazy;
mod lost;
mod plan;
mod reshape;
mod run;
mod settle;
mod spool_drain;
mod spool_fallback;
mod tick;

pub use lazy::LazyQueue;
pub use plan::{Plan, Show};
pub use reshape::Reshaped;

use crate::clock::Clock;
use crate::error::{Kind, Result};
use crate::queues::Publisher;
use crate::report::Counters;
use crate::sources::Source;
use chrono::{DateTime, Utc};
use run::Run;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a wait for the next tick sleeps at most, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Pours the source into the queue until the source ends, or at every time of the schedule until
/// the shutdown.
///
/// What was read is published, however much of the rest was refused. Where the plan has a spool,
/// what the queue cannot take now is kept there, and the error is of kind `Spooled`; what waits
/// there goes first, and what is read goes behind it. Without one the error is that of the first
/// batch that could not be published. Else it is of kind `Rejected` where messages were refused;
/// the spool keeps those as dead letters. With a schedule, a failure that may pass is logged, and
/// the next tick tries again; one that never comes is refused as `Usage`.
///
/// After the shutdown nothing more is read, and what was read by then has the grace to be published.
/// What is not settled when that is over goes into the spool; without one it is counted as
/// unpublished and named.
pub async fn publish(
    source: &mut dyn Source,
    queue: &dyn Publisher,
    plan: &Plan,
    clock: &Clock,
    counters: &Counters,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let mut run = Run::new(source, queue, plan, counters);
    let stop = run.stop.clone();
    let grace_is_over = async {
        shutdown.await;
        stop.cancel();
        tokio::select! {
            () = tokio::time::sleep(plan.grace) => {}
            () = plan.now.cancelled() => {}
        }
    };
    let worked = tokio::select! {
        biased;
        worked = run.work(clock) => Some(worked),
        () = grace_is_over => None,
    };
    run.finish(worked).await
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
    /// Makes one pass, or one at each time of the schedule until the shutdown.
    async fn work(&mut self, clock: &Clock) -> Result<()> {
        let (plan, stop) = (self.plan, self.stop.clone());
        let Some(schedule) = &plan.every else { return self.tick(0).await };
        schedule.first(clock.now())?;
        for tick in 0.. {
            let Some(next) = schedule.next(clock.now()) else {
                tracing::warn!("the schedule has no more times: this was the last one");
                break;
            };
            tracing::debug!(%next, "waiting for the next tick");
            tokio::select! {
                () = until(next, clock) => {}
                () = stop.cancelled() => break,
            }
            self.scheduled_tick(tick).await?;
            if stop.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// Makes one tick of many: a failure that may pass is told, and ends nothing.
    async fn scheduled_tick(&mut self, tick: u64) -> Result<()> {
        let before = self.counters.read.load(Ordering::Relaxed);
        let first_only = self.plan.first_failures;
        match self.tick(tick).await {
            Ok(()) => {
                failing_ticks::over(&mut self.failing);
                self.remark(self.counters.read.load(Ordering::Relaxed) > before);
            }
            Err(error) if error.kind() == Kind::Spooled => {
                if !first_only || failing_ticks::note(&mut self.failing, &error) {
                    tracing::warn!("{}", error.one_line());
                }
            }
            Err(error) if passes(error.kind()) && !error.ends_the_run() => {
                if !first_only || failing_ticks::note(&mut self.failing, &error) {
                    let why = error.one_line();
                    tracing::error!("this tick failed, the next one tries again: {why}");
                }
                self.tell_lost();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Says once that the source gives nothing at all, and once that it gives again.
    fn remark(&mut self, something: bool) {
        let why = self.source.nothing().filter(|_| !something);
        match &why {
            Some(why) if self.nothing.as_ref() != Some(why) => {
                tracing::warn!("nothing came at this tick, and it is said only once: {why}");
            }
            None if something && self.nothing.is_some() => {
                tracing::warn!("something came again");
            }
            _ => {}
        }
        if something || why.is_some() {
            self.nothing = why;
        }
    }
}
