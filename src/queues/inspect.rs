//! What a queue's inside shows to people and scripts, and how they mend it.

use super::{Publisher, Select, Settled, Subscriber, Verdict};
use crate::dead_letter::{self, Death};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::{Delivery, Message, Receipt};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use std::path::PathBuf;
use std::time::Duration;

/// The door to a queue's inside.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Tells of the queue what it can without receiving; changes nothing.
    async fn stats(&self) -> Result<Stats>;

    /// Looks at messages; `None` where looking would be receiving.
    fn peek(&self) -> Option<&dyn Peek>;

    /// Works on dead letters; `None` where the queue does not keep them itself.
    fn dead_letters(&self) -> Option<&dyn DeadLetterStore>;

    /// Where looking is receiving: what it costs, and what to receive from. `None` where `peek` and
    /// `dead_letters` look without taking.
    fn peek_by_receiving(&self) -> Option<&dyn PeekByReceiving>;

    /// Empties the queue; `None` where nobody can.
    fn purge(&self) -> Option<&dyn Purge>;

    /// Leases to somebody who is no process; `None` where a receipt dies with its process.
    fn receipts(&self) -> Option<&dyn Receipts>;

    /// Works on single messages by their ids; `None` where the queue finds none by its id.
    fn by_id(&self) -> Option<&dyn MessagesById> {
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

    /// Its messages; at most `limit` are fetched.
    async fn messages(&self, limit: Option<usize>) -> Result<Box<dyn Subscriber>>;

    /// Its dead letters: one for each place where some of them may be; at most `limit` are fetched
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

/// Which messages to lease to somebody who is no process, and for how long.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// At most this many.
    pub max: usize,
    /// How long each lease is.
    pub time: Duration,
    /// How long to wait for the first message; zero looks once.
    pub wait: Duration,
    /// Which ones.
    pub select: Select,
    /// Only those of this group, in their order, where one is named.
    pub group: Option<String>,
}

impl LeaseRequest {
    /// Any messages that are there now.
    pub fn now(max: usize, time: Duration) -> Self {
        Self { max, time, wait: Duration::ZERO, select: Select::Any, group: None }
    }
}

/// Leases messages to somebody who is no process: a lease lasts until it is settled or its time is
/// over, whoever holds its receipt.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Leases what is there, the oldest first; where nothing is, as soon as something comes. What a
    /// call has leased that was dropped is offered again when its time is over.
    ///
    /// # Errors
    /// `Configuration` where the queue cannot select by tag or by group, and that was asked for.
    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Delivery>>;

    /// Carries out verdicts, and answers per delivery in their order. An error is of all of them:
    /// none was carried out.
    async fn settle(&self, verdicts: Vec<(Receipt, Verdict)>) -> Result<Vec<Settled>>;

    /// Each lease ends this long from now; answers per receipt in their order.
    async fn extend(&self, receipts: Vec<Receipt>, time: Duration) -> Result<Vec<Settled>>;
}

/// Empties a queue.
#[async_trait]
pub trait Purge: Send + Sync {
    /// Removes every message that the queue held when this began, leased ones included; dead
    /// letters stay. Gives how many, where the queue knows. It is done in small steps, between
    /// which others work on: what is interrupted has removed the oldest.
    async fn purge(&self) -> Result<Option<u64>>;
}

/// Looks at messages without taking them.
#[async_trait]
pub trait Peek: Send + Sync {
    /// At most `max` messages behind this place (0: from the first), in the order of publishing,
    /// whatever their state. Gives fewer where these are large already; none at the end.
    async fn peek(&self, after: i64, max: usize) -> Result<Vec<Peeked>>;
}

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

/// What a queue holds, and how it is set up. A message is in exactly one of the five counts;
/// `None` is not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Could be received now; a lease that has ended is none.
    pub ready: Option<u64>,
    /// Behind an earlier message of its group.
    pub waiting: Option<u64>,
    /// Not due yet: published for later, or waiting to be tried again.
    pub scheduled: Option<u64>,
    /// Some subscriber's at present.
    pub leased: Option<u64>,
    /// Dead letters.
    pub dead: Option<u64>,
    /// How many seconds ago the oldest message that is not dead was published; `None` also where
    /// there is none.
    pub oldest_seconds: Option<u64>,
    /// The size of its file, in bytes; other queues of the file included.
    pub file_bytes: Option<u64>,
    /// The size of the file's log (WAL), in bytes.
    pub wal_bytes: Option<u64>,
    /// Why some of these are not known, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<&'static str>,
    /// How the queue is set up, where a server keeps that.
    #[serde(flatten, serialize_with = "facts")]
    pub facts: Vec<Fact>,
}

