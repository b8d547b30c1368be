//! The embedded queue: what one file promises to many processes.

mod groups;
mod leases;
mod receiving;

use crate::support::pond::{
    Pond, ack, drain, ids, message, publish, receive, select, settle, up_to,
};
use crate::support::verdicts::retry;
use chrono::{DateTime, TimeDelta, Utc};
use kakehi::queues::{self, Published, Receive, Select, Settled, Subscriber, Verdict};
use kakehi::{Delivery, Kind, Location, Message, Receipt};
use std::collections::BTreeMap;
use std::time::Duration;

#[tokio::test]
async fn what_was_published_comes_out_as_it_went_in() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut full = Message::new("a/ü \u{0}'", vec![0, 255, 10]);
    full.group = Some("g".to_owned());
    full.tag = Some("t".to_owned());
    full.attributes.insert("k\"".to_owned(), "v\n\u{1F4A7}".to_owned());
    full.not_before = DateTime::parse_from_rfc3339("2026-01-01T00:00:00.123456789Z")
        .ok()
        .map(|time| time.with_timezone(&Utc));
    let empty = Message::new("", "");
    publisher.publish(&[full.clone(), empty.clone()]).await.unwrap();
    let got = receive(&*subscriber, 10).await;
    for (got, mut sent) in got.iter().zip([full, empty]) {
        sent.published_at = Some(pond.options.clock.now());
        assert_eq!(got.message, sent);
        assert_eq!(got.attempts, Some(1));
    }
    ack(&*subscriber, &got).await;
    assert!(receive(&*subscriber, 10).await.is_empty());
}

#[tokio::test]
async fn a_dead_letter_keeps_its_story_and_blocks_nobody() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut first = message("1@g");
    first.tag = Some("t".to_owned());
    first.attributes.insert("k".to_owned(), "v".to_owned());
    publisher.publish(&[first.clone(), message("2@g")]).await.unwrap();
    let lost = receive(&*subscriber, 1).await.remove(0);
    subscriber.begun(&[lost.receipt]).await;
    pond.pass(40);
    let got = receive(&*subscriber, 1).await.remove(0);
    subscriber.begun(std::slice::from_ref(&got.receipt)).await;
    pond.pass(2);
    let bury = Verdict::Bury("not an object".to_owned());
    assert_eq!(settle(&*subscriber, &got, bury).await, Settled::Done);
    assert_eq!(drain(&*subscriber).await, "2");
    let story = pond
        .raw()
        .query_row(
            "SELECT id || '|' || grp || '|' || tag || '|' || attributes || '|' || cast(body AS TEXT)
               || '|' || reason || '|' || attempts, first_at - published_at, died_at - first_at
             FROM dead",
            [],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
        )
        .unwrap();
    let words = r#"1|g|t|{"k":"v"}|1|not an object|2"#;
    assert_eq!(story, (words.to_owned(), 0, 42_000));
    // Its id does not count: the corrected message goes in.
    let mut corrected = message("1@g");
    corrected.body = "corrected".into();
    assert_eq!(publisher.publish(&[corrected]).await.unwrap(), [Published::Accepted]);
    assert_eq!(drain(&*subscriber).await, "1");
}

#[tokio::test]
async fn the_same_message_is_a_duplicate_and_another_under_its_id_is_refused() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut other = message("a");
    other.body = "other".into();
    let mut grouped = message("a");
    grouped.group = Some("g".to_owned());
    let batch = [message("a"), message("a"), other.clone(), grouped, message("b")];
    let refused = Published::Refused("another message with the same id is in the queue".to_owned());
    let answers = publisher.publish(&batch).await.unwrap();
    let accepted = Published::Accepted;
    let expected =
        [accepted.clone(), Published::Duplicate, refused.clone(), refused.clone(), accepted];
    assert_eq!(answers, expected);
    let got = receive(&*subscriber, 9).await;
    assert_eq!(ids(&got), "a b");
    let answers = publisher.publish(&[message("a"), other.clone()]).await.unwrap();
    assert_eq!(answers, [Published::Duplicate, refused], "while it is leased");
    ack(&*subscriber, &got).await;
    assert_eq!(publisher.publish(&[other]).await.unwrap(), [Published::Accepted], "it is gone");
}

#[tokio::test]
async fn ids_are_remembered_for_as_long_as_dedupe_says() {
    let pond = Pond::new();
    let url = pond.url("?dedupe=10m");
    let publisher = queues::open_publisher(url, &pond.options).await.unwrap();
    let subscriber = pond.subscriber().await;
    publish(&*publisher, "a b").await;
    let mut got = receive(&*subscriber, 9).await;
    let dead = got.pop().unwrap();
    ack(&*subscriber, &got).await;
    settle(&*subscriber, &dead, Verdict::Bury("x".to_owned())).await;
    pond.pass(599);
    let mut other = message("a");
    other.body = "other".into();
    let answers = publisher.publish(&[message("a"), other.clone(), message("b")]).await.unwrap();
    let refused = "another message with the same id was acknowledged".to_owned();
    let expected = [Published::Duplicate, Published::Refused(refused), Published::Accepted];
    assert_eq!(answers, expected, "dead ones do not count");
    pond.pass(1);
    assert_eq!(publisher.publish(&[other]).await.unwrap(), [Published::Accepted]);
    assert_eq!(drain(&*subscriber).await, "b a");
}

#[tokio::test]
async fn queues_of_one_file_do_not_meet() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let second = queues::open_publisher(pond.url("?queue=second"), &pond.options).await.unwrap();
    publish(&*publisher, "a 1@g").await;
    publish(&*second, "a 2@g").await;
    assert_eq!(drain(&*subscriber).await, "a 1");
    let url = pond.url("?queue=second");
    let subscriber = queues::open_subscriber(url, &pond.options).await.unwrap();
    assert_eq!(drain(&*subscriber).await, "a 2");
}

#[tokio::test]
async fn a_body_of_many_pages_survives() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    publisher.publish(&[Message::new("big", body.clone())]).await.unwrap();
    let got = receive(&*subscriber, 1).await;
    assert_eq!(got[0].message.body, body);
    ack(&*subscriber, &got).await;
}

#[tokio::test]
async fn an_empty_path_is_the_default_file() {
    let pond = Pond::new();
    let url = Location::parse("sqlite:").unwrap();
    let publisher = queues::open_publisher(url, &pond.options).await.unwrap();
    publish(&*publisher, "a").await;
    publisher.close().await.unwrap();
    assert!(pond.options.data_dir.join("queue.db").is_file());
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_the_opening() {
    let pond = Pond::new();
    let open = async |query: &str| {
        queues::open_publisher(pond.url(query), &pond.options).await.err().unwrap()
    };
    assert_eq!(open("?qeue=x").await.kind(), Kind::Usage);
    assert_eq!(open("?dedupe=soon").await.kind(), Kind::Usage);
    std::fs::write(pond.folder.path().join("q.db"), "id,name\n1,kitchen\n").unwrap();
    let error = open("").await;
    assert_eq!(error.kind(), Kind::Configuration);
    assert!(error.to_string().contains("file is not a database"), "{error}");
}
