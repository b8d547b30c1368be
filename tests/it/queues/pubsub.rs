//! What only Pub/Sub does: on the emulator, and through a proxy that plays the outages.

use crate::support::emulator::Name;
use crate::support::proxy::Proxy;
use crate::support::services;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::{
    Publisher as BarePublisher, SchemaService, SubscriptionAdmin, TopicAdmin,
};
use google_cloud_pubsub::model::{
    Encoding, Message as Wire, Schema, SchemaSettings, Subscription, schema,
};
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::queues::{
    self, Options, Published, Publisher, Receive, Select, Settled, Subscriber, Verdict,
};
use kakehi::{Delivery, Error, Kind, Location, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const PROJECT: &str = "kakehi-test";

/// How long a test waits for what must come: longer than a lease.
const PATIENCE: Duration = services::EMULATOR_PATIENCE;

/// A topic and subscription name that no other run has used.
fn fresh() -> Name {
    Name::new(PROJECT, "t")
}

fn options(host: &str) -> Options {
    Options {
        lease: Duration::from_secs(10),
        in_flight: 1000,
        in_flight_bytes: 100_000_000,
        max_messages: None,
        publish_timeout: Duration::from_secs(10),
        hold: true,
        passes_on: false,
        create: false,
        environment: Environment::from_iter([("PUBSUB_EMULATOR_HOST", host)]),
        data_dir: Default::default(),
        clock: Clock::system(),
        ..Options::new(Default::default(), Default::default())
    }
}

fn here() -> Options {
    options(&services::pubsub_emulator())
}

fn creating() -> Options {
    Options { create: true, ..here() }
}

fn url(name: &str) -> Location {
    Location::parse(&format!("pubsub://{PROJECT}/{name}")).unwrap()
}

async fn publisher(name: &str, options: &Options) -> Result<Box<dyn Publisher>, Error> {
    queues::open_publisher(url(name), options).await
}

async fn subscriber(name: &str, options: &Options) -> Result<Box<dyn Subscriber>, Error> {
    queues::open_subscriber(url(name), options).await
}

/// Makes the topic and subscription of this name, and publishes.
async fn published(name: &str, messages: &[Message]) {
    let publisher = publisher(name, &creating()).await.unwrap();
    for batch in messages.chunks(1000) {
        let answers = publisher.publish(batch).await.unwrap();
        assert_eq!(answers, vec![Published::Accepted; batch.len()]);
    }
    publisher.close().await.unwrap();
}

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|n| Message::new(n.to_string(), "body")).collect()
}

fn in_group(count: usize, group: &str) -> Vec<Message> {
    let group = Some(group.to_owned());
    numbered(count).into_iter().map(|m| Message { group: group.clone(), ..m }).collect()
}

fn request(max: usize, wait: Duration) -> Receive {
    Receive { max, max_bytes: usize::MAX, wait, select: Select::Any }
}

async fn receive(subscriber: &dyn Subscriber, count: usize) -> Vec<Delivery> {
    let deadline = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} came", all.len());
        let wait = Duration::from_millis(100);
        all.extend(subscriber.receive(request(count - all.len(), wait)).await.unwrap());
    }
    all
}

async fn settle(subscriber: &dyn Subscriber, deliveries: &[Delivery], verdict: Verdict) {
    let batch = deliveries.iter().map(|d| (d.receipt.clone(), verdict.clone())).collect();
    let settled = subscriber.settle(batch).await;
    assert_eq!(settled, vec![Settled::Done; deliveries.len()]);
}

async fn is_silent(subscriber: &dyn Subscriber) -> bool {
    subscriber.receive(request(1, Duration::from_secs(1))).await.unwrap().is_empty()
}

/// What the emulator says of a subscription; the client's own view, not ours.
async fn look(name: &str) -> Option<Subscription> {
    let admin = SubscriptionAdmin::builder()
        .with_endpoint(format!("http://{}", services::pubsub_emulator()))
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .unwrap();
    let path = format!("projects/{PROJECT}/subscriptions/{name}");
    admin.get_subscription().set_subscription(path).send().await.ok()
}

/// A topic without a subscription, made without us.
async fn bare_topic(name: &str) -> String {
    let admin = TopicAdmin::builder()
        .with_endpoint(format!("http://{}", services::pubsub_emulator()))
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .unwrap();
    let path = format!("projects/{PROJECT}/topics/{name}");
    admin.create_topic().set_name(&path).send().await.unwrap();
    path
}

