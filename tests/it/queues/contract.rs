//! What every queue promises, as one list of cases that runs on each of them.
//!
//! What a backend cannot do is named in `Backend::cannot`, with the reason, and the case checks
//! that the backend says so itself where the trait lets it.

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
    Message::new(id, format!("body of {id}"))
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

async fn what_is_acknowledged_is_not_redelivered(backend: &Backend) {
    backend.publish(&messages(&["a", "b"])).await;
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 2).await;
    assert_eq!(BTreeSet::from_iter(ids(&deliveries)), BTreeSet::from(["a", "b"]));
    ack(&*subscriber, &deliveries).await;
    assert!(backend.is_silent(&*subscriber).await);
    subscriber.close().await.unwrap();
    assert!(backend.is_silent(&*backend.subscriber().await).await);
}

async fn a_message_survives_as_it_was(backend: &Backend) {
    let mut full = Message::new("id / ü % ?", &b"\xff\x00\r\n{"[..]);
    full.group = Some("group of ü".to_owned());
    full.tag = Some("tag".to_owned());
    full.attributes = BTreeMap::from([("k-1".to_owned(), "v\n\u{1f600}".to_owned())]);
    full.attributes.insert("empty".to_owned(), String::new());
    let bare = Message::new("bare", "");
    backend.publish(&[full.clone(), bare.clone()]).await;
    let subscriber = backend.subscriber().await;
    let mut deliveries = receive(&*subscriber, 2).await;
    deliveries.sort_by_key(|delivery| delivery.message.body.is_empty());
    for (delivery, sent) in deliveries.into_iter().zip([full, bare]) {
        assert!(delivery.message.published_at.is_some(), "the queue says when it took it");
        assert_eq!(Message { published_at: None, ..delivery.message }, sent);
    }
    subscriber.close().await.unwrap();
}

async fn what_would_not_come_back_is_refused_alone(backend: &Backend) {
    let mut batch = messages(&["good-1", "bad-1", "good-2", "bad-2"]);
    for (at, time) in [(1, "-0001-01-01T00:00:00Z"), (3, "+12000-01-01T00:00:00Z")] {
        batch[at].not_before = Some(time.parse().unwrap());
    }
    let queue = backend.publisher().await;
    let answers = queue.publish(&batch).await.unwrap();
    let refused = answers.iter().map(|it| matches!(it, Published::Refused(_)));
    assert_eq!(refused.collect::<Vec<_>>(), [false, true, false, true], "{answers:?}");
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 2).await;
    let mut came: Vec<_> = deliveries.iter().map(|it| it.message.id.as_str()).collect();
    came.sort_unstable();
    assert_eq!(came, ["good-1", "good-2"]);
    ack(&*subscriber, &deliveries).await;
}

async fn a_lease_that_ends_offers_the_message_again(backend: &Backend) {
    if backend.cannot(LosesLeases) || backend.cannot(GoesByOurClock) {
        return;
    }
    backend.publish(&messages(&["a"])).await;
    let (first, second) = (backend.subscriber().await, backend.subscriber().await);
    let lost = receive(&*first, 1).await;
    backend.advance(LEASE - Duration::from_secs(1));
    assert!(backend.is_silent(&*second).await);
    backend.advance(Duration::from_secs(1));
    let again = receive(&*second, 1).await;
    assert_eq!((ids(&again), again[0].attempts), (vec!["a"], Some(1)), "it had not begun");
    for verdict in
        [Verdict::Ack, Verdict::Release, retry(Duration::ZERO), Verdict::Bury("late".to_owned())]
    {
        let settled = settle_one(&*first, &lost[0], verdict).await;
        assert_eq!(settled, Settled::LeaseLost);
    }
    first.close().await.unwrap();
    assert!(backend.is_silent(&*second).await, "the late one changed nothing");
    ack(&*second, &again).await;
}

