//! VIA: what holds messages. One folder a queue, one line of `open_*` a scheme.

mod capabilities;
mod describe;
mod inspect;
pub mod memory;
#[cfg(feature = "pubsub")]
pub mod pubsub;
pub mod sqlite;
#[cfg(feature = "sqs")]
pub mod sqs;

pub use capabilities::{Capabilities, Emptiness};
pub use describe::{Side, describe};
pub use inspect::{
    Contents, DeadLetter, DeadLetterHead, DeadLetterOutcome, DeadLetterStore, Deletion, Fact,
    FactValue, Inspect, MessageState, Peek, PeekByReceiving, Peeked, Purge, Receipts, RepairLoss,
    Repaired, Stats, Verified, Which,
};
pub use sqlite::{adopt, names, not_put_back, repair, verify, wipe_out};

use crate::clock::Clock;
use crate::dead_letter::Death;
use crate::environment::Environment;
use crate::error::Result;
use crate::identity::{FileIdentity, Identity, Key};
use crate::location::Location;
use crate::message::{Delivery, Message, Receipt};
use crate::preflight::Finding;
use async_trait::async_trait;
use std::path::PathBuf;
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
    /// It is done: the queue forgets it.
    Ack,
    /// Offer it again after this time; the attempt counts.
    Retry(Duration),
    /// As if never received: offer it again now, and the attempt does not count where the queue allows.
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
    /// Any.
    #[default]
    Any,
    /// Those with this tag.
    Tag(String),
    /// Those with the tag of the oldest message.
    OldestTag,
}

/// How much to receive, and how long to wait for it.
#[derive(Debug, Clone)]
pub struct Receive {
    /// At most this many deliveries.
    pub max: usize,
    /// Stop once this many bytes are in hand; a single message may be larger.
    pub max_bytes: usize,
    /// How long to wait for the first one; zero looks once.
    pub wait: Duration,
    /// Which ones.
    pub select: Select,
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
    /// outlast a power cut.
    async fn begun(&self, _receipts: &[Receipt]) {}

    /// Nothing came of the work on these, and nothing works on them: they are only held again.
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

    /// These stay leased, and take no room any more: they wait for something else than the sink. No
    /// `receive` may be on its way.
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

/// What a queue must know when it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a delivery is ours before it is offered again.
    pub lease: Duration,
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
    /// The time of day.
    pub clock: Clock,
}

impl Options {
    /// What the programs use where nothing else is asked for.
    pub fn new(environment: Environment, data_dir: PathBuf) -> Self {
        Self {
            lease: Duration::from_secs(30),
            in_flight: 2500,
            in_flight_bytes: 64 << 20,
            max_messages: None,
            publish_timeout: Duration::from_secs(10),
            hold: true,
            passes_on: false,
            create: false,
            environment,
            data_dir,
            clock: Clock::system(),
        }
    }
}

/// The queues that this build knows.
const KNOWN: &[&str] = &["sqlite", "pubsub", "sqs", "memory"];

