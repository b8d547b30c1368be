//! What a queue's inside shows to people and scripts, and how they mend it.

mod dead_letters;
mod jobs;
mod messages;
mod pausing;
mod receipts;
mod repair;
mod scheduled;
mod stats;
mod tail;

pub use dead_letters::{
    DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterOutcome, DeadLetterPart, DeadLetterStore,
    RewriteDeadLetters, Which,
};
pub use jobs::JobStats;
pub use messages::{MessageState, MessagesById, Peek, PeekFilter, Peeked, PeekedPart};
pub use pausing::{Paused, Pausing};
pub use receipts::{LeaseRequest, Receipts};
pub use repair::{RepairLoss, Repaired, Verified};
pub use scheduled::{Scheduled, ScheduledId, ScheduledMessages, ScheduledOutcome};
pub use stats::{Fact, FactValue, POISON, Stats, TagCount, Tags};
pub use tail::{Tail, Tailing};

use super::{Publisher, Subscriber};
use crate::dead_letter::{self, Death};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Message;
use async_trait::async_trait;

/// The door to a queue's inside. By default it gives no more than `stats`.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Tells of the queue what it can without receiving; changes nothing.
    async fn stats(&self) -> Result<Stats>;

    /// Looks at messages; `None` where looking would be receiving.
    fn peek(&self) -> Option<&dyn Peek> {
        None
    }

    /// Follows what is published; `None` where that would be receiving.
    fn tail(&self) -> Option<&dyn Tail> {
        None
    }

    /// Works on dead letters; `None` where the queue does not keep them itself.
    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        None
    }

    /// Where looking is receiving: what it costs, and what to receive from. `None` where `peek` and
    /// `dead_letters` look without taking.
    fn peek_by_receiving(&self) -> Option<&dyn PeekByReceiving> {
        None
    }

    /// Empties the queue; `None` where nobody can.
    fn purge(&self) -> Option<&dyn Purge> {
        None
    }

    /// Leases to somebody who is no process; `None` where a receipt dies with its process.
    fn receipts(&self) -> Option<&dyn Receipts> {
        None
    }

    /// Works on single messages by their ids; `None` where the queue finds none by its id.
    fn by_id(&self) -> Option<&dyn MessagesById> {
        None
    }

    /// Works on messages that are not due yet; `None` where nobody can single them out.
    fn scheduled(&self) -> Option<&dyn ScheduledMessages> {
        None
    }

    /// Pauses what it gives; `None` where that is always given.
    fn pausing(&self) -> Option<&dyn Pausing> {
        None
    }

    /// Counts by tag; `None` where messages have none.
    fn tags(&self) -> Option<&dyn Tags> {
        None
    }

    /// Closes what was opened to write, as whoever has written does in the end: then all of it is in
    /// its place. A later write opens it again. Default: nothing is kept open.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// What is to be delivered.
    Messages,
    /// What was given up.
    DeadLetters,
}

/// A queue where looking is receiving: whoever looks receives, and gives back what is to stay by
/// closing.
#[async_trait]
pub trait PeekByReceiving: Send + Sync {
    /// What it costs to be taken and given back, in a sentence for a person.
    async fn cost(&self, what: Contents) -> Result<String>;

    /// Receives messages; at most `limit` are fetched.
    async fn messages(&self, limit: Option<usize>) -> Result<Box<dyn Subscriber>>;

    /// Receives dead letters: a subscriber for each place where some of them may be; at most `limit` are fetched
    /// from each. An error where there is none.
    async fn dead_letters(&self, limit: Option<usize>) -> Result<Vec<Box<dyn Subscriber>>>;

    /// The original of a dead letter, and its death, whoever buried it.
    fn unwrap(&self, letter: Message) -> (Message, Death) {
        dead_letter::unwrap(letter)
    }

    /// Whether a URL names this queue, whatever its parameters: of the dead letters that one place
    /// holds, it tells this queue's own.
    fn is_it(&self, url: &Location) -> bool;

    /// Where the original of a dead letter goes back to.
    async fn origin(&self) -> Result<Box<dyn Publisher>>;
}

/// Empties a queue.
#[async_trait]
pub trait Purge: Send + Sync {
    /// Removes every message that the queue held when this began, leased ones included where [`removes`]
    /// counts them; dead letters stay. Gives how many, where the queue knows. It is done in small steps, between
    /// which others work on: what is interrupted has removed the oldest.
    ///
    /// [`removes`]: Self::removes
    async fn purge(&self) -> Result<Option<u64>>;

    /// How many of what was counted it would remove; `None` where nobody knows.
    fn removes(&self, stats: &Stats) -> Option<u64> {
        stats.messages()
    }
}

/// What a deletion removes, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletion {
    /// How many messages that are not dead; `None` where nobody knows.
    pub messages: Option<u64>,
    /// How many dead letters; `None` where nobody knows, or they stay.
    pub dead: Option<u64>,
    /// What stays behind, in a sentence.
    pub stays: Option<String>,
}

/// The error for a queue whose inside nobody can show.
pub fn closed(url: &Location, why: &str) -> Error {
    Error::new(Kind::Configuration, format!("cannot look inside `{url}`"))
        .because_of(why)
        .hint("the program `queue` works on what other processes reach: `sqlite:PATH?queue=NAME`")
}
