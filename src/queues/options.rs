//! What a queue must know when it is opened, whatever its kind.

use crate::checkins::Checkins;
use crate::clock::Clock;
use crate::environment::Environment;
use std::path::PathBuf;
use std::time::Duration;

/// What a queue must know when it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a delivery is ours before it is offered again.
    pub lease: Duration,
    /// Whether somebody asked for this lease: a queue whose leases are of another length says so.
    pub lease_is_given: bool,
    /// How many writes there may be at once: each is the work of one worker.
    pub workers: usize,
    /// How many deliveries can be worked on at once; what is more waits for its turn.
    pub at_once: usize,
    /// At most this many deliveries are ours at once.
    pub in_flight: usize,
    /// At most this many bytes are ours at once.
    pub in_flight_bytes: usize,
    /// The run ends after this many messages: nothing beyond them may be fetched.
    pub max_messages: Option<usize>,
    /// How long a publish may take before it counts as failed.
    pub publish_timeout: Duration,
    /// Whether the embedded queue holds a message back until its `not_before`; where not, it only keeps
    /// messages for another queue, with that time, and gives all of them in their order.
    pub hold: bool,
    /// Whether what is published was received before: then what a service or its client has added
    /// to it is left out where this queue does not allow it, and no message is refused for it.
    pub passes_on: bool,
    /// Make the queue if it is not there.
    pub create: bool,
    /// Credentials' places and endpoints.
    pub environment: Environment,
    /// Where the default queue lives.
    pub data_dir: PathBuf,
    /// What jobs say of themselves, for a queue that shows it.
    pub checkins: Checkins,
    /// The time of day.
    pub clock: Clock,
}

impl Options {
    /// What the programs use where nothing else is asked for.
    pub fn new(environment: Environment, data_dir: PathBuf) -> Self {
        Self {
            lease: Duration::from_secs(30),
            lease_is_given: false,
            workers: 4,
            at_once: 2000,
            in_flight: 2500,
            in_flight_bytes: 64 << 20,
            max_messages: None,
            publish_timeout: Duration::from_secs(10),
            hold: true,
            passes_on: false,
            create: false,
            environment,
            data_dir,
            checkins: Checkins::default(),
            clock: Clock::system(),
        }
    }
}
