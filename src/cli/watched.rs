//! What a run sees of its queue besides its own work: how much is left, and since when.

use crate::location::Location;
use crate::queues::{self, Options, Stats};
use crate::spool::{Spool, Spooled};
use std::time::Duration;

/// How long a look may take: nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than so many messages are not counted to say what is left.
const COUNTED: u64 = 1_000_000;

/// The queue of a run, where it is a file of this machine, and the spool beside it. A service is not
/// asked: it may count roughly, for money, or not at all.
#[derive(Default)]
pub struct Watched {
    /// The queue in words.
    pub(super) name: String,
    queue: Option<(Location, Options)>,
    spool: Option<Spool>,
}

/// What was seen; `None` where nobody knows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) queue: Option<Stats>,
    pub(super) spool: Option<Spooled>,
}

impl Watched {
    /// Watches a queue, and the spool for it where there is one.
    pub(super) fn new(
        url: &Location,
        name: String,
        options: &Options,
        spool: Option<Spool>,
    ) -> Self {
        let is_a_file = queues::file(url, options).is_ok_and(|file| file.is_some());
        Self { name, queue: is_a_file.then(|| (url.clone(), options.clone())), spool }
    }

    /// Counts what is there now.
    pub(super) async fn look(&self) -> Seen {
        let queue = async {
            let (url, options) = self.queue.as_ref()?;
            let queue = queues::open_inspector(url.clone(), options).await.ok()?;
            queue.stats().await.ok()
        };
        let spool = async { self.spool.as_ref()?.stats().await.ok() };
        let (queue, spool) = tokio::join!(in_time(queue), in_time(spool));
        Seen { queue, spool }
    }

    /// How many messages the queue holds, and whether there may be more.
    pub(super) async fn left(&self) -> Option<(u64, bool)> {
        let (url, options) = self.queue.as_ref()?;
        let backlog = async { queues::backlog(url.clone(), options, COUNTED).await.ok() };
        let messages = in_time(backlog).await?.messages;
        Some((messages, messages >= COUNTED))
    }
}

async fn in_time<T>(look: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(PATIENCE, look).await.ok().flatten()
}
