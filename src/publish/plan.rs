//! How to run the first loop.

use crate::error::Result;
use crate::message::Message;
use crate::schedule::Schedule;
use crate::spool::Spool;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How to run the loop.
#[derive(Debug, Clone)]
pub struct Plan {
    /// At most this many batches are on their way to the queue at once.
    pub in_flight: usize,
    /// Repeat at these times; `None` makes one pass.
    pub every: Option<Schedule>,
    /// Ticks of a schedule that fail as the one before did are not told, but the one that goes well again
    /// is.
    pub first_failures: bool,
    /// Read, and publish nothing.
    pub dry_run: bool,
    /// Where a dry run shows what it would publish; `None` shows it nowhere.
    pub show: Option<Show>,
    /// How long batches on their way may take after the shutdown was asked for.
    pub grace: Duration,
    /// Where to keep what the queue cannot take now; `None` goes without.
    pub spool: Option<Spool>,
    /// While something waits in the spool and the source has more and more, the queue is asked
    /// again after this time.
    pub drain_every: Duration,
    /// Once cancelled, the grace is over.
    pub now: CancellationToken,
}

impl Default for Plan {
    /// The plan of one pass without a spool.
    fn default() -> Self {
        Self {
            in_flight: 8,
            every: None,
            first_failures: false,
            dry_run: false,
            show: None,
            grace: Duration::from_secs(30),
            spool: None,
            drain_every: Duration::from_secs(30),
            now: CancellationToken::new(),
        }
    }
}

/// What is done with messages that would be published.
type Shown = dyn Fn(&[Message]) -> Result<()> + Send + Sync;

/// Shows messages to whoever wants to know what would be published.
#[derive(Clone)]
pub struct Show(pub Arc<Shown>);

impl fmt::Debug for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Show")
    }
}
