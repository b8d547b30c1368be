//! VIA: what holds messages. One folder a queue, one line of the list a scheme.

mod backend;
mod capabilities;
mod inspect;
mod jobs;
pub mod memory;
mod options;
pub mod peek_by_receiving;
#[cfg(feature = "pubsub")]
pub mod pubsub;
#[cfg(feature = "redis")]
pub mod redis;
pub mod service_error;
pub mod sqlite;
#[cfg(feature = "sqs")]
pub mod sqs;
mod tasks;

pub use backend::{Backend, NamedQueue, Servable, Side};
pub use capabilities::{Backoff, Capabilities, Emptiness};
pub use inspect::{
    Contents, DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterOutcome, DeadLetterPart,
    DeadLetterStore, Deletion, Fact, FactValue, Inspect, JobStats, LeaseRequest, MessageState,
    MessagesById, POISON, Paused, Pausing, Peek, PeekByReceiving, PeekFilter, Peeked, PeekedPart,
    Purge, Receipts, RepairLoss, Repaired, RewriteDeadLetters, Scheduled, ScheduledId,
    ScheduledMessages, ScheduledOutcome, Stats, TagCount, Tags, Tail, Tailing, Verified, Which,
};
pub use jobs::{BusyWorker, Jobs, PeriodicJob, ReadyJobs, TimedJob, TimedJobs, WorkerPool};
pub use options::Options;
pub use tasks::{
    Added, Change, Changed, Deleted, NewTask, RetryLimits, Task, TaskLease, TaskQueues,
    TaskSettings, TaskStats, Tasks,
};
// The spool is an embedded queue, and so is every file that is mended.
pub use sqlite::{
    adopt, backlog, bury, names, not_put_back, open_if_there, repair, verify, wipe_out,
};

use crate::batch::BatchLimits;
use crate::error::Result;
use crate::identity::{FileIdentity, Identity, Key};
use crate::location::Location;
use crate::message::{Delivery, IdForm, Message, Receipt};
use crate::preflight::Finding;
use crate::registry::{Entry, Registry, built_with};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// What became of one message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The queue holds it, durably.
    Accepted,
    /// The queue holds the same message under this id already.
    Duplicate,
    /// The queue could not take it now; the same message may succeed later.
    Retry(String),
    /// The queue will never take this message.
    Refused(String),
}

/// The door through which messages enter a queue.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes a batch and answers per message, in the batch's order. An error is of the whole
    /// queue: it cannot be reached, the topic is missing, the credentials were refused.
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>>;

    /// Proves that the queue can be reached, without publishing; `--dry-run` calls it.
    async fn ping(&self) -> Result<()>;

    /// Sends what is still buffered and closes the connection.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// What shall become of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The work on it is done: the queue forgets it.
    Ack,
    /// Offer it again after this time; the attempt counts. A queue that keeps the last error of a
    /// message keeps why this attempt failed; one that has no place for it drops that.
    Retry {
        /// How long it is not offered.
        after: Duration,
        /// Why this attempt failed; never a payload.
        why: String,
    },
    /// Offer it again now, as if it had never been received: the attempt does not count where the queue allows.
    Release,
    /// Never offer it again: keep it as a dead letter with this reason.
    Bury(String),
}

/// What became of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The queue has carried it out.
    Done,
    /// The lease had ended: the message is somebody else's now, and the verdict did nothing.
    LeaseLost,
    /// The queue did not answer; the reason.
    Unknown(String),
}

/// Which messages to receive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Select {
    /// Any message.
    #[default]
    Any,
    /// Messages with this tag.
    Tag(String),
    /// Messages with the tag of the oldest one.
    OldestTag,
}

/// How much to receive, and how long to wait for it.
#[derive(Debug, Clone)]
pub struct Receive {
    /// At most this many deliveries.
    pub max: usize,
    /// Stop once there are this many bytes; a single message may be larger.
    pub max_bytes: usize,
    /// How long to wait for the first one; zero looks once.
    pub wait: Duration,
    /// Which messages.
    pub select: Select,
}

impl Receive {
    /// The limits of what it gives.
    fn limits(&self) -> BatchLimits {
        BatchLimits { count: self.max, bytes: self.max_bytes }
    }
}

/// The door through which messages leave a queue.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// Leases up to `max` messages. Returns as soon as there are any; an empty answer is normal.
    /// Cancel-safe: what a dropped call had leased is delivered by a later call, or given back by
    /// `close`.
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>>;

    /// Work on these starts now. Where the queue counts attempts, a lease that ends without a
    /// verdict counts from here on, and one that was only fetched ahead does not. That need not
    /// outlast a power cut. Gives those whose message a newer one has replaced, as they are now:
    /// these are what is worked on.
    async fn begun(&self, _receipts: &[Receipt]) -> Vec<Delivery> {
        Vec::new()
    }

    /// Takes `begun` back: nothing came of the work on these, and they are only leased again.
    async fn interrupted(&self, _receipts: &[Receipt]) {}

    /// Carries out verdicts, and answers per delivery in the batch's order.
    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled>;

    /// Proves that the queue answers, without receiving.
    async fn ping(&self) -> Result<()>;

    /// How many messages this handle could not read, and has made dead letters of.
    fn unreadable(&self) -> usize {
        0
    }

    /// Stops receiving until the next `receive`: gives back what was leased and not handed out, and
    /// fetches nothing, so that what is released does not come straight back. What was handed out
    /// stays leased and can be settled. No `receive` may be on its way.
    async fn pause(&self) -> Result<()>;

    /// Leaves these leased, and gives their room to others: they wait for something else than the
    /// sink. No `receive` may be on its way.
    async fn set_aside(&self, _receipts: &[Receipt]) {}

    /// Extends leases, where the client does not do it by itself. A task of its own calls it, so
    /// that no write that takes its time can starve it; it ends before `close` is called.
    fn leases(&self) -> Option<Arc<dyn Leases>>;

    /// After how many deliveries the queue itself takes a message away, into dead letters of its
    /// own; `None` where it never does, or where we may not know. A service may be asked.
    async fn max_deliveries(&self) -> Result<Option<u32>> {
        Ok(None)
    }

    /// What the queue does by itself.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Gives back what was leased and not settled, sends what is still buffered, closes.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// Makes leases longer.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Each lease ends one full lease time from now. Those that were lost are skipped: settling
    /// tells.
    async fn extend(&self, receipts: &[Receipt]) -> Result<()>;
}

