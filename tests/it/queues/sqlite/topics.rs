//! Fan-out: one published message reaches several queues of a file, in one transaction.

use crate::support::pond::{Pond, ack, drain, ids, message, messages, publish, receive, settle};
use crate::support::sandbox::Sandbox;
use kakehi::queues::{self, DeadLetterPart, DeadLetterStore, Published, Settled, Verdict, Which};
use kakehi::{Error, Kind};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Write as _;
use std::time::Duration;

const READINGS: &str = "?queue=readings";
const ALERTS: &str = "?queue=alerts&topic=readings";

/// A file in which `alerts` receives what is published to `readings`.
async fn pond() -> Pond {
    let pond = Pond::new();
    assert!(queues::create(pond.url(ALERTS), &pond.options).await.unwrap());
    pond
}

/// The ids of the dead letters of a queue, and why they died.
async fn dead(pond: &Pond, query: &str) -> Vec<(String, String)> {
    let inspector = queues::open_inspector(pond.url(query), &pond.options).await.unwrap();
    let heads = inspector
        .dead_letters()
        .unwrap()
        .heads(&Which::All, DeadLetterPart::default(), usize::MAX)
        .await
        .unwrap();
    heads.into_iter().map(|head| (head.id, head.reason)).collect()
}

#[tokio::test]
async fn what_is_published_reaches_its_queue_and_every_queue_of_that_topic() {
    let pond = pond().await;
    let more = "?queue=archive&topic=readings";
    queues::create(pond.url(more), &pond.options).await.unwrap();
    let publisher = pond.publisher_to(READINGS).await;
    publish(&*publisher, "a b@g c@g").await;
    for query in [READINGS, ALERTS, more] {
        let subscriber = pond.subscriber_from(query).await;
        let got = receive(&*subscriber, 9).await;
        assert_eq!(ids(&got), "a b c", "{query}");
        assert_eq!(got[1].message.group.as_deref(), Some("g"));
        assert_eq!(got[1].message.body, "b");
        ack(&*subscriber, &got[..2]).await;
        assert_eq!(settle(&*subscriber, &got[2], Verdict::Bury("x".into())).await, Settled::Done);
    }
    assert_eq!(dead(&pond, ALERTS).await.len(), 1, "each queue has a life of its own");
}

#[tokio::test]
async fn what_is_published_to_one_queue_of_a_topic_reaches_no_other() {
    let pond = pond().await;
    // The topic is a name that one publishes to, not a queue that passes its messages on.
    let chain = "?queue=chain&topic=alerts";
    queues::create(pond.url(chain), &pond.options).await.unwrap();
    publish(&*pond.publisher_to("?queue=alerts").await, "direct").await;
    publish(&*pond.publisher_to(READINGS).await, "reading").await;
    assert_eq!(drain(&*pond.subscriber_from(READINGS).await).await, "reading");
    assert_eq!(drain(&*pond.subscriber_from("?queue=alerts").await).await, "direct reading");
    assert_eq!(drain(&*pond.subscriber_from(chain).await).await, "direct");
}

#[tokio::test]
async fn a_publisher_that_repeats_itself_doubles_nothing_anywhere() {
    let pond = pond().await;
    let publisher = pond.publisher_to(READINGS).await;
    publish(&*publisher, "a b").await;
    // One reader is done with it, the other has not begun.
    let alerts = pond.subscriber_from(ALERTS).await;
    assert_eq!(drain(&*alerts).await, "a b");
    let again = publisher.publish(&messages("a b c")).await.unwrap();
    assert_eq!(again, [Published::Duplicate, Published::Duplicate, Published::Accepted]);
    assert_eq!(drain(&*alerts).await, "c");
    // And the other way round: what lags behind is not given a second one.
    let readings = pond.subscriber_from(READINGS).await;
    assert_eq!(drain(&*readings).await, "a b c");
    publish(&*publisher, "d").await;
    assert_eq!(drain(&*readings).await, "d");
    publish(&*publisher, "d").await;
    assert_eq!(drain(&*alerts).await, "d");
}

#[tokio::test]
async fn ids_are_remembered_by_each_queue() {
    let pond = pond().await;
    let publisher = pond.publisher_to("?queue=readings&dedupe=10m").await;
    publish(&*publisher, "a").await;
    for query in [READINGS, ALERTS] {
        assert_eq!(drain(&*pond.subscriber_from(query).await).await, "a");
    }
    assert_eq!(publisher.publish(&messages("a")).await.unwrap(), [Published::Duplicate]);
    for query in [READINGS, ALERTS] {
        assert_eq!(drain(&*pond.subscriber_from(query).await).await, "", "{query}");
    }
}

#[tokio::test]
async fn another_message_under_an_id_that_one_queue_still_holds_is_a_dead_letter_there() {
    let pond = pond().await;
    let publisher = pond.publisher_to(READINGS).await;
    publish(&*publisher, "a").await;
    assert_eq!(drain(&*pond.subscriber_from(READINGS).await).await, "a");
    let mut corrected = message("a");
    corrected.body = "corrected".into();
    // `alerts` lags behind: that neither refuses the message nor loses it.
    let answers = publisher.publish(&[corrected.clone()]).await.unwrap();
    assert_eq!(answers, [Published::Accepted]);
    let reason = "another message with the same id is in the queue";
    assert_eq!(dead(&pond, ALERTS).await, [("a".to_owned(), reason.to_owned())]);
    assert_eq!(drain(&*pond.subscriber_from(ALERTS).await).await, "a");
    // What its own queue refuses reaches nobody.
    corrected.body = "corrected again".into();
    let answers = publisher.publish(&[corrected]).await.unwrap();
    assert!(matches!(answers[..], [Published::Refused(_)]), "{answers:?}");
    assert_eq!(drain(&*pond.subscriber_from(ALERTS).await).await, "");
}

