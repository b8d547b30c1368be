//! What queues have in common that are looked into by receiving what they hold: how they are opened
//! for it, what it costs, and that there may be no place for dead letters.

use super::Options;
use crate::error::{Error, Kind};
use std::fmt::Display;
use std::time::Duration;

/// At most this many messages are taken at once: of a queue of SQS no more than 120,000 can be
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
const MOST_IN_FLIGHT: usize = 100_000;

/// How a queue is opened to be looked into: what is not there is not made, and what is taken stays
/// ours for this long after we are gone.
pub fn options(lease: Duration, options: &Options) -> Options {
    Options {
        lease,
        in_flight: MOST_IN_FLIGHT,
        max_messages: None,
        create: false,
        ..options.clone()
    }
}

/// What it costs on any queue to take messages, with this lease.
pub fn kept_back(lease: Duration) -> String {
    let lease = humantime::format_duration(lease);
    format!(
        "what is taken is kept from every subscriber until it is given back, and for {lease} more \
         if this program is killed"
    )
}

/// What it costs where the service makes dead letters after so many deliveries.
pub fn counts(limit: u32) -> String {
    format!(
        "it counts as one of the {limit} deliveries after which the server makes a dead letter of it"
    )
}

/// The error where nothing is there that dead letters of `queue` could be in; `command` would make
/// what is `missing`.
pub fn no_dead_letter_store(queue: &impl Display, missing: &impl Display, command: &str) -> Error {
    Error::new(Kind::Configuration, format!("there is no place for dead letters of {queue}"))
        .because_of(format!("there is no {missing}"))
        .hint(format!(
            "{command} makes it; what died before it was there is in the spool file of the machine \
             that ran `subscribe`"
        ))
}