async fn a_lease_counts_that_is_lost_in_mid_work(backend: &Backend) {
    if backend.cannot(LosesLeases) || backend.cannot(GoesByOurClock) {
        return;
    }
    backend.publish(&messages(&["a", "b", "c", "d"])).await;
    let subscriber = backend.subscriber().await;
    for lost in 0..3 {
        let mut held = receive(&*subscriber, if lost == 0 { 4 } else { 3 }).await;
        assert!(held.iter().all(|one| (one.attempts, one.lost) == (Some(1), 0)), "{held:?}");
        if lost > 0 {
            held = receive(&*subscriber, 1).await;
            assert!(backend.is_silent(&*subscriber).await);
        }
        let (attempts, a) = (Some(lost + 1), &held[0]);
        assert_eq!((&a.message.id[..], a.attempts, a.lost), ("a", attempts, lost));
        let begun = held.iter().take(2).map(|one| one.receipt.clone()).collect::<Vec<_>>();
        subscriber.begun(&begun).await;
        subscriber.interrupted(&begun[1..]).await;
        backend.advance(LEASE);
    }
    subscriber.close().await.unwrap();
}

async fn what_lost_its_lease_comes_alone_and_after_the_others(backend: &Backend) {
    if backend.cannot(LosesLeases) || backend.cannot(GoesByOurClock) {
        return;
    }
    let grouped = [grouped("g1", "g"), grouped("g2", "g"), grouped("g3", "g")];
    backend.publish(&[&messages(&["a", "b"])[..], &grouped].concat()).await;
    let subscriber = backend.subscriber().await;
    let held = receive(&*subscriber, 4).await;
    let begun = held.iter().map(|one| one.receipt.clone()).collect::<Vec<_>>();
    subscriber.begun(&begun).await;
    backend.advance(LEASE);
    backend.publish(&messages(&["z"])).await;
    let mut came = Vec::new();
    loop {
        let some = subscriber.receive(any(10, backend.silence)).await.unwrap();
        if some.is_empty() {
            break;
        }
        ack(&*subscriber, &some).await;
        came.push(ids(&some).join(" "));
    }
    let alone: BTreeSet<_> = came[1..].iter().map(String::as_str).collect();
    assert_eq!((&came[0][..], came.len()), ("z", 6), "{came:?}");
    assert_eq!(alone, BTreeSet::from(["a", "b", "g1", "g2", "g3"]), "{came:?}");
    let at = |id: &str| came.iter().position(|it| it == id).unwrap();
    assert!(at("g1") < at("g2") && at("g2") < at("g3"), "{came:?}");
}

async fn a_lease_outlasts_a_jump_of_the_clock(backend: &Backend) {
    if backend.cannot(LosesLeases) || backend.cannot(GoesByOurClock) {
        return;
    }
    backend.publish(&messages(&["a"])).await;
    let subscriber = backend.subscriber().await;
    receive(&*subscriber, 1).await;
    let control = backend.control.as_ref().unwrap();
    for days in [-1, 3] {
        control.jump(TimeDelta::days(days));
        assert!(backend.is_silent(&*subscriber).await, "it is ours, {days} days off");
    }
    control.advance(TimeDelta::from_std(backend.lease).unwrap());
    assert_eq!(ids(&receive(&*subscriber, 1).await), ["a"], "its time is over");
}

async fn a_lease_that_is_extended_is_kept(backend: &Backend) {
    backend.publish(&messages(&["a"])).await;
    let (first, second) = (backend.subscriber().await, backend.subscriber().await);
    let held = receive(&*first, 1).await;
    if backend.cannot(LosesLeases) {
        assert!(first.leases().is_none(), "then nobody has to extend them");
        return;
    }
    let leases = first.leases().expect("a lease that ends can be extended");
    if backend.cannot(GoesByOurClock) {
        return;
    }
    for _ in 0..5 {
        backend.advance(LEASE - Duration::from_secs(1));
        leases.extend(&[held[0].receipt.clone()]).await.unwrap();
        assert!(backend.is_silent(&*second).await);
    }
    ack(&*first, &held).await;
    leases.extend(&[held[0].receipt.clone()]).await.unwrap();
    backend.advance(LEASE);
    assert!(backend.is_silent(&*second).await);
}

