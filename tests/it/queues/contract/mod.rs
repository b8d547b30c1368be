//! What every queue promises, as one list of cases that runs on each of them.
//!
//! What a backend cannot do is named in `Backend::cannot`, with the reason, and the case checks
//! that the backend says so itself where the trait lets it.

mod content;
mod leases;
mod order;
mod receiving;
mod settling;

use content::*;
use leases::*;
use order::*;
use receiving::*;
use settling::*;

use crate::support::deletion::Deletion;
use crate::support::services;
use crate::support::verdicts::retry;
use chrono::{DateTime, TimeDelta, Utc};
use kakehi::clock::{Clock, ClockControl};
use kakehi::environment::Environment;
use kakehi::queues::{
    self, LeaseRequest, Options, Published, Publisher, Receive, Select, Settled, Subscriber,
    Verdict,
};
use kakehi::{Delivery, Location, Message, Receipt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What not every queue can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ability {
    /// Our clock is its clock.
    GoesByOurClock,
    /// A lease ends by itself while its subscriber lives.
    LosesLeases,
    /// `Retry` waits in the queue.
    Delays,
    /// `not_before` is kept.
    Schedules,
    /// `Bury` is kept.
    Buries,
    /// A second message under an id that the queue holds is found out.
    KnowsIds,
    /// Deliveries are numbered.
    CountsAttempts,
    /// One tag can be asked for.
    SelectsTags,
    /// The order within a group holds when messages come again.
    OrdersRetries,
    /// What a subscriber gives back at its end comes at once.
    GivesBackAtOnce,
    /// Two subscribers that ask in the same moment never get the same message.
    GivesOnlyOnce,
    /// A body may be any bytes, and a tag any text.
    CarriesAnything,
}
use Ability::*;

/// A queue of its own for one case.
struct Backend {
    url: String,
    environment: Environment,
    clock: Clock,
    /// Moves the clock, where the queue goes by ours.
    control: Option<ClockControl>,
    lease: Duration,
    /// Many messages, for this queue.
    many: usize,
    cannot: &'static [(Ability, &'static str)],
    /// How long nothing must come before we believe that nothing is there.
    silence: Duration,
    dir: TempDir,
    /// Deletes what the case makes at a server.
    _deletion: Option<Deletion>,
}

/// The shortest that every queue has.
const LEASE: Duration = Duration::from_secs(10);

/// What a tag is that names a job of Redis.
const JOB: &str = "contract";

/// How long a case waits for what must come.
const PATIENCE: Duration = services::EMULATOR_PATIENCE;

impl Backend {
    fn memory(case: &str) -> Self {
        Self::embedded(|_| format!("memory:contract-{case}"))
    }

    fn sqlite(_case: &str) -> Self {
        Self::embedded(|dir| format!("sqlite:{}?queue=contract", dir.path().join("q.db").display()))
    }

    fn embedded(url: impl FnOnce(&TempDir) -> String) -> Self {
        let dir = TempDir::with_prefix("kakehi-contract-").unwrap();
        let (clock, control) = Clock::manual(start());
        Self {
            url: url(&dir),
            environment: Environment::default(),
            clock,
            control: Some(control),
            lease: LEASE,
            many: 5000,
            cannot: &[],
            silence: Duration::ZERO,
            dir,
            _deletion: None,
        }
    }

    fn pubsub(case: &str) -> Self {
        let host = services::pubsub_emulator();
        // The emulator may have served earlier runs, whose messages are none of ours.
        let run = uuid::Uuid::now_v7().simple();
        let name = format!("{}-{run}", case.replace('_', "-"));
        let ordered = if case.contains("order") { "?ordered" } else { "" };
        Self {
            url: format!("pubsub://kakehi-test/{name}{ordered}"),
            environment: Environment::from_iter([("PUBSUB_EMULATOR_HOST", host)]),
            clock: Clock::system(),
            control: None,
            lease: LEASE,
            many: 5000,
            cannot: &[
                (LosesLeases, "the client extends every lease for as long as it lives"),
                (Delays, "a nack is redelivered at once, or by the subscription's own back-off"),
                (Schedules, "the service delivers at once"),
                (Buries, "its dead letters are counted, not decided: the loop publishes them"),
                (KnowsIds, "the service gives every publish an id of its own"),
                (CountsAttempts, "only under a dead-letter policy"),
                (SelectsTags, "a subscription has one filter, fixed when it is made"),
                (OrdersRetries, "the emulator fails with UNKNOWN after a redelivery in order"),
                (
                    GivesBackAtOnce,
                    "the emulator may offer it to the stream that has just ended, and to others \
                     only a lease later",
                ),
            ],
            silence: Duration::from_secs(1),
            dir: TempDir::with_prefix("kakehi-contract-").unwrap(),
            _deletion: Some(Deletion::of_subscription("kakehi-test", &name)),
        }
    }