#[tokio::test]
async fn a_missing_topic_is_named_with_the_command_that_makes_it() {
    let name = fresh();
    let publisher = publisher(&name, &here()).await.unwrap();
    for error in [
        publisher.publish(&numbered(3)).await.unwrap_err(),
        publisher.publish(&in_group(3, "g")).await.unwrap_err(),
        publisher.ping().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Unreachable);
        let command = format!("`queue create 'pubsub://{PROJECT}/{name}?topic={name}'`");
        assert!(error.to_string().contains(&command), "{error}");
    }
}

#[tokio::test]
async fn a_missing_subscription_is_named_with_the_command_that_makes_it() {
    let name = fresh();
    let subscriber = subscriber(&name, &here()).await.unwrap();
    for error in [
        subscriber.ping().await.unwrap_err(),
        subscriber.receive(request(1, PATIENCE)).await.unwrap_err(),
        // It stays so: a stream that has failed for good is not opened again.
        subscriber.receive(request(1, PATIENCE)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Unreachable);
        let command = format!("`queue create 'pubsub://{PROJECT}/{name}?topic=TOPIC'`");
        assert!(error.to_string().contains(&command), "{error}");
    }
    subscriber.close().await.unwrap();
}

#[tokio::test]
async fn publish_creates_a_topic_and_somebody_who_reads_it() {
    let name = fresh();
    for _ in 0..2 {
        publisher(&format!("{name}?ordered&exactly-once"), &creating()).await.unwrap();
    }
    let made = look(&name).await.expect("the subscription was made");
    assert_eq!(made.topic, format!("projects/{PROJECT}/topics/{name}"));
    assert!(made.enable_message_ordering && made.enable_exactly_once_delivery);
    // The emulator keeps messages for seven days at most, and knows no expiration.
    assert_eq!(made.message_retention_duration.unwrap().seconds(), 7 * 24 * 60 * 60);
}

#[tokio::test]
async fn publish_creates_no_second_reader() {
    let name = fresh();
    let reader = fresh();
    subscriber(&format!("{reader}?topic={name}"), &creating()).await.unwrap();
    publisher(&name, &creating()).await.unwrap();
    assert!(look(&name).await.is_none(), "somebody reads it already");
}

#[tokio::test]
async fn subscribe_creates_all_that_it_needs() {
    let (name, topic) = (fresh(), fresh());
    let place = format!("{name}?topic={topic}&ordered");
    for _ in 0..2 {
        let subscriber = subscriber(&place, &creating()).await.unwrap();
        subscriber.ping().await.unwrap();
        let dead = Location::parse(&subscriber.capabilities().dead_letters.unwrap()).unwrap();
        let publisher = queues::open_publisher(dead, &here()).await.unwrap();
        publisher.ping().await.unwrap();
    }
    let made = look(&name).await.unwrap();
    assert_eq!(made.topic, format!("projects/{PROJECT}/topics/{topic}"));
    assert!(made.enable_message_ordering && !made.enable_exactly_once_delivery);
    let dead = look(&format!("{name}-dead")).await.unwrap();
    assert_eq!(dead.topic, format!("projects/{PROJECT}/topics/{name}-dead"));
}

#[tokio::test]
async fn subscribe_creates_nothing_without_a_topic_or_for_another_one() {
    let (name, topic) = (fresh(), fresh());
    let error = subscriber(&name, &creating()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains(&format!("{name}?topic=NAME")), "{error}");
    subscriber(&format!("{name}?topic={topic}"), &creating()).await.unwrap();
    let other = format!("{name}?topic={topic}-other");
    let error = subscriber(&other, &creating()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Configuration, "{error}");
}

#[tokio::test]
async fn what_breaks_a_limit_is_refused_alone() {
    let name = fresh();
    let publisher = publisher(&name, &creating()).await.unwrap();
    let batch = [
        Message::new("first", "1"),
        Message::new("large", vec![b'x'; 10_000_001]),
        Message {
            attributes: BTreeMap::from([("goog-x".into(), "".into())]),
            ..numbered(1).remove(0)
        },
        Message::new("last", "2"),
    ];
    let answers = publisher.publish(&batch).await.unwrap();
    let refused: Vec<_> =
        answers.iter().map(|answer| matches!(answer, Published::Refused(_))).collect();
    assert_eq!(refused, [false, true, true, false], "{answers:?}");
    let subscriber = subscriber(&name, &here()).await.unwrap();
    let deliveries = receive(&*subscriber, 2).await;
    let ids: BTreeSet<_> = deliveries.iter().map(|d| d.message.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["first", "last"]));
    subscriber.close().await.unwrap();
}