async fn what_is_released_comes_at_once_and_costs_nothing(backend: &Backend) {
    backend.publish(&messages(&["a"])).await;
    let subscriber = backend.subscriber().await;
    for _ in 0..3 {
        let deliveries = receive(&*subscriber, 1).await;
        if backend.cannot(CountsAttempts) {
            assert_eq!(deliveries[0].attempts, None);
        } else if !subscriber.capabilities().release_counts {
            assert_eq!(deliveries[0].attempts, Some(1));
        }
        let settled = settle_one(&*subscriber, &deliveries[0], Verdict::Release).await;
        assert_eq!(settled, Settled::Done);
    }
    ack(&*subscriber, &receive(&*subscriber, 1).await).await;
}

async fn a_retry_comes_when_it_is_due_and_counts(backend: &Backend) {
    backend.publish(&messages(&["a"])).await;
    let subscriber = backend.subscriber().await;
    if backend.cannot(Delays) {
        assert!(!subscriber.capabilities().delays, "then the loop waits");
        return;
    }
    assert!(subscriber.capabilities().delays);
    if backend.cannot(GoesByOurClock) {
        return;
    }
    for attempt in 1..=3 {
        let deliveries = receive(&*subscriber, 1).await;
        assert_eq!(deliveries[0].attempts, Some(attempt));
        let verdict = retry(Duration::from_secs(60));
        assert_eq!(settle_one(&*subscriber, &deliveries[0], verdict).await, Settled::Done);
        assert!(backend.is_silent(&*subscriber).await);
        backend.advance(Duration::from_secs(59));
        assert!(backend.is_silent(&*subscriber).await);
        backend.advance(Duration::from_secs(1));
    }
    assert_eq!(receive(&*subscriber, 1).await[0].attempts, Some(4));
}

async fn not_before_is_kept(backend: &Backend) {
    let later = backend.clock.now() + TimeDelta::minutes(1);
    let scheduled = Message { not_before: Some(later), ..message("later") };
    if backend.cannot(Schedules) {
        let answers = backend.publisher().await.publish(&[scheduled, message("now")]).await;
        assert!(
            matches!(&answers.unwrap()[..], [Published::Refused(_), Published::Accepted]),
            "it must not come too early"
        );
        return;
    }
    if backend.cannot(GoesByOurClock) {
        return;
    }
    let past = Some(start() - TimeDelta::hours(1));
    backend.publish(&[scheduled, Message { not_before: past, ..message("now") }]).await;
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 1).await;
    assert_eq!(ids(&deliveries), ["now"]);
    ack(&*subscriber, &deliveries).await;
    assert!(backend.is_silent(&*subscriber).await);
    backend.advance(Duration::from_secs(60));
    let deliveries = receive(&*subscriber, 1).await;
    assert_eq!((ids(&deliveries), deliveries[0].attempts), (vec!["later"], Some(1)));
}

async fn what_is_buried_stays_out(backend: &Backend) {
    backend.publish(&[grouped("bad", "g"), grouped("good", "g")]).await;
    let subscriber = backend.subscriber().await;
    if backend.cannot(Buries) {
        assert!(!subscriber.capabilities().buries);
        assert!(
            subscriber.capabilities().dead_letters.is_some(),
            "then the loop knows where to put it"
        );
        let delivery = receive(&*subscriber, 1).await.remove(0);
        let settled = settle_one(&*subscriber, &delivery, Verdict::Bury("no".to_owned())).await;
        assert!(matches!(settled, Settled::Unknown(_)));
        let settled = settle_one(&*subscriber, &delivery, Verdict::Ack).await;
        assert_eq!(settled, Settled::Done, "it can still be acknowledged");
        return;
    }
    assert!(subscriber.capabilities().buries && subscriber.capabilities().dead_letters.is_none());
    let bad = subscriber.receive(any(1, Duration::ZERO)).await.unwrap();
    let verdict = Verdict::Bury("it is bad".to_owned());
    assert_eq!(settle_one(&*subscriber, &bad[0], verdict).await, Settled::Done);
    let good = receive(&*subscriber, 1).await;
    assert_eq!(ids(&good), ["good"], "a dead letter does not hold its group back");
    ack(&*subscriber, &good).await;
    backend.advance(LEASE * 10);
    assert!(backend.is_silent(&*subscriber).await);
    subscriber.close().await.unwrap();
    backend.publish(&messages(&["bad"])).await;
    let corrected = receive(&*backend.subscriber().await, 1).await;
    assert_eq!(ids(&corrected), ["bad"], "a corrected message may take the id of a dead one");
}