    fn sqs(case: &str) -> Self {
        Self::of_sqs(
            &format!("{}-{}", short(case), uuid::Uuid::now_v7().simple()),
            &[
                (GoesByOurClock, "the service has one of its own: `sqs.rs` waits for it"),
                (Buries, "it moves what was received too often, and nothing else"),
                (KnowsIds, "the service gives every message an id of its own"),
                (SelectsTags, "a receive gives whatever is there"),
                (OrdersRetries, "a standard queue orders nothing"),
                (GivesOnlyOnce, "a standard queue may deliver a message twice"),
            ],
        )
    }

    fn sqs_fifo(case: &str) -> Self {
        Self::of_sqs(
            &format!("{}-{}.fifo", short(case), uuid::Uuid::now_v7().simple()),
            &[
                (GoesByOurClock, "the service has one of its own: `sqs.rs` waits for it"),
                (Buries, "it moves what was received too often, and nothing else"),
                (KnowsIds, "it swallows what is the same for five minutes, and says it took it"),
                (SelectsTags, "a receive gives whatever is there"),
            ],
        )
    }

    fn redis(case: &str) -> Self {
        let host = services::redis();
        let namespace = format!("{}-{}", short(case), uuid::Uuid::now_v7().simple());
        let cannot: &[_] = &[
            (LosesLeases, "a pool's jobs are its own for as long as its heart beats"),
            (KnowsIds, "nobody looks for an id in a list: `unique` keeps a second job out"),
            (SelectsTags, "each job has a list of its own"),
            (OrdersRetries, "a retry waits beside the list, and holds nothing up"),
            (CarriesAnything, "the arguments of a job are a JSON object or null, its tag its name"),
        ];
        let url = format!("redis://{host}/0?namespace={namespace}&job={JOB}");
        let (silence, deletion) = (Duration::from_secs(3), Deletion::of_namespace(&namespace));
        Self { cannot, silence, _deletion: Some(deletion), ..Self::embedded(|_| url) }
    }

    fn of_sqs(name: &str, cannot: &'static [(Ability, &'static str)]) -> Self {
        Self {
            url: format!("sqs:{name}"),
            environment: services::sqs_variables().into_iter().collect(),
            clock: Clock::system(),
            control: None,
            // Longer than any case takes on a busy machine.
            lease: Duration::from_secs(600),
            many: 500,
            cannot,
            silence: Duration::from_secs(1),
            dir: TempDir::with_prefix("kakehi-contract-").unwrap(),
            _deletion: Some(Deletion::of_queue(name)),
        }
    }

    /// The reason, where it cannot; it is shown by `cargo test -- --nocapture`.
    fn cannot(&self, ability: Ability) -> bool {
        let reason = self.cannot.iter().find(|(what, _)| *what == ability);
        if let Some((what, reason)) = reason {
            println!("`{}` cannot do {what:?}: {reason}", self.url);
        }
        reason.is_some()
    }

    fn options(&self) -> Options {
        Options {
            lease: self.lease,
            in_flight: 10_000,
            in_flight_bytes: 100_000_000,
            max_messages: None,
            publish_timeout: Duration::from_secs(10),
            hold: true,
            passes_on: false,
            create: true,
            environment: self.environment.clone(),
            data_dir: PathBuf::from(self.dir.path()),
            clock: self.clock.clone(),
            ..Options::new(Default::default(), Default::default())
        }
    }

    async fn publisher(&self) -> Box<dyn Publisher> {
        let url = Location::parse(&self.url).unwrap();
        queues::open_publisher(url, &self.options()).await.unwrap()
    }

    async fn subscriber(&self) -> Box<dyn Subscriber> {
        let url = Location::parse(&self.url).unwrap();
        let options = Options { create: url.scheme() != "pubsub", ..self.options() };
        queues::open_subscriber(url, &options).await.unwrap()
    }

    /// Publishes, and expects every message to be taken.
    async fn publish(&self, messages: &[Message]) {
        let publisher = self.publisher().await;
        for batch in messages.chunks(1000) {
            let answers = publisher.publish(batch).await.unwrap();
            assert_eq!(answers, vec![Published::Accepted; batch.len()]);
        }
        publisher.close().await.unwrap();
    }

    fn advance(&self, by: Duration) {
        let control = self.control.as_ref().expect("a queue that waits goes by our clock");
        control.advance(TimeDelta::from_std(by).unwrap());
    }

    /// Whether nothing comes, for as long as this queue needs to be believed.
    async fn is_silent(&self, subscriber: &dyn Subscriber) -> bool {
        subscriber.receive(any(1, self.silence)).await.unwrap().is_empty()
    }
}