#[tokio::test]
async fn a_redriven_dead_letter_goes_to_its_own_queue_only() {
    let pond = pond().await;
    publish(&*pond.publisher_to(READINGS).await, "a").await;
    let readings = pond.subscriber_from(READINGS).await;
    let got = receive(&*readings, 1).await.remove(0);
    settle(&*readings, &got, Verdict::Bury("x".to_owned())).await;
    assert_eq!(drain(&*pond.subscriber_from(ALERTS).await).await, "a");
    let inspector = queues::open_inspector(pond.url(READINGS), &pond.options).await.unwrap();
    let store: &dyn DeadLetterStore = inspector.dead_letters().unwrap();
    let heads = store.heads(&Which::All, DeadLetterPart::default(), usize::MAX).await.unwrap();
    store.redrive(heads.into_iter().map(|head| head.name).collect()).await.unwrap();
    assert_eq!(drain(&*readings).await, "a");
    assert_eq!(drain(&*pond.subscriber_from(ALERTS).await).await, "");
}

#[tokio::test]
async fn a_queue_receives_from_its_making_to_its_deletion() {
    let pond = Pond::new();
    let publisher = pond.publisher_to(READINGS).await;
    publish(&*publisher, "before").await;
    // The publisher runs on meanwhile.
    queues::create(pond.url(ALERTS), &pond.options).await.unwrap();
    assert!(!queues::create(pond.url(ALERTS), &pond.options).await.unwrap(), "it is there");
    publish(&*publisher, "while").await;
    assert_eq!(drain(&*pond.subscriber_from(ALERTS).await).await, "while");
    publisher.close().await.unwrap();
    queues::delete(pond.url(ALERTS), &pond.options, true).await.unwrap();
    publish(&*pond.publisher_to(READINGS).await, "after").await;
    queues::create(pond.url("?queue=alerts"), &pond.options).await.unwrap();
    assert_eq!(drain(&*pond.subscriber_from("?queue=alerts").await).await, "");
}

#[tokio::test]
async fn a_subscriber_makes_the_queue_only_if_it_is_told_to() {
    let mut pond = Pond::new();
    let error = queues::open_subscriber(pond.url(ALERTS), &pond.options).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.is_missing() && error.to_string().contains("--create"), "{error}");
    pond.options.create = true;
    let alerts = pond.subscriber_from(ALERTS).await;
    publish(&*pond.publisher_to(READINGS).await, "a").await;
    assert_eq!(drain(&*alerts).await, "a");
}

#[tokio::test]
async fn a_topic_that_cannot_be_meant_is_refused() {
    let pond = pond().await;
    let subscribe =
        async |query| queues::open_subscriber(pond.url(query), &pond.options).await.err().unwrap();
    let check = |error: Error, kind, because: &str| {
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(because) && text.contains("hint: "), "{text}");
    };
    let other = subscribe("?queue=alerts&topic=others").await;
    check(other, Kind::Configuration, "its topic is `readings`");
    queues::create(pond.url("?queue=plain"), &pond.options).await.unwrap();
    let plain = "?queue=plain&topic=readings";
    check(subscribe(plain).await, Kind::Configuration, "has no topic");
    let made = queues::create(pond.url(plain), &pond.options).await.unwrap_err();
    check(made, Kind::Configuration, "has no topic");
    let looked = queues::open_inspector(pond.url(plain), &pond.options).await.err().unwrap();
    check(looked, Kind::Configuration, "has no topic");
    check(subscribe("?queue=x&topic=x").await, Kind::Usage, "is the queue itself");
    let publisher = queues::open_publisher(pond.url(ALERTS), &pond.options).await.err().unwrap();
    check(publisher, Kind::Usage, "`topic=readings` says where messages");
}

#[test]
fn a_publisher_that_is_killed_and_repeats_reaches_each_queue_once() {
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:q.db?queue=alerts&topic=readings").run().expect(0);
    let lines: String = (0..4000).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect();
    let publish =
        || sandbox.publish().args("stdin:?id=id --to sqlite:q.db?queue=readings --batch 50 -q");
    for round in 1..=6 {
        let mut child = publish().spawn();
        let mut pipe = child.stdin.take().unwrap();
        // It may be dead before it has read all.
        let fed = &lines.as_bytes()[..lines.len() * round / 6];
        let fed = fed.to_vec();
        let feeder = std::thread::spawn(move || drop(pipe.write_all(&fed)));
        std::thread::sleep(Duration::from_millis(40 * round as u64));
        // Killed with work in hand, or just done: both are to come out alike.
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).unwrap();
        child.wait().unwrap();
        feeder.join().unwrap();
    }
    publish().stdin(lines).run().expect(0);
    let file = rusqlite::Connection::open(sandbox.path("q.db")).unwrap();
    let count = "SELECT count(*) || ' ' || count(DISTINCT messages.id) FROM messages
                 JOIN queues ON queues.id = queue WHERE name = ?1";
    for queue in ["readings", "alerts"] {
        let counts: String = file.query_row(count, [queue], |row| row.get(0)).unwrap();
        assert_eq!(counts, "4000 4000", "{queue}");
    }
    sandbox.queue().args("verify q.db").run().expect(0);
}
