//! How the second loop is to run.

use super::rate::Rate;
use crate::queues::Select;
use crate::retry::Limits;
use crate::transform::Transform;
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
    /// At most this many deliveries in flight.
    pub in_flight: usize,
    /// At most this many bytes in flight.
    pub in_flight_bytes: usize,
    /// The run ends after this many messages.
    pub max_messages: Option<usize>,
    /// The run ends after this time.
    pub max_time: Option<Duration>,
    /// A drain calls the queue empty after this time without a message.
    pub idle: Duration,
    /// How long a delivery is ours.
    pub lease: Duration,
    /// How long what is in flight may take after the shutdown was asked for.
    pub grace: Duration,
    /// Which messages.
    pub select: Select,
    /// How often and how fast a message is tried again.
    pub retries: Limits,
    /// After how many deliveries the queue itself takes a message away.
    pub max_deliveries: Option<u32>,
    /// Chooses and reshapes bodies before they are written.
    pub transform: Option<Transform>,
    /// How many messages are written in a time; `None`: as many as can be. A batch is no larger
    /// than what may be written at once at this rate.
    pub rate: Option<Rate>,
}

impl Plan {
    /// Nothing waits for its turn to be written any more: the run ends.
    pub(super) fn pace_is_over(&self) {
        if let Some(rate) = &self.rate {
            rate.stop();
        }
    }
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
            transform: None,
            rate: None,
        }
    }
}
