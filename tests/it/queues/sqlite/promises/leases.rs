//! Leases of the embedded queue: how long they last, and what counts.

use super::*;

#[tokio::test]
async fn an_attempt_counts_unless_it_was_released() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a").await;
    let mut counts = Vec::new();
    for verdict in [Verdict::Release, retry(Duration::ZERO), Verdict::Release] {
        let got = receive(&*subscriber, 1).await.remove(0);
        counts.push(got.attempts.unwrap());
        assert_eq!(settle(&*subscriber, &got, verdict).await, Settled::Done);
    }
    for begins in [false, true, false] {
        let got = receive(&*subscriber, 1).await.remove(0);
        counts.push(got.attempts.unwrap());
        if begins {
            subscriber.begun(&[got.receipt]).await;
        }
        pond.pass(31);
    }
    counts.push(receive(&*subscriber, 1).await[0].attempts.unwrap());
    assert_eq!(counts, [1, 1, 2, 2, 2, 3, 3], "a lost lease counts where work had begun");
}

#[tokio::test]
async fn a_late_worker_cannot_touch_what_was_leased_again() {
    let pond = Pond::new();
    let (publisher, slow) = pond.both().await;
    let quick = pond.subscriber().await;
    publish(&*publisher, "a b@g").await;
    let late = receive(&*slow, 2).await;
    pond.pass(29);
    assert!(receive(&*quick, 2).await.is_empty());
    pond.pass(1);
    let again = receive(&*quick, 2).await;
    assert_eq!(ids(&again), "a b");
    for verdict in
        [Verdict::Ack, Verdict::Release, retry(Duration::ZERO), Verdict::Bury("x".into())]
    {
        for delivery in &late {
            let settled = settle(&*slow, delivery, verdict.clone()).await;
            assert_eq!(settled, Settled::LeaseLost, "{verdict:?}");
        }
    }
    ack(&*quick, &again).await;
    for delivery in &again {
        assert_eq!(settle(&*quick, delivery, Verdict::Ack).await, Settled::LeaseLost, "twice");
    }
    let rubbish = vec![(Receipt("rubbish".into()), Verdict::Ack)];
    assert_eq!(quick.settle(rubbish).await, [Settled::LeaseLost]);
}

#[tokio::test]
async fn an_extended_lease_lasts_one_lease_more() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    let got = receive(&*subscriber, 2).await;
    pond.pass(20);
    subscriber.leases().unwrap().extend(&[got[0].receipt.clone()]).await.unwrap();
    pond.pass(20);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "b");
    pond.pass(10);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "a");
    // The first lease of `b` is lost: extending it must not lengthen the second.
    subscriber.leases().unwrap().extend(&[got[1].receipt.clone()]).await.unwrap();
    pond.pass(20);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "b");
}

#[tokio::test]
async fn a_lease_lasts_its_time_whatever_the_clock_is_set_to() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut options = pond.options.clone();
    options.lease = Duration::from_secs(3600);
    let other = queues::open_subscriber(pond.url(""), &options).await.unwrap();
    publish(&*publisher, "a b@g c@g").await;
    let got = receive(&*subscriber, 10).await;
    assert_eq!(got.len(), 3);
    for jump in [TimeDelta::milliseconds(-3), TimeDelta::hours(-1), TimeDelta::hours(5)] {
        pond.control.jump(jump);
        assert!(receive(&*subscriber, 10).await.is_empty(), "{jump}: its own");
        assert!(receive(&*other, 10).await.is_empty(), "{jump}: another's");
        let all: Vec<_> = got.iter().map(|it| it.receipt.clone()).collect();
        pond.pass(10);
        subscriber.leases().unwrap().extend(&all).await.unwrap();
    }
    // Nobody's longer lease is cut short by a shorter one.
    pond.pass(29);
    assert!(receive(&*other, 10).await.is_empty());
    pond.pass(1);
    assert_eq!(ids(&receive(&*other, 10).await), "a b c");
    pond.control.jump(TimeDelta::hours(-9));
    pond.pass(3599);
    assert!(receive(&*subscriber, 10).await.is_empty());
    pond.pass(1);
    assert_eq!(ids(&receive(&*subscriber, 10).await), "a b c");
}