async fn an_id_stands_for_one_content(backend: &Backend) {
    let publisher = backend.publisher().await;
    let other = Message::new("a", "other");
    if backend.cannot(KnowsIds) {
        let answers = publisher.publish(&[message("a"), message("a"), other]).await.unwrap();
        assert_eq!(answers, vec![Published::Accepted; 3], "then the sink finds out");
        return;
    }
    let batch = [message("a"), message("a"), other.clone(), message("b")];
    for first in [Published::Accepted, Published::Duplicate] {
        let answers = publisher.publish(&batch).await.unwrap();
        assert_eq!(answers[0], first);
        assert_eq!(answers[1], Published::Duplicate);
        assert!(matches!(answers[2], Published::Refused(_)), "{:?}", answers[2]);
        assert_eq!(answers[3], first);
    }
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 2).await;
    assert_eq!(deliveries[0].message.body, message("a").body);
    assert_eq!(publisher.publish(&batch[..1]).await.unwrap(), [Published::Duplicate]);
    ack(&*subscriber, &deliveries).await;
    assert_eq!(publisher.publish(&[other]).await.unwrap(), [Published::Accepted]);
}

async fn the_order_within_a_group_holds(backend: &Backend) {
    let numbers: Vec<_> = (0..200).map(|n| (n, n % 3)).collect();
    let sent: Vec<_> = numbers
        .iter()
        .map(|(n, group)| grouped(&format!("{n:03}"), &format!("group {group}")))
        .collect();
    let publisher = backend.publisher().await;
    for batch in sent.chunks(7) {
        publisher.publish(batch).await.unwrap();
    }
    let subscriber = backend.subscriber().await;
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    while count < sent.len() {
        let deliveries = receive(&*subscriber, 1).await;
        count += deliveries.len();
        ack(&*subscriber, &deliveries).await;
        for Delivery { message, .. } in deliveries {
            seen.entry(message.group.unwrap()).or_default().push(message.id);
        }
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.values().all(|ids| ids.is_sorted()), "{seen:?}");
}

async fn the_order_holds_through_retries(backend: &Backend) {
    if backend.cannot(OrdersRetries) {
        return;
    }
    backend.publish(&[grouped("1", "g"), grouped("2", "g")]).await;
    backend.publish(&[message("free")]).await;
    let subscriber = backend.subscriber().await;
    let one = || any(1, Duration::ZERO);
    let first = subscriber.receive(one()).await.unwrap();
    assert_eq!(ids(&first), ["1"]);
    let others = subscriber.receive(any(9, Duration::ZERO)).await.unwrap();
    assert_eq!(ids(&others), ["free"], "2 waits for 1");
    settle_one(&*subscriber, &first[0], retry(Duration::from_secs(60))).await;
    assert!(backend.is_silent(&*subscriber).await, "2 still waits for 1");
    if backend.cannot(GoesByOurClock) {
        return;
    }
    backend.advance(Duration::from_secs(60));
    let again = subscriber.receive(any(1, Duration::ZERO)).await.unwrap();
    assert_eq!(ids(&again), ["1"]);
    settle_one(&*subscriber, &again[0], Verdict::Release).await;
    let both = subscriber.receive(any(9, Duration::ZERO)).await.unwrap();
    assert_eq!(both[0].message.id, "1");
    ack(&*subscriber, &both).await;
    if both.len() == 1 {
        ack(&*subscriber, &receive(&*subscriber, 1).await).await;
    }
    assert!(backend.is_silent(&*subscriber).await);
}