#[tokio::test]
async fn one_that_the_service_refuses_does_not_fail_its_neighbours() {
    let name = fresh();
    topic_of_numbers(&name).await;
    let publisher = publisher(&name, &creating()).await.unwrap();
    let number = |id: &str, body: &str, group: Option<&str>| {
        let group = group.map(str::to_owned);
        Message { group, ..Message::new(id, format!(r#"{{"number": {body}}}"#)) }
    };
    let batch = [
        number("1", "1", None),
        number("2", "\"two\"", None),
        number("3", "3", None),
        number("4", "4", Some("g")),
        number("5", "\"five\"", Some("g")),
        number("6", "6", Some("g")),
    ];
    let answers = publisher.publish(&batch).await.unwrap();
    let refused: Vec<_> =
        answers.iter().map(|answer| matches!(answer, Published::Refused(_))).collect();
    assert_eq!(refused, [false, true, false, false, true, false], "{answers:?}");
    let alone = publisher.publish(&batch[1..2]).await.unwrap();
    assert!(matches!(&alone[..], [Published::Refused(_)]), "{alone:?}");
    let subscriber = subscriber(&name, &here()).await.unwrap();
    let deliveries = receive(&*subscriber, 4).await;
    let ids: BTreeSet<_> = deliveries.iter().map(|d| d.message.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["1", "3", "4", "6"]));
    subscriber.close().await.unwrap();
}

/// A topic that takes `{"number": N}` only: the service itself refuses the rest.
async fn topic_of_numbers(name: &str) {
    let endpoint = format!("http://{}", services::pubsub_emulator());
    let credentials = anonymous::Builder::new().build();
    let schemas = SchemaService::builder()
        .with_endpoint(&endpoint)
        .with_credentials(credentials.clone())
        .build()
        .await
        .unwrap();
    let definition =
        r#"{"type": "record", "name": "n", "fields": [{"name": "number", "type": "int"}]}"#;
    let schema = Schema::new().set_type(schema::Type::Avro).set_definition(definition);
    let project = format!("projects/{PROJECT}");
    let request = schemas.create_schema().set_parent(&project).set_schema_id(name);
    request.set_schema(schema).send().await.unwrap();
    let topics = TopicAdmin::builder()
        .with_endpoint(endpoint)
        .with_credentials(credentials)
        .build()
        .await
        .unwrap();
    let settings = SchemaSettings::new()
        .set_schema(format!("{project}/schemas/{name}"))
        .set_encoding(Encoding::Json);
    let request = topics.create_topic().set_name(format!("{project}/topics/{name}"));
    request.set_schema_settings(settings).send().await.unwrap();
}

#[tokio::test]
async fn a_foreign_message_takes_the_id_of_the_service() {
    let name = fresh();
    published(&name, &[]).await;
    let path = format!("projects/{PROJECT}/topics/{name}");
    let bare = BarePublisher::builder(path)
        .with_endpoint(format!("http://{}", services::pubsub_emulator()))
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .unwrap();
    let wire = Wire::new().set_data("x").set_attributes([("event", "17"), ("other", "o")]);
    let broker_id = bare.publish(wire).await.unwrap();
    let first = subscriber(&name, &here()).await.unwrap();
    let deliveries = receive(&*first, 1).await;
    assert_eq!(deliveries[0].message.id, format!("{name}/{broker_id}"));
    assert_eq!(deliveries[0].message.attributes.len(), 2);
    first.close().await.unwrap();
    let second = subscriber(&format!("{name}?id-attribute=event"), &here()).await.unwrap();
    let deliveries = receive(&*second, 1).await;
    assert_eq!(deliveries[0].message.id, "17");
    assert_eq!(deliveries[0].message.attributes, BTreeMap::from([("other".into(), "o".into())]));
    assert_eq!(
        second.capabilities().dead_letters.unwrap(),
        format!("pubsub://{PROJECT}/{name}-dead?id-attribute=event")
    );
    settle(&*second, &deliveries, Verdict::Ack).await;
    second.close().await.unwrap();
}

#[tokio::test]
async fn an_exactly_once_acknowledgement_is_confirmed() {
    let name = fresh();
    let messages = numbered(50);
    publisher(&format!("{name}?exactly-once"), &creating()).await.unwrap();
    published(&name, &messages).await;
    let first = subscriber(&name, &here()).await.unwrap();
    let deliveries = receive(&*first, messages.len()).await;
    settle(&*first, &deliveries, Verdict::Ack).await;
    let again = deliveries.iter().map(|d| (d.receipt.clone(), Verdict::Ack)).collect();
    assert_eq!(first.settle(again).await, vec![Settled::LeaseLost; messages.len()]);
    // Nobody waits for the connection here: a confirmed acknowledgement needs no flush.
    drop(first);
    assert!(is_silent(&*subscriber(&name, &here()).await.unwrap()).await);
}

#[tokio::test]
async fn a_run_of_some_messages_fetches_no_more() {
    let name = fresh();
    published(&name, &numbered(20)).await;
    let few = Options { max_messages: Some(3), ..here() };
    let first = subscriber(&name, &few).await.unwrap();
    let deliveries = receive(&*first, 3).await;
    settle(&*first, &deliveries, Verdict::Ack).await;
    assert!(is_silent(&*first).await, "the run is over");
    // The others are free although the first has not closed: it holds none of them.
    let second = subscriber(&name, &here()).await.unwrap();
    receive(&*second, 17).await;
    first.close().await.unwrap();
    second.close().await.unwrap();
}

#[tokio::test]
async fn publishing_into_an_outage_ends_in_time_and_recovers() {
    let name = fresh();
    published(&name, &[]).await;
    let proxy = Proxy::start(&services::pubsub_emulator());
    let limit = Duration::from_secs(1);
    let impatient = Options { publish_timeout: limit, ..options(&proxy.address()) };
    let publisher = publisher(&name, &impatient).await.unwrap();
    let messages = [numbered(3), in_group(3, "g")].concat();
    for outage in [Proxy::cut, Proxy::stall] {
        outage(&proxy);
        let started = Instant::now();
        let error = publisher.publish(&messages).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable, "{error}");
        assert!(started.elapsed() < limit * 10, "it took {:?}", started.elapsed());
        proxy.cut();
        proxy.restore();
        // The same groups: what was paused by the failure is not paused any more.
        let deadline = Instant::now() + PATIENCE;
        while publisher.publish(&messages).await.is_err() {
            assert!(Instant::now() < deadline, "it does not recover");
        }
    }
    publisher.close().await.unwrap();
}

#[tokio::test]
async fn an_outage_fails_the_check_and_not_the_end() {
    let name = fresh();
    published(&name, &numbered(10)).await;
    let proxy = Proxy::start(&services::pubsub_emulator());
    let subscriber = subscriber(&name, &options(&proxy.address())).await.unwrap();
    let deliveries = receive(&*subscriber, 10).await;
    proxy.cut();
    assert!(is_silent(&*subscriber).await, "an outage looks like an empty queue");
    let error = subscriber.ping().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "and the check tells them apart");
    settle(&*subscriber, &deliveries[..5], Verdict::Ack).await;
    proxy.stall();
    let end = tokio::time::timeout(PATIENCE, subscriber.close()).await;
    end.expect("the end is in time though nobody answers").ok();
}