#[tokio::test]
async fn a_stash_outlasts_a_jump_of_the_clock_and_not_its_lease() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    drop_a_receive(&pond, &*subscriber, 2).await;
    pond.control.jump(TimeDelta::hours(-1));
    let first = receive(&*subscriber, 1).await;
    pond.control.jump(TimeDelta::hours(3));
    let second = receive(&*subscriber, 1).await;
    assert_eq!((ids(&first), ids(&second)), ("a".to_owned(), "b".to_owned()));
    assert_eq!([first[0].attempts, second[0].attempts], [Some(1); 2]);
    for delivery in [&first[0], &second[0]] {
        assert_eq!(settle(&*subscriber, delivery, Verdict::Release).await, Settled::Done);
    }
    drop_a_receive(&pond, &*subscriber, 2).await;
    pond.pass(30);
    let other = pond.subscriber().await;
    assert_eq!(ids(&receive(&*other, 2).await), "a b");
    assert_eq!(ids(&receive(&*subscriber, 2).await), "", "what it had is another's now");
}

#[tokio::test]
async fn what_was_leased_while_a_receive_waited_for_its_turn_stays_leased() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    // Another process leases a message a second after the receive began.
    let other = pond.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut receiving = Box::pin(subscriber.receive(up_to(9)));
    assert!(futures_util::poll!(&mut receiving).is_pending());
    pond.pass(1);
    let now = pond.options.clock.millis();
    let lease = "UPDATE messages SET state = 3, token = 7, span = 30000, due = ?1 + 30000, \
                 attempts = 1 WHERE id = 'a'";
    other.execute(lease, [now]).unwrap();
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(ids(&receiving.await.unwrap()), "b");
}

/// Drops a receive that is under way: another process' lock holds it until it is dropped.
async fn drop_a_receive(pond: &Pond, subscriber: &dyn Subscriber, max: usize) {
    let other = pond.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut dropped = Box::pin(subscriber.receive(up_to(max)));
    assert!(futures_util::poll!(&mut dropped).is_pending());
    drop(dropped);
    other.execute_batch("ROLLBACK").unwrap();
    // The thread does one thing after another: this answer comes after the lease.
    subscriber.ping().await.unwrap();
}

#[tokio::test]
async fn what_a_dropped_receive_had_leased_goes_to_the_next() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let other = pond.subscriber().await;
    publish(&*publisher, "a b@g c@g d").await;
    drop_a_receive(&pond, &*subscriber, 3).await;
    assert_eq!(ids(&receive(&*other, 9).await), "", "c is behind b");
    assert_eq!(ids(&receive(&*subscriber, 2).await), "a b");
    assert_eq!(ids(&receive(&*subscriber, 2).await), "d");
}

#[tokio::test]
async fn close_gives_back_what_is_in_flight_and_what_nobody_took() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b@g c@g d").await;
    let got = receive(&*subscriber, 1).await;
    drop_a_receive(&pond, &*subscriber, 9).await;
    subscriber.close().await.unwrap();
    let subscriber = pond.subscriber().await;
    let again = receive(&*subscriber, 9).await;
    assert_eq!(ids(&again), "a b c d");
    assert!(again.iter().all(|it| it.attempts == Some(1)), "a release is no attempt");
    assert_eq!(settle(&*subscriber, &got[0], Verdict::Ack).await, Settled::LeaseLost);
}

#[tokio::test]
async fn close_gives_back_what_a_dropped_receive_is_still_leasing() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    publisher.close().await.unwrap();
    let other = pond.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut dropped = Box::pin(subscriber.receive(up_to(9)));
    assert!(futures_util::poll!(&mut dropped).is_pending());
    drop(dropped);
    let mut closing = subscriber.close();
    assert!(futures_util::poll!(&mut closing).is_pending());
    other.execute_batch("ROLLBACK").unwrap();
    closing.await.unwrap();
    assert_eq!(ids(&receive(&*pond.subscriber().await, 9).await), "a b");
}
