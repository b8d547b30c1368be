//! The second loop: queue -> sink, with batches, leases, back-pressure and shutdown.

mod attempts;
mod breaker;
mod bury;
mod dead_letters;
mod heartbeat;
mod in_flight;
mod judge;
mod lanes;
mod later;
mod plan;
mod rate;
mod receive;
mod receiver;
mod reshape;
mod run;
mod settle;
mod unplaced;
mod whereabouts;
mod work;
mod write;
mod written;

pub use dead_letters::DeadLetters;
pub use plan::{Mode, Plan, Rehearsal};
pub use rate::Rate;
pub use work::Parts;

use crate::error::{Error, Kind, Result};
use crate::report::count;
use heartbeat::LeaseRenewer;
use run::Run;
use std::sync::atomic::Ordering;
use work::Work;

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
    let renewer = LeaseRenewer::start(queue.leases(), run.leased(), plan.lease);
    let worked = run.until_done(shutdown).await;
    run.leave();
    count(&counters.dead, queue.unreadable());
    let kept = match renewer {
        Some(renewer) => renewer.stop().await,
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
    let what = match letters {
        1 => "1 message became a dead letter".to_owned(),
        _ => format!("{letters} messages became dead letters"),
    };
    match later {
        0 => Error::new(Kind::Rejected, what)
            .hint(format!("each keeps its reason{look}; the others went their way")),
        later => {
            Error::new(Kind::Rejected, format!("{what}, {later} failed and wait for a later run"))
                .hint(format!("each dead letter keeps its reason{look}"))
        }
    }
}