/// A case's name in few letters: a queue's name has 80.
fn short(case: &str) -> String {
    case.replace('_', "-").chars().take(30).collect()
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn any(max: usize, wait: Duration) -> Receive {
    Receive { max, max_bytes: usize::MAX, wait, select: Select::Any }
}

fn message(id: &str) -> Message {
    Message::new(id, format!("{{\"body of\":\"{id}\"}}"))
}

fn messages(ids: &[&str]) -> Vec<Message> {
    ids.iter().map(|id| message(id)).collect()
}

fn grouped(id: &str, group: &str) -> Message {
    Message { group: Some(group.to_owned()), ..message(id) }
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.message.id.as_str()).collect()
}

/// Receives until this many are in flight, and fails where they do not come.
async fn receive(subscriber: &dyn Subscriber, count: usize) -> Vec<Delivery> {
    let deadline = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} came", all.len());
        let wait = Duration::from_millis(100);
        all.extend(subscriber.receive(any(count - all.len(), wait)).await.unwrap());
    }
    all
}

async fn settle_one(subscriber: &dyn Subscriber, delivery: &Delivery, verdict: Verdict) -> Settled {
    subscriber.settle(vec![(delivery.receipt.clone(), verdict)]).await.remove(0)
}

async fn ack(subscriber: &dyn Subscriber, deliveries: &[Delivery]) {
    let verdicts = deliveries.iter().map(|d| (d.receipt.clone(), Verdict::Ack)).collect();
    let settled = subscriber.settle(verdicts).await;
    assert_eq!(settled, vec![Settled::Done; deliveries.len()]);
}

impl Backend {
    async fn subscriber_after_publishing(&self, messages: &[Message]) -> Box<dyn Subscriber> {
        self.publish(messages).await;
        self.subscriber().await
    }
}

/// One test for each case and backend: `queue_contract::memory::a_tag_selects`.
macro_rules! contract {
    ($($backend:ident)*: $cases:tt) => { $(contract!(@ $backend $cases);)* };
    (@ $backend:ident [$($case:ident)*]) => {
        mod $backend {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&super::Backend::$backend(stringify!($case))).await;
                }
            )*
        }
    };
}

contract! { memory sqlite pubsub redis sqs sqs_fifo: [
    what_is_acknowledged_is_not_redelivered
    a_message_survives_as_it_was
    what_would_not_come_back_is_refused_alone
    a_lease_that_ends_offers_the_message_again
    a_lease_counts_that_is_lost_in_mid_work
    what_lost_its_lease_comes_alone_and_after_the_others
    a_lease_outlasts_a_jump_of_the_clock
    a_lease_that_is_extended_is_kept
    what_is_released_comes_at_once_and_costs_nothing
    a_retry_comes_when_it_is_due_and_counts
    not_before_is_kept
    what_is_buried_stays_out
    an_id_stands_for_one_content
    the_order_within_a_group_holds
    the_order_holds_through_retries
    an_unknown_receipt_settles_nothing
    two_subscribers_never_hold_the_same
    nothing_is_a_normal_answer_in_time
    a_receive_that_is_dropped_loses_nothing
    a_batch_is_as_large_as_was_asked
    a_tag_selects
    what_is_held_is_given_back_at_the_end
    many_come_once_each
] }
