//! Leases of an embedded queue to somebody who is no process: which messages, and how long to wait.

use crate::support::pond::{Pond, ids, messages, publish, receive};
use kakehi::queues::{self, Inspect, LeaseRequest, Publisher, Select, Settled, Verdict};
use kakehi::{Delivery, Message};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

async fn inspector(pond: &Pond) -> Box<dyn Inspect> {
    queues::open_inspector(pond.url(""), &pond.options).await.unwrap()
}

async fn lease(queue: &dyn Inspect, request: LeaseRequest) -> Vec<Delivery> {
    queue.receipts().unwrap().lease(request).await.unwrap()
}

fn patient() -> LeaseRequest {
    LeaseRequest { wait: PATIENCE, ..LeaseRequest::now(9, LEASE) }
}

async fn publish_tagged(publisher: &dyn Publisher, tagged: &[(&str, Option<&str>)]) {
    for (id, tag) in tagged {
        let tag = tag.map(str::to_owned);
        publisher.publish(&[Message { tag, ..messages(id).remove(0) }]).await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_is_of_the_tag_that_was_asked_for() {
    let pond = Pond::new();
    let publisher = pond.publisher().await;
    let tagged = [("1", Some("x")), ("2", Some("y")), ("3", None), ("4", Some("x"))];
    publish_tagged(&*publisher, &tagged).await;
    let queue = inspector(&pond).await;
    let of = |select| LeaseRequest { select, ..LeaseRequest::now(9, LEASE) };
    assert_eq!(ids(&lease(&*queue, of(Select::Tag("z".to_owned()))).await), "");
    assert_eq!(ids(&lease(&*queue, of(Select::Tag("y".to_owned()))).await), "2");
    assert_eq!(ids(&lease(&*queue, of(Select::OldestTag)).await), "1 4");
    assert_eq!(ids(&lease(&*queue, of(Select::OldestTag)).await), "3", "those without one");
    assert_eq!(ids(&lease(&*queue, of(Select::Any)).await), "");
}

#[tokio::test]
async fn whoever_waits_gets_what_comes() {
    let pond = Pond::new();
    let publisher = pond.publisher().await;
    publish(&*publisher, "a").await;
    let queue = inspector(&pond).await;
    let first = lease(&*queue, patient()).await;
    assert_eq!(ids(&first), "a", "what is there is not waited for");
    let (second, ()) = tokio::join!(lease(&*queue, patient()), publish(&*publisher, "b"));
    assert_eq!(ids(&second), "b");
    let settled = queue.receipts().unwrap().settle(vec![(first[0].receipt.clone(), Verdict::Ack)]);
    assert_eq!(settled.await.unwrap(), [Settled::Done]);
}

#[tokio::test]
async fn whoever_waits_gets_what_becomes_due() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a").await;
    assert_eq!(ids(&receive(&*subscriber, 1).await), "a");
    let queue = inspector(&pond).await;
    let waits = lease(&*queue, patient());
    let (leased, ()) = tokio::join!(waits, async { pond.pass(31) });
    assert_eq!(ids(&leased), "a", "its lease has ended");
    assert_eq!(leased[0].attempts, Some(1), "nobody had begun to work on it");
}

#[tokio::test]
async fn nobody_waits_longer_than_was_asked_for() {
    let pond = Pond::new();
    let publisher = pond.publisher().await;
    publish(&*publisher, "a@g").await;
    let queue = inspector(&pond).await;
    let wait = Duration::from_millis(30);
    let other = LeaseRequest { wait, group: Some("h".to_owned()), ..patient() };
    assert_eq!(ids(&lease(&*queue, other).await), "");
}

#[tokio::test]
async fn what_was_closed_is_opened_again_by_the_next_write() {
    let pond = Pond::new();
    let publisher = pond.publisher().await;
    publish(&*publisher, "a b").await;
    publisher.close().await.unwrap();
    let queue = inspector(&pond).await;
    queue.close().await.unwrap();
    for id in ["a", "b"] {
        let leased = lease(&*queue, LeaseRequest::now(1, LEASE)).await;
        assert_eq!(ids(&leased), id);
        queue.close().await.unwrap();
    }
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.leased), (Some(0), Some(2)));
}