async fn an_unknown_receipt_settles_nothing(backend: &Backend) {
    backend.publish(&messages(&["a"])).await;
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 1).await;
    ack(&*subscriber, &deliveries).await;
    let batch = vec![
        (deliveries[0].receipt.clone(), Verdict::Ack),
        (Receipt("rubbish".into()), Verdict::Release),
        (Receipt("".into()), retry(Duration::ZERO)),
    ];
    assert_eq!(subscriber.settle(batch).await, vec![Settled::LeaseLost; 3]);
    assert_eq!(subscriber.settle(Vec::new()).await, []);
}

async fn two_subscribers_never_hold_the_same(backend: &Backend) {
    let sent: Vec<_> = (0..500).map(|n| message(&n.to_string())).collect();
    backend.publish(&sent).await;
    let (one, two) = (backend.subscriber().await, backend.subscriber().await);
    let mut seen = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    let wait = Duration::from_millis(20);
    while seen.len() < sent.len() {
        assert!(Instant::now() < deadline, "only {} came", seen.len());
        let (a, b) = tokio::join!(one.receive(any(7, wait)), two.receive(any(7, wait)));
        seen.extend([a.unwrap(), b.unwrap()].concat());
    }
    let different: BTreeSet<_> = seen.iter().map(|delivery| &delivery.message.id).collect();
    assert!(backend.cannot(GivesOnlyOnce) || different.len() == sent.len());
    one.close().await.unwrap();
    two.close().await.unwrap();
}

async fn nothing_is_a_normal_answer_in_time(backend: &Backend) {
    let publisher = backend.publisher().await;
    publisher.ping().await.unwrap();
    assert_eq!(publisher.publish(&[]).await.unwrap(), []);
    let subscriber = backend.subscriber().await;
    subscriber.ping().await.unwrap();
    for wait in [Duration::ZERO, Duration::from_millis(50)] {
        let answer = tokio::time::timeout(PATIENCE, subscriber.receive(any(10, wait))).await;
        assert_eq!(answer.expect("a bounded wait").unwrap(), []);
    }
    subscriber.close().await.unwrap();
    publisher.close().await.unwrap();
}

async fn a_receive_that_is_dropped_loses_nothing(backend: &Backend) {
    let sent: Vec<_> = (0..300).map(|n| message(&n.to_string())).collect();
    let subscriber = backend.subscriber_after_publishing(&sent).await;
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    let mut turn = 0;
    while seen.len() < sent.len() {
        assert!(Instant::now() < deadline, "only {} came", seen.len());
        turn += 1;
        let receive = subscriber.receive(any(3, Duration::from_secs(1)));
        // Some are dropped before their first step, some in the middle, some come through.
        let patience = Duration::from_micros(turn % 7 * 100);
        if let Ok(deliveries) = tokio::time::timeout(patience, receive).await {
            let deliveries = deliveries.unwrap();
            ack(&*subscriber, &deliveries).await;
            for delivery in deliveries {
                assert!(seen.insert(delivery.message.id), "it came twice");
            }
        }
    }
    subscriber.close().await.unwrap();
    assert!(backend.is_silent(&*backend.subscriber().await).await);
}

async fn a_batch_is_as_large_as_was_asked(backend: &Backend) {
    let body = vec![b'x'; 1000];
    let sent: Vec<_> = (0..20).map(|n| Message::new(n.to_string(), body.clone())).collect();
    let subscriber = backend.subscriber_after_publishing(&sent).await;
    let asked = |max, max_bytes| Receive { max_bytes, ..any(max, PATIENCE) };
    let mut count = 0;
    for (max, max_bytes) in [(3, usize::MAX), (1, usize::MAX), (20, 2500), (20, 1)] {
        let deliveries = subscriber.receive(asked(max, max_bytes)).await.unwrap();
        let before_last: usize = deliveries.iter().rev().skip(1).map(|d| d.message.size()).sum();
        assert!((1..=max).contains(&deliveries.len()));
        assert!(before_last < max_bytes, "it stops once it has that many bytes");
        count += deliveries.len();
    }
    receive(&*subscriber, 20 - count).await;
    subscriber.close().await.unwrap();
}

