//! What a receive gives on every queue: how much, which, to whom.

use super::*;

pub(super) async fn two_subscribers_never_hold_the_same(backend: &Backend) {
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

pub(super) async fn nothing_is_a_normal_answer_in_time(backend: &Backend) {
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

pub(super) async fn a_receive_that_is_dropped_loses_nothing(backend: &Backend) {
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

pub(super) async fn a_batch_is_as_large_as_was_asked(backend: &Backend) {
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(990));
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

pub(super) async fn a_tag_selects(backend: &Backend) {
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

pub(super) async fn many_come_once_each(backend: &Backend) {
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
