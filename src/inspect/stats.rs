//! Counts what a queue holds, and what waits for it in the spool.

use super::lacks::lacks;
use crate::error::Result;
use crate::location::Location;
use crate::queues::{self, Options, Stats, TagCount};
use crate::spool::{Spool, Spooled};
use std::path::PathBuf;

/// What was counted: of the spool also where the queue cannot be reached.
pub struct Counted {
    /// What the spool of `publish` keeps for the queue.
    pub spool: Spooled,
    /// What the queue holds, or why nobody can tell.
    pub queue: Result<Stats>,
}

/// Counts a queue, and what the spool in this file keeps for it; without a file, nothing is spooled.
pub async fn stats(url: Location, options: &Options, spool: Option<PathBuf>) -> Result<Counted> {
    let spool = match spool {
        Some(path) => spooled(&url, options, path).await?,
        None => Spooled::default(),
    };
    let queue = match queues::open_inspector(url, options).await {
        Ok(queue) => queue.stats().await,
        Err(error) => Err(error),
    };
    Ok(Counted { spool, queue })
}

/// The tags of a queue with the most messages, the largest first; in an error of kind `Configuration`
/// it is told where a queue has none.
pub async fn largest_tags(url: Location, options: &Options, max: usize) -> Result<Vec<TagCount>> {
    let queue = queues::open_inspector(url, options).await?;
    queue.tags().ok_or_else(|| lacks("count by tag"))?.largest(max).await
}

async fn spooled(url: &Location, options: &Options, path: PathBuf) -> Result<Spooled> {
    // A URL that stands for no place is told when the queue is opened.
    let Ok(key) = queues::key(url, options) else { return Ok(Spooled::default()) };
    Spool::new(path, key, options).stats().await
}