/// Leases to somebody who is no process; `None` where the queue has no receipts for such.
async fn lease(backend: &Backend, select: Select) -> Option<kakehi::Result<Vec<Delivery>>> {
    let url = Location::parse(&backend.url).unwrap();
    let queue = queues::open_inspector(url, &backend.options()).await.unwrap();
    let request = LeaseRequest { select, ..LeaseRequest::now(10, backend.lease) };
    Some(queue.receipts()?.lease(request).await)
}

async fn a_tag_selects(backend: &Backend) {
    let tagged = |id: &str, tag: &str| Message { tag: Some(tag.to_owned()), ..message(id) };
    let sent = [tagged("1", "x"), tagged("2", "y"), tagged("3", "x"), message("4")];
    backend.publish(&sent).await;
    let subscriber = backend.subscriber().await;
    let select = |select| Receive { select, ..any(10, Duration::ZERO) };
    let of_tag = |tag: &str| select(Select::Tag(tag.to_owned()));
    assert_eq!(subscriber.capabilities().selects_tags, !backend.cannot(SelectsTags));
    if backend.cannot(SelectsTags) {
        for request in [of_tag("x"), select(Select::OldestTag)] {
            let error = subscriber.receive(request).await.unwrap_err();
            assert_eq!(error.kind(), kakehi::Kind::Configuration);
        }
        for select in [Select::Tag("x".to_owned()), Select::OldestTag] {
            if let Some(leased) = lease(backend, select).await {
                assert_eq!(leased.unwrap_err().kind(), kakehi::Kind::Configuration);
            }
        }
        return;
    }
    assert_eq!(subscriber.receive(of_tag("z")).await.unwrap(), []);
    let second = subscriber.receive(of_tag("y")).await.unwrap();
    assert_eq!(ids(&second), ["2"]);
    let oldest = subscriber.receive(select(Select::OldestTag)).await.unwrap();
    assert_eq!(ids(&oldest), ["1", "3"]);
    let rest = subscriber.receive(select(Select::Any)).await.unwrap();
    assert_eq!(ids(&rest), ["4"]);
}

async fn what_is_held_is_given_back_at_the_end(backend: &Backend) {
    let sent: Vec<_> = (0..50).map(|n| message(&n.to_string())).collect();
    let first = backend.subscriber_after_publishing(&sent).await;
    let held = receive(&*first, 20).await;
    ack(&*first, &held[..5]).await;
    first.close().await.unwrap();
    let second = backend.subscriber().await;
    let started = Instant::now();
    let rest = receive(&*second, 45).await;
    assert!(backend.cannot(GivesBackAtOnce) || started.elapsed() < backend.lease);
    if !backend.cannot(CountsAttempts) && !second.capabilities().release_counts {
        assert!(rest.iter().all(|delivery| delivery.attempts == Some(1)));
    }
    ack(&*second, &rest).await;
    assert!(backend.is_silent(&*second).await);
    second.close().await.unwrap();
}

async fn many_come_once_each(backend: &Backend) {
    let sent: Vec<_> = (0..backend.many).map(|n| message(&n.to_string())).collect();
    let subscriber = backend.subscriber_after_publishing(&sent).await;
    let deliveries = receive(&*subscriber, sent.len()).await;
    let different: BTreeSet<_> = deliveries.iter().map(|d| &d.message.id).collect();
    assert_eq!(different.len(), sent.len());
    ack(&*subscriber, &deliveries).await;
    subscriber.close().await.unwrap();
    let again = backend.subscriber().await;
    assert!(backend.is_silent(&*again).await, "every acknowledgement was sent before the end");
    again.close().await.unwrap();
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

contract! { memory sqlite pubsub sqs sqs_fifo: [
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
