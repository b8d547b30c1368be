//! Pauses what a queue gives.

use crate::error::Result;
use async_trait::async_trait;

/// Has nobody receive what the queue's URL names, until that is resumed.
#[async_trait]
pub trait Pausing: Send + Sync {
    /// Pauses it. What is leased is still worked on.
    ///
    /// # Errors
    /// `Usage` where the URL names nothing that could be paused.
    async fn pause(&self) -> Result<Vec<Paused>>;

    /// Lets it be received again.
    ///
    /// # Errors
    /// `Usage` where the URL names nothing that could be paused.
    async fn resume(&self) -> Result<Vec<Paused>>;
}

/// Something that was paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// What it is, in words: `job send_email`.
    pub what: String,
    /// Whether it was not so before.
    pub changed: bool,
}
