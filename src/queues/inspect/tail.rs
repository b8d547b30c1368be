//! The end of a queue, followed.

use super::Peeked;
use crate::error::Result;
use async_trait::async_trait;

/// Follows what is published, without taking it.
#[async_trait]
pub trait Tail: Send + Sync {
    /// Begins at the end of the queue, so that at most `newest` of the messages that it holds are told.
    async fn tail(&self, newest: usize) -> Result<Box<dyn Tailing + '_>>;
}

/// A queue that is followed.
#[async_trait]
pub trait Tailing: Send {
    /// Waits until something was published since the last call, and gives it in the order of
    /// publishing; the first call gives the newest of what is there, at once. What comes and is
    /// acknowledged between two looks is not seen. A call that is dropped has told nothing.
    async fn next(&mut self) -> Result<Vec<Peeked>>;
}
