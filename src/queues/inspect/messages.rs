//! The messages of a queue, looked at.

use crate::error::Result;
use crate::message::Message;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Looks at messages without taking them.
#[async_trait]
pub trait Peek: Send + Sync {
    /// At most `max` messages behind this position (0: from the first), in the order of publishing,
    /// whatever their state. Gives fewer where these are large already; none at the end.
    async fn peek(&self, after: i64, max: usize) -> Result<Vec<Peeked>>;
}

/// Works on single messages that are not dead, by the ids that their publishers gave them.
#[async_trait]
pub trait MessagesById: Send + Sync {
    /// Looks at the message with this id, whatever its state; `None` where it is not in the queue.
    async fn get(&self, id: &str) -> Result<Option<Peeked>>;

    /// Removes the messages with these ids, leased ones included; answers in their order whether
    /// each was in the queue. Their ids are free again, and a later verdict on a lease of one finds
    /// it lost.
    async fn delete(&self, ids: Vec<String>) -> Result<Vec<bool>>;
}

/// A message, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// The position of the message in the queue.
    pub position: i64,
    /// The message.
    pub message: Message,
    /// How often it was delivered; `None` where the queue does not count.
    pub attempts: Option<u32>,
    /// What holds it.
    pub state: MessageState,
    /// When it is due, or when its lease ends.
    pub until: Option<DateTime<Utc>>,
    /// What of the message cannot be read, in words; whoever receives it next buries it.
    pub unreadable: Option<String>,
}

/// What holds a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageState {
    /// Nothing: it could be received now.
    Ready,
    /// An earlier message of its group.
    Waiting,
    /// The time: it is not due yet.
    Scheduled,
    /// A subscriber.
    Leased,
    /// Nothing any more: it was leased by one who did not come back, and nobody has received
    /// since.
    LeaseEnded,
    /// Nobody, since nobody could read it: it was moved aside.
    SetAside,
}