/// The queues, one line each.
pub static QUEUES: Registry<dyn Backend> = Registry {
    noun: "queue",
    lines: &[
        ("sqlite", Entry::Built(&sqlite::SqliteBackend)),
        ("pubsub", built_with!("pubsub", pubsub::PubsubBackend)),
        ("sqs", built_with!("sqs", sqs::SqsBackend)),
        ("redis", built_with!("redis", redis::RedisBackend)),
        ("rediss", built_with!("redis", redis::RedisBackend)),
        ("redis+sentinel", built_with!("redis", redis::RedisBackend)),
        ("rediss+sentinel", built_with!("redis", redis::RedisBackend)),
        ("memory", Entry::Built(&memory::MemoryBackend)),
    ],
};

/// Under which name something is kept for the queue that a URL stands for here and now; see
/// [`Backend::key`].
pub fn key(url: &Location, options: &Options) -> Result<Key> {
    QUEUES.find(url)?.key(url, options)
}

/// What the queue of a URL is, for what is compared and locked; see [`Backend::identity`].
pub async fn identity(url: &Location, side: Side, options: &Options) -> Result<Identity> {
    QUEUES.find(url)?.identity(url, side, options).await
}

/// The file of a queue that is in one.
pub fn file(url: &Location, options: &Options) -> Result<Option<FileIdentity>> {
    QUEUES.find(url).map_or(Ok(None), |backend| backend.file(url, options))
}

/// Whether what is published to `into` comes back to whoever receives from `from`.
pub async fn leads_back(from: &Location, into: &Location, options: &Options) -> Result<bool> {
    // Of a known scheme both, or the error says so.
    let same = key(from, options)? == key(into, options)?;
    if same || from.scheme() != into.scheme() {
        return Ok(same);
    }
    QUEUES.find(from)?.leads_back(from, into, options).await
}

/// A queue in words, as its URL was understood: a shell that has cut the URL at an `&` shows there.
/// `sqlite queue.db queue readings`, `pubsub topic readings of project`, `sqs readings`. Nothing is
/// asked; no secret is in it. A URL that means nothing is told as it is: opening it says why.
pub fn describe(url: &Location, side: Side, options: &Options) -> String {
    let topic = url.get("topic").map_or_else(String::new, |topic| format!(", topic {topic}"));
    let backend = QUEUES.find(url).ok();
    let queue = backend.and_then(|backend| backend.describe(url, side, options));
    queue.unwrap_or_else(|| url.describe()) + &topic
}

/// What ids look like that are made for messages which come to the queue of a URL without one.
pub fn id_form(url: &Location) -> IdForm {
    QUEUES.find(url).map_or_else(|_| IdForm::default(), Backend::id_form)
}

/// Opens a queue for publishing.
pub async fn open_publisher(url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
    QUEUES.find(&url)?.publisher(url, options).await
}

/// Opens a queue for receiving.
pub async fn open_subscriber(url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
    QUEUES.find(&url)?.subscriber(url, options).await
}

/// Opens a queue to look inside and to mend; what is not there is not made.
pub async fn open_inspector(url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
    QUEUES.find(&url)?.inspector(url, options).await
}

/// Makes a queue. `false`: it was there already, and is as it was.
pub async fn create(url: Location, options: &Options) -> Result<bool> {
    QUEUES.find(&url)?.create(url, options).await
}

/// Deletes a queue with all that it holds, or only tells what that would remove unless `yes`.
pub async fn delete(url: Location, options: &Options, yes: bool) -> Result<Deletion> {
    QUEUES.find(&url)?.delete(url, options, yes).await
}

/// Opens the queues of tasks of a place; what is not there is not made, but by
/// [`TaskQueues::create`].
pub async fn open_tasks(url: Location, options: &Options) -> Result<Arc<dyn TaskQueues>> {
    QUEUES.find(&url)?.tasks(url, options).await
}

/// Opens what a server serves of a place; what is not there is not made.
pub async fn open_served(url: Location, options: &Options) -> Result<Servable> {
    QUEUES.find(&url)?.served(url, options).await
}

/// The queues that a URL stands for; see [`Backend::named`].
pub async fn named(url: &Location, options: &Options) -> Result<Vec<NamedQueue>> {
    QUEUES.find(url)?.named(url, options).await
}

/// Opens the jobs of a queue; `None` where its messages are none.
pub async fn open_jobs(url: Location, options: &Options) -> Result<Option<Arc<dyn Jobs>>> {
    QUEUES.find(&url)?.jobs(url, options).await
}

/// Looks at a queue as `publish` or `subscribe` will use it; nothing is published, received, made or
/// changed.
pub async fn preflight(url: Location, side: Side, options: &Options) -> Result<Vec<Finding>> {
    QUEUES.find(&url)?.preflight(url, side, options).await
}

/// How much is left in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages in whatever state, as far as they were counted.
    pub messages: u64,
    /// Somebody has taken one of them out, or had when it was killed.
    pub leased: bool,
}
