//! What a verdict does on every queue.

use super::*;

pub(super) async fn what_is_acknowledged_is_not_redelivered(backend: &Backend) {
    backend.publish(&messages(&["a", "b"])).await;
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 2).await;
    assert_eq!(BTreeSet::from_iter(ids(&deliveries)), BTreeSet::from(["a", "b"]));
    ack(&*subscriber, &deliveries).await;
    assert!(backend.is_silent(&*subscriber).await);
    subscriber.close().await.unwrap();
    assert!(backend.is_silent(&*backend.subscriber().await).await);
}

pub(super) async fn what_is_released_comes_at_once_and_costs_nothing(backend: &Backend) {
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

pub(super) async fn a_retry_comes_when_it_is_due_and_counts(backend: &Backend) {
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

pub(super) async fn not_before_is_kept(backend: &Backend) {
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

pub(super) async fn what_is_buried_stays_out(backend: &Backend) {
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

pub(super) async fn an_unknown_receipt_settles_nothing(backend: &Backend) {
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