/// Under which name something is kept for the queue that a URL stands for here and now: with the
/// full path, or with the project, account, region and endpoint that it resolves to, and with the
/// attribute that carries its ids. Nothing is asked, made or sent. Other parameters are left out.
pub fn key(url: &Location, options: &Options) -> Result<Key> {
    match url.scheme() {
        "memory" => Ok(Key::new(format!("memory:{}", url.path()?))),
        "sqlite" => sqlite::key(url.clone(), options),
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::key(url, options),
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        #[cfg(feature = "sqs")]
        "sqs" => sqs::key(url, options),
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// What the queue of a URL is, for what is compared and locked. A service may be asked what a name
/// stands for; where it does not answer, the name alone counts.
pub async fn identity(url: &Location, side: Side, options: &Options) -> Result<Identity> {
    match url.scheme() {
        "memory" => Ok(Identity::named(format!("memory:{}", url.path()?))),
        "sqlite" => sqlite::identity(url.clone(), options),
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::identity(url, side, options),
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::identity(url, options)).await,
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// The file of a queue that is in one.
pub fn file(url: &Location, options: &Options) -> Result<Option<FileIdentity>> {
    match url.scheme() {
        "sqlite" => sqlite::file_of(url.clone(), options).map(Some),
        _ => Ok(None),
    }
}

/// Whether what is published to `into` comes back to whoever receives from `from`.
pub async fn leads_back(from: &Location, into: &Location, options: &Options) -> Result<bool> {
    // Of a known scheme both, or the error says so.
    let same = key(from, options)? == key(into, options)?;
    if same || from.scheme() != into.scheme() {
        return Ok(same);
    }
    #[cfg(feature = "pubsub")]
    if from.scheme() == "pubsub" {
        return pubsub::leads_back(from, into, options).await;
    }
    let from = identity(from, Side::From, options).await?;
    Ok(from.is(&identity(into, Side::Into, options).await?))
}

/// Why nobody can look into `memory:`.
const IN_PROCESS: &str = "it lives in the process that made it, and only there";

/// Opens a queue for publishing.
pub async fn open_publisher(url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
    match url.scheme() {
        "memory" => memory::open_publisher(url, options),
        "sqlite" => sqlite::open_publisher(url, options).await,
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::open_publisher(url, options).await,
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        // Boxed, as all of its: the client's futures are deep.
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::open_publisher(url, options)).await,
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// Opens a queue for receiving.
pub async fn open_subscriber(url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
    match url.scheme() {
        "memory" => memory::open_subscriber(url, options),
        "sqlite" => sqlite::open_subscriber(url, options).await,
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::open_subscriber(url, options).await,
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::open_subscriber(url, options)).await,
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// Opens a queue to look inside and to mend; what is not there is not made.
pub async fn open_inspector(url: Location, options: &Options) -> Result<Box<dyn Inspect>> {
    match url.scheme() {
        "sqlite" => sqlite::open(url, options).await,
        "memory" => Err(inspect::closed(&url, IN_PROCESS)),
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::open_inspector(url, options).await,
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::open_inspector(url, options)).await,
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// The same; `None` where there is no such queue. Only the embedded queue can tell.
pub async fn open_inspector_if_there(
    url: Location,
    options: &Options,
) -> Result<Option<Box<dyn Inspect>>> {
    match url.scheme() {
        "sqlite" => sqlite::open_if_there(url, options).await,
        _ => open_inspector(url, options).await.map(Some),
    }
}

/// Puts messages that a queue never delivered among its dead letters: all of them durably, or none.
/// The queue is made where it is missing; what it has already, same id and same content, is not
/// doubled.
pub async fn bury(url: Location, options: &Options, letters: &[(Message, Death)]) -> Result<()> {
    match url.scheme() {
        "sqlite" => sqlite::bury(url, options, letters).await,
        "memory" | "pubsub" | "sqs" => {
            Err(inspect::closed(&url, "only the embedded queue keeps dead letters from elsewhere"))
        }
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// How much is left in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages in whatever state, as far as they were counted.
    pub messages: u64,
    /// Somebody has taken one of them out, or had when it was killed.
    pub leased: bool,
}

/// Counts what is left in a queue, up to so many messages: the cost does not grow beyond that. It
/// makes nothing: a queue that is not there holds none.
pub async fn backlog(url: Location, options: &Options, at_most: u64) -> Result<Backlog> {
    match url.scheme() {
        "sqlite" => sqlite::backlog(url, options, at_most).await,
        "memory" | "pubsub" | "sqs" => {
            Err(inspect::closed(&url, "only the embedded queue counts what it holds"))
        }
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// Makes a queue. `false`: it was there already, and is as it was.
pub async fn create(url: Location, options: &Options) -> Result<bool> {
    match url.scheme() {
        "sqlite" => sqlite::create(url, options).await,
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::create(url, options).await,
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::create(url, options)).await,
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        "memory" => Err(inspect::closed(&url, IN_PROCESS)),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// Deletes a queue with all that it holds, or only tells what that would remove unless `yes`. An
/// embedded one is refused as unreachable while any program has it open: nobody's message goes to
/// where nobody looks.
pub async fn delete(url: Location, options: &Options, yes: bool) -> Result<Deletion> {
    match url.scheme() {
        "sqlite" => sqlite::delete(url, options, yes).await,
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::delete(url, options, yes).await,
        #[cfg(not(feature = "pubsub"))]
        "pubsub" => Err(url.missing_feature("pubsub")),
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::delete(url, options, yes)).await,
        #[cfg(not(feature = "sqs"))]
        "sqs" => Err(url.missing_feature("sqs")),
        "memory" => Err(inspect::closed(&url, IN_PROCESS)),
        _ => Err(url.unknown_scheme("queue", KNOWN)),
    }
}

/// Looks at a queue as `publish` will use it; nothing is published, made or changed.
pub async fn check_publisher(url: Location, options: &Options) -> Result<Vec<Finding>> {
    match url.scheme() {
        "sqlite" => sqlite::check(url, options).await,
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::check_publisher(url, options).await,
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::check_publisher(url, options)).await,
        _ => {
            let what = format!("`{url}` answers");
            let queue = open_publisher(url, options).await?;
            let checked = queue.ping().await;
            checked.and(queue.close().await).map(|()| vec![Finding::ok(what)])
        }
    }
}

/// Looks at a queue as `subscribe` will use it; nothing is received, made or changed.
pub async fn check_subscriber(url: Location, options: &Options) -> Result<Vec<Finding>> {
    match url.scheme() {
        "sqlite" => sqlite::check_to_receive(url, options).await,
        #[cfg(feature = "pubsub")]
        "pubsub" => pubsub::check_subscriber(url, options).await,
        #[cfg(feature = "sqs")]
        "sqs" => Box::pin(sqs::check_subscriber(url, options)).await,
        _ => {
            let what = format!("`{url}` answers");
            let queue = open_subscriber(url, options).await?;
            let checked = queue.ping().await;
            checked.and(queue.close().await).map(|()| vec![Finding::ok(what)])
        }
    }
}
