//! What a lease promises on every queue, and what comes of one that is lost.

use super::*;

pub(super) async fn a_lease_that_ends_offers_the_message_again(backend: &Backend) {
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

pub(super) async fn a_lease_counts_that_is_lost_in_mid_work(backend: &Backend) {
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

pub(super) async fn what_lost_its_lease_comes_alone_and_after_the_others(backend: &Backend) {
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

pub(super) async fn a_lease_outlasts_a_jump_of_the_clock(backend: &Backend) {
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

pub(super) async fn a_lease_that_is_extended_is_kept(backend: &Backend) {
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

pub(super) async fn what_is_held_is_given_back_at_the_end(backend: &Backend) {
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
