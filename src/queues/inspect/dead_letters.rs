//! The dead letters that a queue keeps itself.

use crate::error::Result;
use crate::message::Message;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// Works on the dead letters that the queue keeps.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// At most `max` dead letters of this part, in the order of their dying. Gives fewer where these
    /// are large already; none at the end.
    async fn list(
        &self,
        which: &Which,
        part: DeadLetterPart<'_>,
        max: usize,
    ) -> Result<Vec<DeadLetter>>;

    /// At most `max` dead letters of this part without their bodies, in the order of their dying;
    /// none at the end.
    async fn heads(
        &self,
        which: &Which,
        part: DeadLetterPart<'_>,
        max: usize,
    ) -> Result<Vec<DeadLetterHead>>;

    /// The one that died last; `None` where there is none. What dies later comes behind it, as long
    /// as this one is there.
    async fn last(&self) -> Result<Option<DeadLetterId>>;

    /// Puts them back to the end of the queue, with no attempt counted, each with its id and the
    /// time of its publishing; answers in their order.
    async fn redrive(&self, letters: Vec<DeadLetterId>) -> Result<Vec<DeadLetterOutcome>>;

    /// Forgets them, bodies and all; answers in their order.
    async fn drop(&self, letters: Vec<DeadLetterId>) -> Result<Vec<DeadLetterOutcome>>;

    /// Puts them back with other bodies; `None` where that cannot be one step.
    fn rewriting(&self) -> Option<&dyn RewriteDeadLetters> {
        None
    }
}

/// Dead letters whose bodies are mended on their way back.
#[async_trait]
pub trait RewriteDeadLetters: Send + Sync {
    /// Puts them back as [`DeadLetterStore::redrive`] does, each with this body. The id stays, and what the
    /// queue remembers of the body under it is forgotten in the same step; answers in their order.
    async fn redrive_as(
        &self,
        letters: Vec<(DeadLetterId, Bytes)>,
    ) -> Result<Vec<DeadLetterOutcome>>;
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All dead letters.
    All,
    /// The dead letters of the messages with these ids.
    Ids(Vec<String>),
}

impl Which {
    /// Whether a dead letter of this id is among them.
    pub fn has(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.iter().any(|it| it == id),
        }
    }
}

/// Names one dead letter of one queue, where several have the id of one message. The queue alone
/// makes it, and knows what it says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeadLetterId(pub String);

/// A part of a queue's dead letters, in the order of their dying.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeadLetterPart<'i> {
    /// The dead letter behind which it begins; `None`: from the first.
    pub after: Option<&'i DeadLetterId>,
    /// The dead letter that it goes up to; `None`: to the last.
    pub upto: Option<&'i DeadLetterId>,
}

/// What is known of a dead letter besides its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterHead {
    /// The dead letter's own name.
    pub name: DeadLetterId,
    /// The message's id.
    pub id: String,
    /// How often it was delivered; `None` where the queue does not count.
    pub attempts: Option<u32>,
    /// When it was first delivered; `None` where the queue does not know.
    pub first_at: Option<DateTime<Utc>>,
    /// When it became a dead letter; `None` where nobody knows.
    pub died_at: Option<DateTime<Utc>>,
    /// Why it became one.
    pub reason: String,
    /// The URL of the queue that it was delivered from; `None` where it is the queue that keeps it,
    /// or where nobody knows.
    pub from: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What is known of it.
    pub head: DeadLetterHead,
    /// The message as it was published, as far as it can be read.
    pub message: Message,
    /// What of the message cannot be read, in words: then it can be dropped, and not put back.
    pub unreadable: Option<String>,
}

/// What became of a dead letter that was to be redriven or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterOutcome {
    /// The dead letter was redriven or dropped.
    Done,
    /// The queue keeps it as a dead letter, as before; the reason.
    Kept(String),
    /// Somebody else redrove or dropped it meanwhile.
    Gone,
}
