//! The jobs of a queue that has several kinds of them, by their names.

use serde::Serialize;

/// What a queue holds of the jobs of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JobStats {
    /// The name of the jobs.
    pub job: String,
    /// Jobs that could be received now.
    pub ready: u64,
    /// Jobs that were published for later.
    pub scheduled: u64,
    /// Jobs that failed, and wait for their next attempt.
    pub retry: u64,
    /// Jobs that some worker has.
    pub leased: u64,
    /// Jobs that were given up.
    pub dead: u64,
    /// How many seconds ago the oldest that is not dead was published, or came back; `None` where
    /// there is none.
    pub oldest_seconds: Option<u64>,
    /// Nobody receives any.
    pub paused: bool,
    /// How many may be leased at once, over all pools; `None`: any number.
    pub limit: Option<u64>,
    /// How many are leased, as the pools count them: where this differs from `leased`, a pool died or
    /// made a mistake.
    pub lock: i64,
    /// How many pools of workers live that receive them.
    pub pools: u64,
    /// What stood among them, could not be read and was moved aside.
    pub poison: u64,
}
