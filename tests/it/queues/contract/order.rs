//! The order within a group, on every queue.

use super::*;

pub(super) async fn the_order_within_a_group_holds(backend: &Backend) {
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

pub(super) async fn the_order_holds_through_retries(backend: &Backend) {
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
    ack(&*subscriber, &others).await;
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