#[tokio::test]
async fn an_outage_in_the_middle_loses_nothing() {
    let name = fresh();
    let messages = numbered(1000);
    published(&name, &messages).await;
    let proxy = Proxy::start(&services::pubsub_emulator());
    let subscriber = subscriber(&name, &options(&proxy.address())).await.unwrap();
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    let mut turn = 0;
    while seen.len() < messages.len() {
        assert!(Instant::now() < deadline, "only {} came", seen.len());
        let deliveries = subscriber.receive(request(50, Duration::from_millis(100))).await.unwrap();
        turn += 1;
        if turn == 3 {
            proxy.cut();
        }
        settle(&*subscriber, &deliveries, Verdict::Ack).await;
        seen.extend(deliveries.into_iter().map(|delivery| delivery.message.id));
        if turn == 5 {
            proxy.restore();
        }
    }
    subscriber.close().await.unwrap();
}

#[tokio::test]
async fn the_lease_of_a_subscriber_that_is_gone_ends() {
    let name = fresh();
    published(&name, &numbered(5)).await;
    let proxy = Proxy::start(&services::pubsub_emulator());
    let lost = subscriber(&name, &options(&proxy.address())).await.unwrap();
    receive(&*lost, 5).await;
    proxy.cut();
    let heir = subscriber(&name, &here()).await.unwrap();
    let deliveries = receive(&*heir, 5).await;
    settle(&*heir, &deliveries, Verdict::Ack).await;
    heir.close().await.unwrap();
}

#[tokio::test]
async fn a_lease_is_extended_for_as_long_as_it_takes() {
    let name = fresh();
    published(&name, &numbered(5)).await;
    let first = subscriber(&name, &here()).await.unwrap();
    let held = receive(&*first, 5).await;
    let second = subscriber(&name, &here()).await.unwrap();
    // Longer than the lease of ten seconds.
    let nothing = second.receive(request(5, Duration::from_secs(15))).await.unwrap();
    assert_eq!(nothing, []);
    settle(&*first, &held, Verdict::Ack).await;
    first.close().await.unwrap();
    assert!(is_silent(&*second).await);
}

#[tokio::test]
async fn a_topic_of_others_is_enough_to_publish() {
    let name = fresh();
    bare_topic(&name).await;
    let publisher = publisher(&name, &here()).await.unwrap();
    assert_eq!(publisher.publish(&numbered(1)).await.unwrap(), [Published::Accepted]);
}