impl Stats {
    /// How many messages there are that are not dead; `None` where one of the counts is not known.
    pub fn messages(&self) -> Option<u64> {
        [self.ready, self.waiting, self.scheduled, self.leased].into_iter().sum()
    }
}

/// One thing that a server says of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, in words: `ack deadline`.
    pub name: &'static str,
    /// What it is; `None` where nobody told.
    pub value: Option<FactValue>,
}

impl Fact {
    /// Text; empty where there is none.
    pub fn text(name: &'static str, text: &str) -> Self {
        Self { name, value: Some(FactValue::Text(text.to_owned())) }
    }

    /// Whether it is so; `None` where nobody told.
    pub fn yes(name: &'static str, yes: Option<bool>) -> Self {
        Self { name, value: yes.map(FactValue::Yes) }
    }

    /// How long; `None` where nobody told.
    pub fn time(name: &'static str, length: Option<Duration>) -> Self {
        Self { name, value: length.map(FactValue::Time) }
    }

    /// How many; `None` where nobody told.
    pub fn count(name: &'static str, count: Option<u64>) -> Self {
        Self { name, value: count.map(FactValue::Count) }
    }
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// Text; empty where there is none.
    Text(String),
    /// Whether it is so.
    Yes(bool),
    /// How many.
    Count(u64),
    /// How long.
    Time(Duration),
}

/// A field each: `ack_deadline_seconds`.
fn facts<S: Serializer>(facts: &[Fact], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|Fact { name, value }| {
        let name = name.replace(' ', "_");
        match value {
            Some(FactValue::Time(time)) => (name + "_seconds", serde_json::json!(time.as_secs())),
            Some(FactValue::Text(text)) => (name, serde_json::json!(text)),
            Some(FactValue::Yes(yes)) => (name, serde_json::json!(yes)),
            Some(FactValue::Count(count)) => (name, serde_json::json!(count)),
            None => (name, serde_json::Value::Null),
        }
    }))
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

/// One thing that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What should be so.
    pub what: &'static str,
    /// How often it is not.
    pub wrong: u64,
    /// The first that is not so, in words; never a payload.
    pub first: Option<String>,
}

/// What came of repairing a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The new file.
    pub file: PathBuf,
    /// How many messages are in it.
    pub messages: u64,
    /// How many dead letters are in it, those included that were messages.
    pub dead: u64,
    /// How many things were not saved, or not as they were; each was told of.
    pub lost: u64,
    /// The pages that could not be read, or not wholly; from 1.
    pub pages: Vec<u32>,
    /// Commits at the end of the file's log could not be read: nobody knows what was in them.
    pub log_cut_off: bool,
}

/// Something that a repair could not save as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairLoss {
    /// What it is, in words.
    pub what: &'static str,
    /// The queue that it was in.
    pub queue: String,
    /// The message's id.
    pub id: String,
    /// What is missing.
    pub why: &'static str,
    /// Whether the rest of it is kept: a message as a dead letter.
    pub kept: bool,
}

/// A message, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// Its place in the queue.
    pub place: i64,
    /// The message.
    pub message: Message,
    /// How often it was delivered; `None` where the queue does not count.
    pub attempts: Option<u32>,
    /// What holds it.
    pub state: MessageState,
    /// When it is due, or when its lease ends.
    pub until: Option<DateTime<Utc>>,
    /// What of it cannot be read, in words; whoever receives it next buries it.
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
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of the messages with these ids.
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
    /// Behind this one; `None`: from the first.
    pub after: Option<&'i DeadLetterId>,
    /// Up to this one; `None`: to the last.
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
    /// Why.
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
    /// What of it cannot be read, in words: then it can be dropped, and not put back.
    pub unreadable: Option<String>,
}

/// What became of a dead letter that was to be redriven or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterOutcome {
    /// It is done.
    Done,
    /// It is a dead letter as before; the reason.
    Kept(String),
    /// Somebody else redrove or dropped it meanwhile.
    Gone,
}

/// The error for a queue whose inside nobody can show.
pub fn closed(url: &Location, why: &str) -> Error {
    Error::new(Kind::Configuration, format!("cannot look inside `{url}`"))
        .because_of(why)
        .hint("the program `queue` works on what other processes reach: `sqlite:PATH?queue=NAME`")
}
